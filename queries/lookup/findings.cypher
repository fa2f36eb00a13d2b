// One row is one finding about the provider $node, or with $node as a subject.
// It matters because an indicator is a reason to look, and names the days to look at.
// :params {run: 1, node: 'organisation:5520000018', limit: 20}
MATCH (n:GraphService {node_id: $node})<-[told:ABOUT|CONCERNS]-(f:GraphService:Finding)
WHERE n.since <= $run < n.until AND told.since <= $run < told.until
WITH f, min(CASE type(told) WHEN 'CONCERNS' THEN told.role END) AS role,
  count(CASE type(told) WHEN 'ABOUT' THEN 1 END) > 0 AS is_provider
WITH collect({f: f, role: CASE WHEN is_provider THEN 'provider' ELSE role END}) AS concerned
WITH concerned, COLLECT {
  UNWIND concerned AS one WITH one.f.detector AS detector, count(*) AS number
  RETURN [detector, number]
} AS found
UNWIND concerned AS one
WITH one.f AS f, one.role AS role, found
RETURN
  f.key AS finding_id,
  f.detector AS detector,
  f.strength AS strength,
  role,
  f.first AS first,
  f.last AS last,
  f.events AS events,
  f.days AS days,
  f.exposure_lower AS exposure_lower,
  f.exposure_upper AS exposure_upper,
  f.summary_sv AS summary_sv,
  f.summary_en AS summary_en,
  found
ORDER BY CASE f.strength WHEN 'hard' THEN 0 WHEN 'stat' THEN 1 ELSE 2 END, f.last DESC, f.key
LIMIT $limit

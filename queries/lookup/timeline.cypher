// One row is one dated event of $node, the latest first.
// It matters because who came, left, changed and was paid in which order is half of a case.
// :params {run: 1, node: 'organisation:5520000018', types: ['OWNS', 'OFFICER_OF'], as_of: null, limit: 100}
MATCH (n:GraphService {node_id: $node})
WHERE n.since <= $run < n.until
CALL (n) {
  UNWIND keys(n) AS event
  WITH n, event WHERE event =~ '.*_(on|from|to)'
  RETURN n[event] AS date, 'entity' AS subject, event, n.kind AS type, n.node_id AS id,
    null AS other_id
  UNION ALL
  MATCH (n)-[r]-(other:GraphService)
  WHERE type(r) IN $types AND r.since <= $run < r.until
  WITH DISTINCT r, other
  UNWIND ['valid_from', 'valid_to', 'first', 'last'] AS event
  WITH r, other, event WHERE event <> 'last' OR coalesce(r.last <> r.first, true)
  RETURN r[event] AS date, 'relationship' AS subject, event, type(r) AS type, r.edge_id AS id,
    other.node_id AS other_id
  UNION ALL
  MATCH (n)<-[told:ABOUT|CONCERNS]-(f:GraphService:Finding)
  WHERE told.since <= $run < told.until
  WITH DISTINCT f
  UNWIND ['first', 'last'] AS event
  WITH f, event WHERE event = 'first' OR f.last <> f.first
  RETURN f[event] AS date, 'finding' AS subject, event, f.detector AS type, f.key AS id,
    null AS other_id
}
WITH date, subject, event, type, id, other_id
WHERE date IS NOT NULL AND coalesce(date <= $as_of, true)
WITH collect({date: date, subject: subject, event: event, type: type, id: id,
  other_id: other_id}) AS events
WITH events, COLLECT {
  UNWIND events AS one WITH one.subject AS subject, count(*) AS number RETURN [subject, number]
} AS found
UNWIND events AS one
RETURN one.date AS date, one.subject AS subject, one.event AS event, one.type AS type,
  one.id AS id, one.other_id AS other_id, found
ORDER BY date DESC, subject DESC, type DESC, event DESC, coalesce(other_id, '') DESC, id DESC
LIMIT $limit

// One row is the score of the provider $node, with what it is made of.
// It matters because a score is read with its reasons or not at all.
// :params {run: 1, node: 'organisation:5520000018'}
MATCH (n:GraphService {node_id: $node})<-[of:SCORES]-(s:GraphService:Score)
WHERE n.since <= $run < n.until AND of.since <= $run < of.until
RETURN
  s.score AS score,
  s.band AS band,
  s.rank AS rank,
  s.detectors AS detectors,
  s.points AS points,
  s.cannot_assess AS cannot_assess,
  s.not_assessed AS not_assessed

// One row is one step from one of $nodes to an entity beside it.
// It matters because paths are made of steps.
// :params {run: 1, nodes: ['organisation:5520000018'], ends: ['organisation:5520000018'], types: ['OWNS', 'OFFICER_OF'], kinds: ['organisation', 'person'], as_of: null, hub: 50}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
CALL (n) {
  // Every relationship of each type, on whatever day: a type that has too many is a hub's.
  MATCH (n)-[r]-(:GraphService)
  WHERE type(r) IN $types AND r.since <= $run < r.until
  WITH n, type(r) AS type, collect(DISTINCT r) AS ties
  WHERE size(ties) <= $hub OR n.node_id IN $ends
  UNWIND ties AS r
  WITH n, r
  WHERE coalesce(r.valid_from <= $as_of, true)
    AND coalesce(r.valid_to > $as_of, true)
    AND coalesce(r.first <= $as_of, true)
  RETURN r, CASE WHEN startNode(r) = n THEN endNode(r) ELSE startNode(r) END AS other
}
WITH DISTINCT n, other
WHERE other <> n AND (other.kind IN $kinds OR other.node_id IN $ends)
RETURN n.node_id AS node_id, other.node_id AS other_id
ORDER BY node_id, other_id

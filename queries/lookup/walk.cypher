// One row is one step from one of $nodes to an entity beside it.
// It matters because paths are made of steps.
// :params {run: 1, nodes: ['organisation:5520000018'], ends: ['organisation:5520000018'], types: ['OWNS', 'OFFICER_OF'], kinds: ['organisation', 'person'], as_of: null, hub: 50}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
CALL (n) {
  // All that the node has of each type, on whatever day: a type that has too many is a hub's.
  MATCH (n)-[r]-(:GraphService)
  WHERE type(r) IN $types AND r.since <= $run < r.until
  WITH n, type(r) AS type, count(DISTINCT r) AS degree
  WHERE degree <= $hub OR n.node_id IN $ends
  RETURN collect(type) AS followed
}
MATCH (n)-[r]-(other:GraphService)
WHERE type(r) IN followed AND r.since <= $run < r.until
  AND coalesce(r.valid_from <= $as_of, true)
  AND coalesce(r.valid_to > $as_of, true)
  AND coalesce(r.first <= $as_of, true)
  AND other <> n AND (other.kind IN $kinds OR other.node_id IN $ends)
WITH DISTINCT n, other
RETURN n.node_id AS node_id, other.node_id AS other_id
ORDER BY node_id, other_id

// One row is one relationship of one of $walked with one of $nodes, those of rare types first.
// It matters because a network is its ties, with their dates and the way back to the records.
// :params {run: 1, nodes: ['organisation:5520000018', 'person:syn:1'], walked: ['organisation:5520000018'], start: 'organisation:5520000018', types: ['OWNS', 'OFFICER_OF'], as_of: null, hub: 50, limit: 500}
MATCH (n:GraphService)
WHERE n.node_id IN $walked AND n.since <= $run < n.until
CALL (n) {
  // All that the node has of each type, on whatever day: a type that has too many is a hub's.
  MATCH (n)-[r]-(:GraphService)
  WHERE type(r) IN $types AND r.since <= $run < r.until
  WITH n, type(r) AS type, count(DISTINCT r) AS degree
  WHERE degree <= $hub OR n.node_id = $start
  RETURN collect(type) AS followed
}
MATCH (n)-[r]-(other:GraphService)
WHERE type(r) IN followed AND r.since <= $run < r.until
  AND coalesce(r.valid_from <= $as_of, true)
  AND coalesce(r.valid_to > $as_of, true)
  AND coalesce(r.first <= $as_of, true)
  AND other.node_id IN $nodes
WITH DISTINCT r
WITH type(r) AS type, collect(r) AS ties, count(*) AS relationships
WITH collect({type: type, ties: ties, relationships: relationships}) AS types
WITH types, [one IN types | [one.type, one.relationships]] AS found
UNWIND types AS one
UNWIND one.ties AS r
RETURN
  r {.*, type: type(r), source_id: startNode(r).node_id, target_id: endNode(r).node_id} AS relationship,
  found
ORDER BY one.relationships, one.type, startNode(r).node_id, endNode(r).node_id, r.edge_id
LIMIT $limit

// One row is one entity next to $nodes that is not among $seen, those of rare ties first.
// It matters because what somebody shares, owns or is paid through stands a step or two away.
// :params {run: 1, nodes: ['organisation:5520000018'], seen: ['organisation:5520000018'], start: 'organisation:5520000018', types: ['OWNS', 'OFFICER_OF'], kinds: ['organisation', 'person'], as_of: null, hub: 50, limit: 200}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
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
  AND other.kind IN $kinds AND NOT other.node_id IN $seen
WITH type(r) AS type, collect(other) AS others
WITH others, size(others) AS relationships
UNWIND others AS other
WITH other, min(relationships) AS rarest, count(*) AS ties
ORDER BY rarest, ties DESC, other.node_id
WITH collect(other) AS reached
CALL (reached) {
  UNWIND reached AS other
  WITH other.kind AS kind, count(*) AS number
  RETURN collect([kind, number]) AS found
}
WITH found, reached[..CASE WHEN $limit > 0 THEN $limit ELSE 1 END] AS shown
UNWIND range(0, size(shown) - 1) AS place
WITH place, shown[place] AS n, found
RETURN CASE WHEN $limit > 0 THEN n {.node_id, .kind, .key, .name, .protected, labels: COLLECT {
  UNWIND labels(n) AS label WITH label WHERE label <> 'GraphService' RETURN label ORDER BY label
}} END AS entity, found
ORDER BY place

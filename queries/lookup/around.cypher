// One row is one entity next to $nodes that is not among $seen, those of rare ties first.
// It matters because what somebody shares, owns or is paid through stands a step or two away.
// :params {run: 1, nodes: ['organisation:5520000018'], seen: ['organisation:5520000018'], start: 'organisation:5520000018', types: ['OWNS', 'OFFICER_OF'], kinds: ['organisation', 'person'], as_of: null, hub: 50, limit: 200}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
CALL (n) {
  // Every relationship of each type, on whatever day: a type that has too many is a hub's.
  MATCH (n)-[r]-(:GraphService)
  WHERE type(r) IN $types AND r.since <= $run < r.until
  WITH n, type(r) AS type, collect(DISTINCT r) AS ties
  WHERE size(ties) <= $hub OR n.node_id = $start
  UNWIND ties AS r
  WITH n, r
  WHERE coalesce(r.valid_from <= $as_of, true)
    AND coalesce(r.valid_to > $as_of, true)
    AND coalesce(r.first <= $as_of, true)
  RETURN r, CASE WHEN startNode(r) = n THEN endNode(r) ELSE startNode(r) END AS other
}
WITH type(r) AS type, other
WHERE other.kind IN $kinds AND NOT other.node_id IN $seen
WITH type, collect(other) AS others, count(*) AS relationships
UNWIND others AS other
WITH other, min(relationships) AS rarest, count(*) AS ties
WITH collect({node: other, node_id: other.node_id, kind: other.kind, rarest: rarest, ties: ties}) AS reached
WITH reached, COLLECT {
  UNWIND reached AS one WITH one.kind AS kind, count(*) AS number RETURN [kind, number]
} AS found
UNWIND reached AS one
WITH one, found
ORDER BY one.rarest, one.ties DESC, one.node_id
LIMIT CASE WHEN $limit > 0 THEN $limit ELSE 1 END
WITH one, one.node AS n, found
RETURN CASE WHEN $limit > 0 THEN n {.node_id, .kind, .key, .name, .protected, labels: COLLECT {
  UNWIND labels(n) AS label WITH label WHERE label <> 'GraphService' RETURN label ORDER BY label
}} END AS entity, found
ORDER BY one.rarest, one.ties DESC, one.node_id

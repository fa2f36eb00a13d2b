// One row is one entity of $nodes, by name and role.
// It matters because a network of identifiers says nothing to a reader.
// :params {run: 1, nodes: ['organisation:5520000018']}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
RETURN n {.node_id, .kind, .key, .name, .protected, labels: COLLECT {
  UNWIND labels(n) AS label WITH label WHERE label <> 'GraphService' RETURN label ORDER BY label
}} AS entity
ORDER BY n.node_id

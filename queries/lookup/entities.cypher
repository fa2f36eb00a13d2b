// One row is one entity of $nodes, whole.
// It matters because what is known of a firm is told beside whom it deals with.
// :params {run: 1, nodes: ['organisation:5520000018']}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
RETURN n {.*, labels: COLLECT {
  UNWIND labels(n) AS label WITH label WHERE label <> 'GraphService' RETURN label ORDER BY label
}} AS entity
ORDER BY n.node_id

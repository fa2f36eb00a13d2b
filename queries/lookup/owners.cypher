// One row is one holding in one of $nodes.
// It matters because who decides over a company is who owns it, and who owns that one.
// :params {run: 1, nodes: ['organisation:5520000018'], as_of: null}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
MATCH (n)<-[r:OWNS]-(:GraphService)
WHERE r.since <= $run < r.until
  AND coalesce(r.valid_from <= $as_of, true)
  AND (r.valid_to IS NULL OR r.valid_to > $as_of) // without a day: what has no end
RETURN r {.*, type: type(r), source_id: startNode(r).node_id, target_id: endNode(r).node_id} AS relationship
ORDER BY r.edge_id

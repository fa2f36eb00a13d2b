// One row is one type of which one of $nodes has more than $hub relationships.
// It matters because whoever passes a hub is near everybody, and that tells nothing.
// :params {run: 1, nodes: ['organisation:5520000018'], types: ['EMPLOYED_BY', 'ENROLLED_WITH'], hub: 50}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
MATCH (n)-[r]-(:GraphService)
WHERE type(r) IN $types AND r.since <= $run < r.until
WITH n.node_id AS node_id, type(r) AS type, count(DISTINCT r) AS relationships
WHERE relationships > $hub
RETURN node_id, type, relationships
ORDER BY relationships DESC, node_id, type

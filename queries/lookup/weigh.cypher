// One row says how many relationships $nodes have.
// It matters because a search must know what its next step costs before it takes it.
// :params {run: 1, nodes: ['organisation:5520000018'], types: ['EMPLOYED_BY', 'ENROLLED_WITH']}
MATCH (n:GraphService)
WHERE n.node_id IN $nodes AND n.since <= $run < n.until
OPTIONAL MATCH (n)-[r]-(:GraphService)
WHERE type(r) IN $types AND r.since <= $run < r.until
WITH n, count(DISTINCT r) AS relationships
RETURN sum(relationships) AS relationships

-- One row is one type of which one of $nodes has more than $hub relationships.
-- It matters because whoever passes a hub is near everybody, and that tells nothing.
WITH asked AS (
    SELECT number, node_id FROM nodes WHERE node_id IN (SELECT unnest($nodes))
)
SELECT asked.node_id, spokes.type, spokes.degree AS relationships
FROM spokes
JOIN asked ON asked.number = spokes.node
WHERE spokes.degree > $hub AND list_contains($types, spokes.type)
ORDER BY relationships DESC, asked.node_id, spokes.type;

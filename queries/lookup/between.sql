-- One row is one relationship between two of $nodes.
-- It matters because a network is its ties, with their dates and the way back to the records.
WITH shown AS (
    SELECT number, node_id = $start AS is_start
    FROM nodes
    WHERE node_id IN (SELECT unnest($nodes))
),
ties AS (
    SELECT DISTINCT near.edge
    FROM adjacency AS near
    JOIN shown ON near.node = shown.number
    WHERE near.other IN (SELECT number FROM shown)
        AND (near.degree <= $hub OR shown.is_start)
        AND list_contains($types, near.type)
        AND (near.valid_from IS NULL OR near.valid_from <= coalesce($as_of, near.valid_from))
        AND (near.valid_to IS NULL OR $as_of IS NULL OR near.valid_to > $as_of)
        AND (near.first IS NULL OR near.first <= coalesce($as_of, near.first))
)
SELECT tie AS relationship
FROM (SELECT * EXCLUDE (by_month, days, amounts) FROM edges) AS tie
WHERE tie.number IN (SELECT edge FROM ties)
ORDER BY tie.edge_id;

-- One row is one relationship of one of $walked with one of $nodes, those of rare types first.
-- It matters because a network is its ties, with their dates and the way back to the records.
WITH from_here AS (
    SELECT number, node_id = $start AS is_start
    FROM nodes
    WHERE node_id IN (SELECT unnest($walked))
),
followed AS (
    SELECT spokes.number
    FROM from_here
    JOIN spokes ON spokes.node = from_here.number
    WHERE (spokes.degree <= $hub OR from_here.is_start)
        AND list_contains($types, spokes.type)
),
ties AS (
    SELECT DISTINCT near.edge, near.type
    FROM adjacency AS near
    WHERE near.spoke IN (SELECT number FROM followed)
        AND near.other IN (SELECT number FROM nodes WHERE node_id IN (SELECT unnest($nodes)))
        AND (near.valid_from IS NULL OR near.valid_from <= coalesce($as_of, near.valid_from))
        AND (near.valid_to IS NULL OR $as_of IS NULL OR near.valid_to > $as_of)
        AND (near.first IS NULL OR near.first <= coalesce($as_of, near.first))
),
of_type AS (
    SELECT type, count(*) AS relationships FROM ties GROUP BY type
),
counted AS (
    SELECT map_from_entries(list((type, relationships))) AS found FROM of_type
),
chosen AS (
    SELECT ties.edge, of_type.type, of_type.relationships
    FROM ties
    JOIN of_type ON of_type.type = ties.type
    ORDER BY of_type.relationships, of_type.type, ties.edge
    LIMIT $limit
)
SELECT tie AS relationship, counted.found
FROM chosen
JOIN (SELECT * EXCLUDE (by_month, days, amounts) FROM edges) AS tie ON tie.number = chosen.edge
CROSS JOIN counted
ORDER BY chosen.relationships, chosen.type, chosen.edge;

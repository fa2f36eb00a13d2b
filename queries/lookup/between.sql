-- One row is one relationship of one of $walked with one of $nodes, those of rare types first.
-- It matters because a network is its ties, with their dates and the way back to the records.
WITH from_here AS (
    SELECT number, node_id = $start AS is_start
    FROM nodes
    WHERE node_id IN (SELECT unnest($walked))
),
followed AS (
    SELECT spokes.number
    FROM spokes
    JOIN from_here ON from_here.number = spokes.node
    WHERE (spokes.degree <= $hub OR from_here.is_start)
        AND list_contains($types, spokes.type)
),
ties AS (
    SELECT DISTINCT near.edge, near.type
    FROM adjacency AS near
    WHERE near.spoke IN (SELECT number FROM followed)
        AND list_contains(
            (SELECT list(number) FROM nodes WHERE node_id IN (SELECT unnest($nodes))), near.other
        )
        AND coalesce(near.valid_from <= $as_of, true)
        AND coalesce(near.valid_to > $as_of, true)
        AND coalesce(near.first <= $as_of, true)
),
of_type AS (
    SELECT type, count(*) AS relationships FROM ties GROUP BY type
),
counted AS (
    SELECT histogram(type) AS found FROM ties
),
chosen AS (
    SELECT ties.edge, of_type.type, of_type.relationships
    FROM ties
    JOIN of_type ON of_type.type = ties.type
    ORDER BY of_type.relationships, of_type.type, ties.edge
    LIMIT $limit
)
SELECT tie.*, counted.found
FROM (SELECT * EXCLUDE (by_month, days, amounts) FROM edges) AS tie
JOIN chosen ON chosen.edge = tie.number
CROSS JOIN counted
ORDER BY chosen.relationships, chosen.type, chosen.edge;

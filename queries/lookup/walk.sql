-- One row is one step from one of $nodes to an entity beside it.
-- It matters because paths are made of steps.
WITH from_here AS (
    SELECT number, node_id, list_contains($ends, node_id) AS is_end
    FROM nodes
    WHERE node_id IN (SELECT unnest($nodes))
),
followed AS (
    SELECT spokes.number, from_here.node_id
    FROM spokes
    JOIN from_here ON from_here.number = spokes.node
    WHERE (spokes.degree <= $hub OR from_here.is_end)
        AND list_contains($types, spokes.type)
),
steps AS (
    SELECT DISTINCT followed.node_id, near.other
    FROM adjacency AS near
    JOIN followed ON near.spoke = followed.number
    WHERE near.other <> near.node
        AND (
            list_contains($kinds, near.other_kind)
            OR near.other IN (SELECT number FROM nodes WHERE node_id IN (SELECT unnest($ends)))
        )
        AND coalesce(near.valid_from <= $as_of, true)
        AND coalesce(near.valid_to > $as_of, true)
        AND coalesce(near.first <= $as_of, true)
)
SELECT steps.node_id, nodes.node_id AS other_id
FROM nodes
JOIN steps ON steps.other = nodes.number
ORDER BY steps.node_id, other_id;

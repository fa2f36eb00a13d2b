-- One row is one step from one of $nodes to an entity beside it.
-- It matters because paths are made of steps.
WITH from_here AS (
    SELECT number, node_id, list_contains($ends, node_id) AS is_end
    FROM nodes
    WHERE node_id IN (SELECT unnest($nodes))
),
steps AS (
    SELECT DISTINCT from_here.node_id, near.other
    FROM adjacency AS near
    JOIN from_here ON near.node = from_here.number
    WHERE (near.degree <= $hub OR from_here.is_end)
        AND near.other <> near.node
        AND list_contains($types, near.type)
        AND (
            list_contains($kinds, near.other_kind)
            OR near.other IN (SELECT number FROM nodes WHERE node_id IN (SELECT unnest($ends)))
        )
        AND (near.valid_from IS NULL OR near.valid_from <= coalesce($as_of, near.valid_from))
        AND (near.valid_to IS NULL OR $as_of IS NULL OR near.valid_to > $as_of)
        AND (near.first IS NULL OR near.first <= coalesce($as_of, near.first))
)
SELECT steps.node_id, nodes.node_id AS other_id
FROM steps
JOIN nodes ON nodes.number = steps.other
ORDER BY steps.node_id, other_id;

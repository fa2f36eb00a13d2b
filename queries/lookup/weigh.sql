-- One row says how many relationships $nodes have.
-- It matters because a search must know what its next step costs before it takes it.
SELECT count(*) AS relationships
FROM adjacency AS near
WHERE near.node IN (SELECT number FROM nodes WHERE node_id IN (SELECT unnest($nodes)))
    AND list_contains($types, near.type);

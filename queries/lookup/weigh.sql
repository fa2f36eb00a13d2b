-- One row says how many relationships $nodes have.
-- It matters because a search must know what its next step costs before it takes it.
SELECT CAST(coalesce(sum(spokes.degree), 0) AS BIGINT) AS relationships
FROM spokes
WHERE spokes.node IN (SELECT number FROM nodes WHERE node_id IN (SELECT unnest($nodes)))
    AND list_contains($types, spokes.type);

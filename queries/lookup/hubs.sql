-- One row is one type of which one of $nodes has more than $hub relationships.
-- It matters because whoever passes a hub is near everybody, and that tells nothing.
SELECT nodes.node_id, spokes.type, spokes.degree AS relationships
FROM spokes
JOIN nodes ON nodes.number = spokes.node
WHERE nodes.node_id IN (SELECT unnest($nodes))
    AND spokes.degree > $hub
    AND list_contains($types, spokes.type)
ORDER BY relationships DESC, nodes.node_id, spokes.type;

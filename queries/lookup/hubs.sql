-- One row is one type of which one of $nodes has more than $hub relationships.
-- It matters because whoever passes a hub is near everybody, and that tells nothing.
SELECT nodes.node_id, near.type, any_value(near.degree) AS relationships
FROM adjacency AS near
JOIN nodes ON nodes.number = near.node
WHERE nodes.node_id IN (SELECT unnest($nodes))
    AND near.degree > $hub
    AND list_contains($types, near.type)
GROUP BY nodes.node_id, near.type
ORDER BY relationships DESC, nodes.node_id, near.type;

-- One row is one entity of $references in clear; none whose protection is not among $lifted.
-- It matters because a case names its people to those who work on it, and nobody else's.
WITH lifted AS (
    SELECT coalesce(list(protector), []) AS protectors
    FROM (
        SELECT unnest(protectors) AS protector
        FROM scope_nodes
        WHERE ref IN (SELECT unnest(CAST($lifted AS VARCHAR[])))
    )
)
SELECT scope.ref, node.kind, node.key, node.name
FROM scope_nodes AS scope
JOIN nodes AS node ON node.node_id = scope.node_id
CROSS JOIN lifted
WHERE scope.ref IN (SELECT unnest(CAST($references AS VARCHAR[])))
    AND list_has_all(lifted.protectors, scope.protectors)
ORDER BY scope.ref;

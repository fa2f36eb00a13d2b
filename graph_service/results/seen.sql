-- One row is one of the given entities that the run holds, and whether it is one of the municipality's own.
-- It matters because a case, a judgement or a tip names only what its writer may see.
SELECT node_id, list_contains(labels, 'Official') AS insider
FROM nodes
WHERE node_id IN (SELECT unnest(CAST($references AS VARCHAR[])))
ORDER BY node_id;

-- One row is one entity of $nodes in the whole run; `who` says that it is somebody, not a thing.
-- It matters because a record names by identifiers, and a sight by references.
SELECT node_id, ref, personal, personal AND kind IN ('person', 'organisation') AS who
FROM scope_nodes
WHERE node_id IN (SELECT unnest(CAST($nodes AS VARCHAR[])));

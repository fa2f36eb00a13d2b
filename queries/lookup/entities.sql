-- One row is one entity of $nodes, whole.
-- It matters because what is known of a firm is told beside whom it deals with.
SELECT node AS entity
FROM nodes AS node
WHERE node_id IN (SELECT unnest($nodes))
ORDER BY node_id;

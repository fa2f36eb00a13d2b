-- One row is one entity of $nodes, whole.
-- It matters because a network of identifiers says nothing to a reader.
SELECT node AS entity
FROM nodes AS node
WHERE node_id IN (SELECT unnest($nodes))
ORDER BY node_id;

-- One row is one entity of $nodes, by name and role.
-- It matters because a network of identifiers says nothing to a reader.
SELECT {
    node_id: node_id, kind: kind, key: key, name: name, protected: protected, labels: labels
} AS entity
FROM nodes
WHERE node_id IN (SELECT unnest($nodes))
ORDER BY node_id;

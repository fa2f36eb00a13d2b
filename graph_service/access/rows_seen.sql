-- One row is one of $nodes, references, that the sight has.
-- It matters because a row may name somebody whom the reader may not see.
SELECT node_id FROM nodes WHERE node_id IN (SELECT unnest(CAST($nodes AS VARCHAR[])));

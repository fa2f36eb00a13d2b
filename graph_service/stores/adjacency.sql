-- One row is one relationship seen from one of its ends; a spoke is all of a type at one end.
-- It matters because whoever asks for a neighbourhood must find it without reading the graph.
ALTER TABLE nodes ADD COLUMN number INTEGER;
UPDATE nodes SET number = rowid;
ALTER TABLE edges ADD COLUMN number INTEGER;
UPDATE edges SET number = rowid;

-- Nodes are numbered in order of node_id, and edges of a type in order of their ends.
CREATE TABLE adjacency AS
WITH joined AS (
    SELECT
        source.number AS source,
        source.kind AS source_kind,
        target.number AS target,
        target.kind AS target_kind,
        edges.number AS edge,
        edges.type,
        edges.valid_from,
        edges.valid_to,
        edges.first,
        edges.last
    FROM edges
    JOIN nodes AS source ON source.node_id = edges.source_id
    JOIN nodes AS target ON target.node_id = edges.target_id
),
seen AS (
    SELECT
        source AS node, type, target AS other, target_kind AS other_kind, true AS outgoing,
        edge, valid_from, valid_to, first, last
    FROM joined
    UNION ALL
    SELECT
        target, type, source, source_kind, false, edge, valid_from, valid_to, first, last
    FROM joined
    WHERE source <> target
)
SELECT CAST(dense_rank() OVER (ORDER BY node, type) AS INTEGER) AS spoke, *
FROM seen
ORDER BY spoke, other, edge;

-- Told apart, so that a hub is known, and passed by, without a look at what hangs on it.
CREATE TABLE spokes AS
SELECT spoke AS number, any_value(node) AS node, any_value(type) AS type, count(*) AS degree
FROM adjacency
GROUP BY spoke
ORDER BY number;

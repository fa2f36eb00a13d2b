-- One row of evidence_nodes or evidence_edges is one entity, or one relationship, of the case's network.
-- It matters because a package shows the ties between those whom a case is about, and nobody's else.
CREATE OR REPLACE TABLE core AS
SELECT DISTINCT unnest(CAST($core AS VARCHAR[])) AS node_id;

-- What ties two of them together goes along: an account, an address, a firm that both know.
CREATE OR REPLACE TABLE evidence_edges AS
WITH touching AS (
    SELECT edge.*, source.node_id IS NOT NULL AS from_core, target.node_id IS NOT NULL AS to_core
    FROM sight.edges AS edge
    LEFT JOIN core AS source ON source.node_id = edge.source_id
    LEFT JOIN core AS target ON target.node_id = edge.target_id
    WHERE source.node_id IS NOT NULL OR target.node_id IS NOT NULL
),
between AS (
    SELECT node_id
    FROM (
        SELECT target_id AS node_id, source_id AS core_id FROM touching WHERE from_core AND NOT to_core
        UNION ALL
        SELECT source_id, target_id FROM touching WHERE to_core AND NOT from_core
    )
    GROUP BY node_id
    HAVING count(DISTINCT core_id) >= 2
),
kept AS (
    SELECT node_id, true AS is_core FROM core
    UNION ALL
    SELECT node_id, false
    FROM between
    JOIN sight.nodes USING (node_id)
    WHERE NOT list_contains($papers, kind)
)
SELECT touching.* EXCLUDE (from_core, to_core)
FROM touching
JOIN kept AS one ON one.node_id = touching.source_id
JOIN kept AS other ON other.node_id = touching.target_id
ORDER BY touching.source_id, touching.target_id, touching.type, touching.edge_id;

CREATE OR REPLACE TABLE evidence_nodes AS
SELECT node.*
FROM sight.nodes AS node
WHERE node_id IN (SELECT node_id FROM core)
    OR node_id IN (SELECT source_id FROM evidence_edges UNION SELECT target_id FROM evidence_edges)
ORDER BY node_id;

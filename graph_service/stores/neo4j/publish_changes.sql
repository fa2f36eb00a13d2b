-- One row is one element that a publish writes or closes: where the new run differs from the
-- shown one in any column. A node that changed takes its relationships with it into its version.
CREATE OR REPLACE TEMP TABLE writing_nodes AS
FROM coming_nodes EXCEPT ALL FROM shown_nodes;

CREATE OR REPLACE TEMP TABLE closing_nodes AS
SELECT node_id FROM (FROM shown_nodes EXCEPT ALL FROM coming_nodes);

INSERT INTO closed SELECT node_id FROM closing_nodes;

CREATE OR REPLACE TEMP TABLE writing_edges AS
FROM coming_edges WHERE source_id IN (FROM closed) OR target_id IN (FROM closed)
UNION ALL
FROM (FROM coming_edges EXCEPT ALL FROM shown_edges)
WHERE source_id NOT IN (FROM closed) AND target_id NOT IN (FROM closed);

CREATE OR REPLACE TEMP TABLE closing_edges AS
FROM shown_edges WHERE source_id IN (FROM closed) OR target_id IN (FROM closed)
UNION ALL
FROM (FROM shown_edges EXCEPT ALL FROM coming_edges)
WHERE source_id NOT IN (FROM closed) AND target_id NOT IN (FROM closed);

-- An edge is found from that of its two ends where fewer of its type are to be gone through.
CREATE OR REPLACE TEMP TABLE closing_ends AS
WITH leaving AS (
    SELECT type, source_id, count(*) AS edges
    FROM shown_edges SEMI JOIN closing_edges USING (type, source_id)
    GROUP BY ALL
),
arriving AS (
    SELECT type, target_id, count(*) AS edges
    FROM shown_edges SEMI JOIN closing_edges USING (type, target_id)
    GROUP BY ALL
)
SELECT
    type,
    leaving.edges <= arriving.edges AS outgoing,
    if(outgoing, source_id, target_id) AS node_id,
    list(edge_id) AS edge_ids
FROM closing_edges
JOIN leaving USING (type, source_id)
JOIN arriving USING (type, target_id)
GROUP BY ALL
ORDER BY type, outgoing, node_id;

-- One row is one finding or score as a node, or one relationship from it to what it concerns.
-- What an investigator needs beside the network; evidence and statistics stay in the run file.
CREATE OR REPLACE TEMP TABLE indicator_nodes AS
SELECT
    'finding:' || finding_id AS node_id,
    'finding' AS kind,
    finding_id AS key,
    ['Finding'] AS labels,
    detector,
    strength,
    provider_id,
    since::VARCHAR AS first,
    until::VARCHAR AS last,
    events,
    days,
    exposure_sek.lower AS exposure_lower,
    exposure_sek.upper AS exposure_upper,
    summary.sv AS summary_sv,
    summary.en AS summary_en
FROM findings
UNION ALL BY NAME
SELECT
    'score:' || provider_id AS node_id,
    'score' AS kind,
    provider_id AS key,
    ['Score'] AS labels,
    provider_id,
    score,
    band,
    rank,
    [part.detector FOR part IN contributions] AS detectors,
    [part.points FOR part IN contributions] AS points,
    cannot_assess,
    not_assessed
FROM scores
ORDER BY node_id;

CREATE OR REPLACE TEMP TABLE indicator_edges AS
WITH concerned AS (
    SELECT
        'CONCERNS' AS type,
        'finding:' || finding_id AS source_id,
        subject.kind || ':' || subject.id AS target_id,
        subject.role AS role
    FROM (SELECT finding_id, unnest(subjects) AS subject FROM findings)
    UNION ALL
    SELECT 'ABOUT', 'finding:' || finding_id, 'organisation:' || provider_id, NULL FROM findings
    UNION ALL
    SELECT 'SCORES', 'score:' || provider_id, 'organisation:' || provider_id, NULL FROM scores
)
SELECT
    type || ':' || md5(concat_ws(chr(31), source_id, target_id, role)) AS edge_id,
    concerned.*
FROM concerned
SEMI JOIN nodes ON nodes.node_id = concerned.target_id
ORDER BY type, source_id, target_id, edge_id;

-- One row is one node or one edge of a grown network: persons, firms, homes, and visits between.
-- Nearly a third of all visits are of few clients, as in a town; the same numbers give the same rows.
CREATE OR REPLACE MACRO drawn(n, salt, below) AS
    (hash(n::BIGINT, salt) % below::UBIGINT)::BIGINT;

CREATE OR REPLACE MACRO skewed(n, salt, below) AS
    if(
        drawn(n, salt, 10) < 3,
        least(floor(below / (1.0 + drawn(n, salt || 'x', below)))::BIGINT, below - 1),
        drawn(n, salt || 'y', below)
    );

INSERT INTO nodes BY NAME
SELECT 'person:' || key AS node_id, 'person' AS kind, key, ['Client', 'Person'] AS labels,
    false AS protected, 'Namn ' || n AS name, 'persons' AS origin_table,
    '{"person_id":"' || key || '"}' AS origin_key
FROM (SELECT n, 'syn:p' || n AS key FROM range($persons) AS r(n))
UNION ALL BY NAME
SELECT 'organisation:' || key AS node_id, 'organisation' AS kind, key,
    ['Organisation', 'Provider'] AS labels, false AS protected, 'Firma ' || n AS name,
    DATE '2001-01-01' + n::INTEGER % 8000 AS registered_on, true AS f_tax, n AS employees,
    25000.5 AS share_capital_sek, 'organisations' AS origin_table,
    '{"org_id":"' || key || '"}' AS origin_key
FROM (SELECT n, 'syn:o' || n AS key FROM range($persons // 50) AS r(n))
UNION ALL BY NAME
SELECT 'address:' || key AS node_id, 'address' AS kind, key, ['Address'] AS labels,
    false AS protected, key AS name, key AS street, '11111' AS postcode, 'Exstad' AS city
FROM (SELECT n, 'gatan' || n || '|11111' AS key FROM range($persons // 2) AS r(n));

INSERT INTO edges BY NAME
SELECT type || ':' || md5(type || n) AS edge_id, * EXCLUDE (n)
FROM (
    SELECT 'VISITED' AS type, n,
        'person:syn:p' || drawn(n, 'worker', $persons // 5) AS source_id,
        'person:syn:p' || skewed(n, 'client', $persons) AS target_id,
        'syn:o' || drawn(n, 'firm', $persons // 50) AS provider_id, '0180' AS municipality,
        -- One visit more for every hundredth, each further day.
        2 + drawn(n, 'visits', 40) + if(drawn(n, 'late', 100) < $day, $day, 0) AS visits,
        45.0 * visits AS minutes,
        DATE '2025-01-01' + drawn(n, 'first', 60)::INTEGER AS first, first + 30 AS last,
        [visits // 2, visits - visits // 2] AS by_month,
        [i * 2 FOR i IN range(least(visits, 12))] AS days,
        'visits' AS origin_table, '{"worker_id":"syn:p' || n || '","org_id":"syn:o1"}' AS origin_key
    FROM range($visits) AS r(n)
    UNION ALL BY NAME
    SELECT 'RESIDES_AT' AS type, n, 'person:syn:p' || n AS source_id,
        'address:gatan' || drawn(n, 'home', $persons // 2) || '|11111' AS target_id,
        DATE '2020-01-01' + n::INTEGER % 900 AS valid_from, 'residences' AS origin_table,
        '{"person_id":"syn:p' || n || '"}' AS origin_key
    FROM range($persons) AS r(n)
    UNION ALL BY NAME
    SELECT 'EMPLOYED_BY' AS type, n, 'person:syn:p' || n AS source_id,
        'organisation:syn:o' || drawn(n, 'employer', $persons // 50) AS target_id,
        DATE '2021-01-01' + n::INTEGER % 900 AS valid_from, 37.5 AS hours_per_week,
        'employments' AS origin_table, '{"person_id":"syn:p' || n || '"}' AS origin_key
    FROM range($persons // 5) AS r(n)
);

-- One row is one citation of a visit, by its number, and the visit that it means.
-- It matters because single visits stay in the records: the graph knows who, where and which days.
WITH asked AS (
    SELECT unnest(from_json(
        $asked,
        '[{"number": "BIGINT", "org_id": "VARCHAR", "municipality": "VARCHAR", "worker_id": "VARCHAR",
           "client_id": "VARCHAR", "since": "DATE", "until": "DATE", "take": "VARCHAR",
           "any_status": "BOOLEAN"}]'
    )) AS cited
),
meant AS (
    SELECT
        cited.number AS number, visit_id, "start", _file_sha256, _row,
        -- Both orders are asked as one: the last visit is the first of those turned round.
        CASE cited.take WHEN 'last' THEN -1 ELSE 1 END AS way
    FROM asked
    JOIN visits ON visits.org_id = cited.org_id
    WHERE (cited.municipality IS NULL OR municipality = cited.municipality)
        AND (cited.worker_id IS NULL OR worker_id = cited.worker_id)
        AND (cited.client_id IS NULL OR client_id = cited.client_id)
        AND (cited.any_status OR status = 'performed')
        AND (cited.since IS NULL
            OR CAST("start" AT TIME ZONE 'Europe/Stockholm' AS DATE) >= cited.since)
        AND (cited.until IS NULL
            OR CAST("start" AT TIME ZONE 'Europe/Stockholm' AS DATE) <= cited.until)
),
placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY number
            ORDER BY way * epoch_us("start"), CASE WHEN way > 0 THEN visit_id END, visit_id DESC
        ) AS place
    FROM meant
)
SELECT number, visit_id, _file_sha256, _row FROM placed WHERE place = 1

-- One row is the visits of one worker to one client for one provider and municipality in one month,
-- and one row is a login, device and tag used together. The visits are read once for each.
CREATE OR REPLACE TEMP TABLE visit_months AS
SELECT
    worker_id,
    client_id,
    org_id,
    municipality,
    year(day) * 12 + month(day) AS month,
    count(*) FILTER (WHERE performed) AS visits,
    sum(length_us) FILTER (WHERE performed) AS length_us,
    min(day) FILTER (WHERE performed) AS first,
    max(day) FILTER (WHERE performed) AS last,
    list(day) FILTER (WHERE performed) AS days,
    count(*) AS registered,
    min(day) AS registered_first,
    max(day) AS registered_last
FROM (
    SELECT
        worker_id,
        client_id,
        org_id,
        municipality,
        status = 'performed' AS performed,
        stockholm_day("start") AS day,
        epoch_us("end") - epoch_us("start") AS length_us
    FROM visits
)
GROUP BY worker_id, client_id, org_id, municipality, month;

CREATE OR REPLACE TEMP TABLE visit_tools AS
SELECT
    worker_id,
    org_id,
    login_id,
    device_id,
    tag_id,
    count(*) FILTER (WHERE status = 'performed') AS visits,
    stockholm_day(min("start") FILTER (WHERE status = 'performed')) AS first,
    stockholm_day(max("start") FILTER (WHERE status = 'performed')) AS last
FROM visits
WHERE login_id IS NOT NULL OR device_id IS NOT NULL OR tag_id IS NOT NULL
GROUP BY worker_id, org_id, login_id, device_id, tag_id;

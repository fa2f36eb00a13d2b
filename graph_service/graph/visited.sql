-- One row is one worker, client, provider and municipality with all their performed visits.
-- It matters because the single visits stay in the lake: the network needs only who met whom.
INSERT INTO new_edges BY NAME
WITH ties AS (
    SELECT
        worker_id,
        client_id,
        org_id,
        municipality,
        sum(visits) AS visits,
        sum(length_us) AS length_us,
        min(first) AS first,
        max(last) AS last,
        min(month) AS first_month,
        max(month) AS last_month,
        map_from_entries(list(struct_pack(month, visits))) AS in_month,
        list_sort(flatten(list(days))) AS days
    FROM visit_months
    WHERE visits > 0
    GROUP BY worker_id, client_id, org_id, municipality
)
SELECT
    'VISITED' AS type,
    'person:' || worker_id AS source_id,
    'person:' || client_id AS target_id,
    org_id AS provider_id,
    municipality,
    visits,
    CAST(length_us AS DOUBLE) / 60000000 AS minutes,
    first,
    last,
    list_transform(
        range(first_month, last_month + 1), lambda month: coalesce(in_month[month], 0)
    ) AS by_month,
    list_transform(days, lambda day: day - first) AS days,
    'visits' AS origin_table,
    to_json(
        struct_pack(worker_id, client_id, org_id, municipality, status := 'performed')
    ) AS origin_key
FROM ties;

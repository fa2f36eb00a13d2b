-- One row is one login and a device that it was used on.
-- It matters because one login on two devices at once, or many on one, is a deviation.
INSERT INTO new_edges BY NAME
SELECT
    'SIGNED_IN_ON' AS type,
    'login:' || login_id AS source_id,
    'device:' || device_id AS target_id,
    count(*) AS events,
    stockholm_day(min("at")) AS first,
    stockholm_day(max("at")) AS last,
    'login_events' AS origin_table,
    to_json(struct_pack(login_id, device_id)) AS origin_key
FROM login_events
WHERE device_id IS NOT NULL
GROUP BY login_id, device_id;

INSERT INTO new_edges BY NAME
SELECT
    'SIGNED_IN_ON' AS type,
    'login:' || login_id AS source_id,
    'device:' || device_id AS target_id,
    sum(visits) AS visits,
    min(first) AS first,
    max(last) AS last,
    'visits' AS origin_table,
    to_json(struct_pack(login_id, device_id, status := 'performed')) AS origin_key
FROM visit_tools AS used
WHERE
    visits > 0
    AND login_id IS NOT NULL
    AND device_id IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM login_events AS told
        WHERE told.login_id = used.login_id AND told.device_id = used.device_id
    )
GROUP BY login_id, device_id;

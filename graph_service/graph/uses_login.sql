-- One row is one person who holds a login, or who registered visits under one held by no such person.
-- It matters because a login is personal: two persons under one is a deviation.
INSERT INTO new_edges BY NAME
SELECT
    'USES_LOGIN' AS type,
    'person:' || person_id AS source_id,
    'login:' || login_id AS target_id,
    valid_from,
    valid_to,
    org_id AS provider_id,
    'logins' AS origin_table,
    to_json(struct_pack(login_id)) AS origin_key
FROM logins;

INSERT INTO new_edges BY NAME
SELECT
    'USES_LOGIN' AS type,
    'person:' || worker_id AS source_id,
    'login:' || login_id AS target_id,
    org_id AS provider_id,
    sum(visits) AS visits,
    min(first) AS first,
    max(last) AS last,
    'visits' AS origin_table,
    to_json(
        struct_pack(login_id, worker_id, org_id, status := 'performed')
    ) AS origin_key
FROM visit_tools AS used
WHERE
    visits > 0
    AND login_id IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM logins
        WHERE logins.login_id = used.login_id AND logins.person_id = used.worker_id
    )
GROUP BY login_id, worker_id, org_id;

-- One row is one account, login, device or tag, by its register or wherever it was used.
-- It matters because what no register tells of is used all the same.
INSERT INTO new_nodes BY NAME
WITH told AS (
    SELECT 'account' AS kind, account AS key, 0 AS rank,
        'accounts' AS origin_table, 'account' AS origin_column
    FROM accounts
    UNION ALL SELECT 'account', account, 1, 'invoices', 'account' FROM invoices
    UNION ALL SELECT 'account', payee_account, 2, 'payments', 'payee_account' FROM payments
    UNION ALL SELECT 'account', payer_account, 3, 'payments', 'payer_account' FROM payments
    UNION ALL SELECT 'login', login_id, 0, 'logins', 'login_id' FROM logins
    UNION ALL SELECT 'login', login_id, 1, 'login_events', 'login_id' FROM login_events
    UNION ALL SELECT 'login', login_id, 2, 'visits', 'login_id' FROM visit_tools
    UNION ALL SELECT 'device', device_id, 1, 'login_events', 'device_id' FROM login_events
    UNION ALL SELECT 'device', device_id, 2, 'visits', 'device_id' FROM visit_tools
    UNION ALL SELECT 'tag', tag_id, 0, 'tags', 'tag_id' FROM tags
    UNION ALL SELECT 'tag', tag_id, 1, 'login_events', 'tag_id' FROM login_events
    UNION ALL SELECT 'tag', tag_id, 2, 'visits', 'tag_id' FROM visit_tools
),
chosen AS (
    SELECT kind, key, min(struct_pack(rank, origin_table, origin_column)) AS origin
    FROM told
    WHERE key IS NOT NULL
    GROUP BY kind, key
)
SELECT
    kind,
    key,
    [upper(substr(kind, 1, 1)) || substr(kind, 2)] AS labels,
    origin.origin_table AS origin_table,
    json_object(origin.origin_column, key) AS origin_key
FROM chosen;

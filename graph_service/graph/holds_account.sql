-- One row is one party and one account: by the register, or by what invoices and payments tell.
-- It matters because money of several parties that meets on one account is a lead. An account of
-- a factor is not held by the firms whose claims it bought.
INSERT INTO new_edges BY NAME
SELECT
    'HOLDS_ACCOUNT' AS type,
    party(holder_id, holder_kind) AS source_id,
    'account:' || account AS target_id,
    valid_from,
    valid_to,
    'registered' AS role,
    purpose,
    'accounts' AS origin_table,
    to_json(struct_pack(account, holder_id, valid_from)) AS origin_key
FROM accounts;

INSERT INTO new_edges BY NAME
WITH told AS (
    SELECT
        'organisation:' || org_id AS source_id,
        account,
        'invoiced' AS role,
        NULL AS payments,
        min(issued_on) AS first,
        max(issued_on) AS last,
        'invoices' AS origin_table,
        to_json(struct_pack(org_id, account)) AS origin_key
    FROM invoices
    WHERE account IS NOT NULL
    GROUP BY org_id, account
    UNION ALL
    SELECT
        kind || ':' || payee_id, payee_account, 'paid', count(*), min(paid_on), max(paid_on),
        'payments',
        to_json(struct_pack(payee_id, payee_account))
    FROM payments
    INNER JOIN payment_parties ON id = payee_id AND origin_column = 'payee_id'
    WHERE payee_account IS NOT NULL
    GROUP BY kind, payee_id, payee_account
    UNION ALL
    SELECT
        kind || ':' || payer_id, payer_account, 'paid', count(*), min(paid_on), max(paid_on),
        'payments',
        to_json(struct_pack(payer_id, payer_account))
    FROM payments
    INNER JOIN payment_parties ON id = payer_id AND origin_column = 'payer_id'
    WHERE payer_account IS NOT NULL
    GROUP BY kind, payer_id, payer_account
)
SELECT
    'HOLDS_ACCOUNT' AS type,
    source_id,
    'account:' || account AS target_id,
    role,
    payments,
    first,
    last,
    origin_table,
    origin_key
FROM told
WHERE
    NOT EXISTS (
        SELECT 1 FROM accounts
        WHERE
            accounts.account = told.account
            AND (purpose = 'factoring' OR party(holder_id, holder_kind) = told.source_id)
    )
    AND NOT EXISTS (
        SELECT 1 FROM invoices WHERE invoices.account = told.account AND factoring
    );

-- One row is one payer, payee and currency with all their payments.
-- It matters because money that passes on, or comes back, is seen between accounts. Each end is
-- the account where it is told, else the party.
INSERT INTO new_edges BY NAME
WITH ends AS (
    SELECT
        payment_id,
        payer_account,
        CASE WHEN payer_account IS NULL THEN payer_id END AS payer_id,
        coalesce('account:' || payer_account, payers.kind || ':' || payer_id) AS source_id,
        payee_account,
        CASE WHEN payee_account IS NULL THEN payee_id END AS payee_id,
        coalesce('account:' || payee_account, payees.kind || ':' || payee_id) AS target_id,
        amount,
        currency,
        paid_on
    FROM payments
    LEFT JOIN payment_parties AS payers
        ON payers.id = payer_id AND payers.origin_column = 'payer_id'
    LEFT JOIN payment_parties AS payees
        ON payees.id = payee_id AND payees.origin_column = 'payee_id'
)
SELECT
    'TRANSFERRED_TO' AS type,
    source_id,
    target_id,
    count(*) AS payments,
    sum(amount) AS amount,
    currency,
    min(paid_on) AS first,
    max(paid_on) AS last,
    'payments' AS origin_table,
    CASE
        WHEN payer_account IS NOT NULL AND payee_account IS NOT NULL
            THEN to_json(struct_pack(payer_account, payee_account, currency))
        WHEN payer_account IS NOT NULL
            THEN to_json(struct_pack(payer_account, payee_account, payee_id, currency))
        WHEN payee_account IS NOT NULL
            THEN to_json(struct_pack(payer_account, payer_id, payee_account, currency))
        ELSE to_json(struct_pack(payer_account, payer_id, payee_account, payee_id, currency))
    END AS origin_key
FROM ends
WHERE source_id IS NOT NULL AND target_id IS NOT NULL
GROUP BY source_id, target_id, payer_account, payer_id, payee_account, payee_id, currency;

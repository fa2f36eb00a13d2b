-- One row is one payment and the account or party that it went to.
-- It matters because the account tells where money ended, whoever was named on the invoice.
INSERT INTO new_edges BY NAME
WITH ends AS (
    SELECT payment_id, 'account:' || payee_account AS target_id
    FROM payments
    WHERE payee_account IS NOT NULL
    UNION ALL
    SELECT payment_id, kind || ':' || payee_id
    FROM payments
    INNER JOIN payment_parties ON id = payee_id AND origin_column = 'payee_id'
)
SELECT
    'PAID_TO' AS type,
    'payment:' || payment_id AS source_id,
    target_id,
    amount,
    currency,
    paid_on AS first,
    paid_on AS last,
    'payments' AS origin_table,
    to_json(struct_pack(payment_id)) AS origin_key
FROM payments
INNER JOIN ends USING (payment_id);

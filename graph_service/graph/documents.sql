-- One row is one permit, decision, invoice or payment.
-- It matters because a finding names the paper that it rests on.
INSERT INTO new_nodes BY NAME
SELECT
    'permit' AS kind,
    permit_id AS key,
    ['Permit'] AS labels,
    service,
    law,
    'permits' AS origin_table,
    to_json(struct_pack(permit_id)) AS origin_key
FROM permits
QUALIFY row_number() OVER (PARTITION BY permit_id ORDER BY valid_from DESC, status) = 1;

INSERT INTO new_nodes BY NAME
SELECT
    'decision' AS kind,
    decision_id AS key,
    ['Decision'] AS labels,
    municipality,
    service,
    hours_per_month,
    double_staffed,
    unit,
    valid_from,
    valid_to,
    'decisions' AS origin_table,
    to_json(struct_pack(decision_id)) AS origin_key
FROM decisions;

INSERT INTO new_nodes BY NAME
SELECT
    'invoice' AS kind,
    invoice_id AS key,
    ['Invoice'] AS labels,
    municipality,
    unit,
    issued_on,
    period_from,
    period_to,
    amount,
    currency,
    factoring,
    'invoices' AS origin_table,
    to_json(struct_pack(invoice_id)) AS origin_key
FROM invoices;

INSERT INTO new_nodes BY NAME
SELECT
    'payment' AS kind,
    payment_id AS key,
    ['Payment'] AS labels,
    paid_on,
    amount,
    currency,
    purpose,
    invoice_id,
    'payments' AS origin_table,
    to_json(struct_pack(payment_id)) AS origin_key
FROM payments;

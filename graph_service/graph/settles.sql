-- One row is one payment and the invoice that it pays.
-- It matters because money is followed from the invoice to where it ended.
INSERT INTO new_edges BY NAME
SELECT
    'SETTLES' AS type,
    'payment:' || payment_id AS source_id,
    'invoice:' || invoice_id AS target_id,
    paid_on AS first,
    paid_on AS last,
    'payments' AS origin_table,
    to_json(struct_pack(payment_id)) AS origin_key
FROM payments
SEMI JOIN invoices USING (invoice_id);

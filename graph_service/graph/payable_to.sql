-- One row is one invoice and the account on which it asks to be paid.
-- It matters because several parties that ask to be paid on one account are a lead.
INSERT INTO new_edges BY NAME
SELECT
    'PAYABLE_TO' AS type,
    'invoice:' || invoice_id AS source_id,
    'account:' || account AS target_id,
    issued_on AS first,
    issued_on AS last,
    'invoices' AS origin_table,
    to_json(struct_pack(invoice_id)) AS origin_key
FROM invoices
WHERE account IS NOT NULL;

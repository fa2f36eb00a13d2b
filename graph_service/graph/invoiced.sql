-- One row is one invoice and the organisation that billed it.
-- It matters because money leaves the municipality by invoices.
INSERT INTO new_edges BY NAME
SELECT
    'INVOICED' AS type,
    'organisation:' || org_id AS source_id,
    'invoice:' || invoice_id AS target_id,
    municipality,
    amount,
    currency,
    issued_on AS first,
    issued_on AS last,
    'invoices' AS origin_table,
    to_json(struct_pack(invoice_id)) AS origin_key
FROM invoices;

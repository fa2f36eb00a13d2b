-- One row is one invoice and a client whom its lines name, with what each day was billed.
-- It matters because money is followed from the invoice to the care it stands for.
INSERT INTO new_edges BY NAME
WITH daily AS (
    SELECT
        invoice_id,
        client_id,
        currency,
        coalesce(day, period_from) AS day,
        sum(invoice_lines.amount) AS amount
    FROM invoice_lines
    INNER JOIN invoices USING (invoice_id)
    WHERE client_id IS NOT NULL
    GROUP BY ALL
),
billed AS (
    SELECT
        invoice_id,
        client_id,
        currency,
        sum(amount) AS amount,
        min(day) AS first,
        max(day) AS last,
        list_sort(list(struct_pack(day, amount))) AS daily
    FROM daily
    GROUP BY ALL
)
SELECT
    'BILLED_FOR' AS type,
    'invoice:' || invoice_id AS source_id,
    'person:' || client_id AS target_id,
    amount,
    currency,
    first,
    last,
    list_transform(daily, lambda each: each.day - first) AS days,
    list_transform(daily, lambda each: each.amount) AS amounts,
    'invoice_lines' AS origin_table,
    to_json(struct_pack(invoice_id, client_id)) AS origin_key
FROM billed;

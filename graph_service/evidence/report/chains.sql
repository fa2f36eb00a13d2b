-- One row is one questioned registration or invoice line of the package, with what it belongs to.
-- It matters because the reader must see what each one led to, and what could not be told.
WITH paid AS (
    SELECT
        c.item, count(*) AS payments, count(p.payment_id) AS given,
        sum(CASE WHEN p.currency = 'SEK' THEN p.amount END) AS sek,
        bool_and(p.currency = 'SEK') AS in_sek,
        max(p.paid_on) AS paid_on,
        CASE WHEN count(*) = 1 THEN any_value(p._file_sha256) END AS file_sha256,
        CASE WHEN count(*) = 1 THEN any_value(p._row) END AS "row",
        CASE WHEN count(DISTINCT p.payee_account) = 1 THEN any_value(p.payee_account) END AS account
    FROM chain_payments AS c
    LEFT JOIN known.payments AS p ON p._file_sha256 = c.file_sha256 AND p._row = c."row"
    GROUP BY c.item
)
SELECT
    i.*,
    coalesce(v.org_id, f.org_id) AS provider,
    coalesce(v.client_id, own.client_id) AS client,
    v.worker_id AS worker,
    coalesce(v.service, own.service) AS service,
    i.since AS day,
    v.start AT TIME ZONE 'Europe/Stockholm' AS start,
    v."end" AT TIME ZONE 'Europe/Stockholm' AS "end",
    date_diff('minute', v.start, v."end") AS minutes,
    v.start_method, v.end_method,
    d.decision_id, d.hours_per_month, d._row IS NOT NULL AS decision_given,
    l.invoice_id, l.amount, f.currency,
    coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END) AS hours,
    coalesce(l.day, f.period_from) AS billed_from, coalesce(l.day, f.period_to) AS billed_to,
    l._row IS NOT NULL AS line_given,
    k.contract_id, k._row IS NOT NULL AS contract_given,
    coalesce(p.payments, 0) AS payments, coalesce(p.given, 0) AS payments_given,
    p.sek AS paid_sek, p.in_sek AS paid_in_sek, p.paid_on, p.file_sha256 AS payment_file,
    p."row" AS payment_row, coalesce(p.account, f.account) AS account
FROM chain_items AS i
JOIN taken USING ("table", file_sha256, "row")
LEFT JOIN known.visits AS v
    ON i."table" = 'visits' AND v._file_sha256 = i.file_sha256 AND v._row = i."row"
LEFT JOIN known.invoice_lines AS own
    ON i."table" = 'invoice_lines' AND own._file_sha256 = i.file_sha256 AND own._row = i."row"
LEFT JOIN known.decisions AS d
    ON d._file_sha256 = i.decision_file AND d._row = i.decision_row
LEFT JOIN known.invoice_lines AS l ON l._file_sha256 = i.line_file AND l._row = i.line_row
LEFT JOIN known.invoices AS f ON f._file_sha256 = i.invoice_file AND f._row = i.invoice_row
LEFT JOIN known.contracts AS k
    ON k._file_sha256 = i.contract_file AND k._row = i.contract_row
LEFT JOIN paid AS p ON p.item = i.item
ORDER BY day, start NULLS LAST, i.item;

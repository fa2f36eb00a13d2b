-- One row of chain_items is one questioned registration or invoice line, with the rows that it belongs to.
-- It matters because a false registration costs money only by a decision, an invoice and a payment.
CREATE TEMP TABLE cited AS
SELECT asked.finding_id, asked.hard, told.provider_id, told.item
FROM asked
JOIN (
    SELECT finding_id AS run_finding_id, provider_id, unnest(evidence) AS item
    FROM whole.findings
    WHERE finding_id IN (SELECT run_finding_id FROM asked)
) AS told USING (run_finding_id);

-- Each row in question once; `own` tells with whom of the findings' providers its money went.
CREATE TEMP TABLE questioned AS
SELECT
    c.finding_id, c.hard, 'visits' AS "table", v._file_sha256 AS file_sha256, v._row AS "row",
    v.org_id, v.org_id = c.provider_id AS own, v.municipality, v.client_id,
    lower(trim(v.service)) AS service, v.decision_id,
    CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS since,
    CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS until,
    CAST(date_diff('second', v.start, v."end") AS DECIMAL(18, 4)) / 3600 AS hours,
    CAST(NULL AS VARCHAR) AS invoice_id, CAST(NULL AS DECIMAL(18, 4)) AS sek
FROM cited AS c
JOIN visits AS v ON v._file_sha256 = c.item.file_sha256 AND v._row = c.item."row"
WHERE c.item."table" = 'visits'
UNION ALL
SELECT
    c.finding_id, c.hard, 'invoice_lines', l._file_sha256, l._row,
    i.org_id, i.org_id = c.provider_id, i.municipality, l.client_id,
    lower(trim(l.service)), NULL,
    coalesce(l.day, o.period_from, i.period_from), coalesce(l.day, o.period_to, i.period_to),
    coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END),
    l.invoice_id, CASE WHEN i.currency = 'SEK' THEN l.amount END
FROM cited AS c
JOIN invoice_lines AS l ON l._file_sha256 = c.item.file_sha256 AND l._row = c.item."row"
JOIN invoices AS i ON i.invoice_id = l.invoice_id
-- A credit concerns the period of the invoice that it corrects.
LEFT JOIN invoices AS o ON o.invoice_id = i.credit_of
WHERE c.item."table" = 'invoice_lines';

CREATE TEMP TABLE item AS
SELECT
    row_number() OVER (ORDER BY since, "table" DESC, file_sha256, "row") AS item, *
FROM (
    SELECT
        * EXCLUDE (finding_id, hard, own),
        list(finding_id ORDER BY finding_id) FILTER (WHERE hard) AS findings,
        bool_or(hard) AS chained
    FROM questioned
    GROUP BY ALL
);

-- Other systems use other words: the municipality's own list says which mean the same.
CREATE TEMP TABLE word AS
SELECT DISTINCT municipality, service AS said, service AS means FROM item
UNION
SELECT municipality, lower(trim(service)), lower(trim(permit_service))
FROM services WHERE permit_service IS NOT NULL
UNION
SELECT municipality, lower(trim(permit_service)), lower(trim(service))
FROM services WHERE permit_service IS NOT NULL;

-- The decision that the registration itself names, whatever it says; else those that grant it.
CREATE TEMP TABLE item_decision AS
SELECT i.item, 'decision_id' AS joined_by, d._file_sha256 AS file_sha256, d._row AS "row"
FROM item AS i
LEFT JOIN decisions AS d USING (decision_id)
WHERE i.chained AND i.decision_id IS NOT NULL
UNION ALL
SELECT i.item, 'client_service_day', d._file_sha256, d._row
FROM item AS i
JOIN word AS w ON w.municipality = i.municipality AND w.said = i.service
JOIN decisions AS d
    ON d.client_id = i.client_id AND d.municipality = i.municipality
    AND lower(trim(d.service)) = w.means
    AND d.valid_from <= i.until AND (d.valid_to IS NULL OR d.valid_to > i.since)
WHERE i.chained AND i.decision_id IS NULL;

-- The line that bills a visit: the provider's, for the client and the service, over its day.
CREATE TEMP TABLE item_line AS
SELECT item, 'itself' AS joined_by, invoice_id, file_sha256, "row"
FROM item WHERE chained AND invoice_id IS NOT NULL
UNION ALL
SELECT i.item, 'client_service_day', l.invoice_id, l._file_sha256, l._row
FROM item AS i
JOIN word AS w ON w.municipality = i.municipality AND w.said = i.service
JOIN invoices AS f ON f.org_id = i.org_id AND f.municipality = i.municipality
JOIN invoice_lines AS l
    ON l.invoice_id = f.invoice_id AND l.client_id = i.client_id
    AND lower(trim(l.service)) = w.means AND l.amount > 0
    AND i.since BETWEEN coalesce(l.day, f.period_from) AND coalesce(l.day, f.period_to)
WHERE i.chained AND i.invoice_id IS NULL;

CREATE TEMP TABLE item_contract AS
SELECT i.item, k._file_sha256 AS file_sha256, k._row AS "row"
FROM item AS i
JOIN word AS w ON w.municipality = i.municipality AND w.said = i.service
JOIN contracts AS k
    ON k.org_id = i.org_id AND k.municipality = i.municipality
    AND lower(trim(k.service)) = w.means
    AND k.valid_from <= i.until AND (k.valid_to IS NULL OR k.valid_to > i.since)
WHERE i.chained;

-- Where several fit, none is named.
CREATE TEMP TABLE chain_items AS
WITH decided AS (
    SELECT
        item, any_value(joined_by) AS joined_by, count("row") AS fits,
        CASE WHEN count("row") = 1 THEN any_value(file_sha256) END AS file_sha256,
        CASE WHEN count("row") = 1 THEN any_value("row") END AS "row"
    FROM (SELECT DISTINCT * FROM item_decision) GROUP BY item
),
billed AS (
    SELECT
        item, any_value(joined_by) AS joined_by, count(*) AS fits,
        CASE WHEN count(*) = 1 THEN any_value(file_sha256) END AS file_sha256,
        CASE WHEN count(*) = 1 THEN any_value("row") END AS "row",
        CASE WHEN count(*) = 1 THEN any_value(invoice_id) END AS invoice_id
    FROM (SELECT DISTINCT * FROM item_line) GROUP BY item
),
contracted AS (
    SELECT
        item, count(*) AS fits,
        CASE WHEN count(*) = 1 THEN any_value(file_sha256) END AS file_sha256,
        CASE WHEN count(*) = 1 THEN any_value("row") END AS "row"
    FROM (SELECT DISTINCT * FROM item_contract) GROUP BY item
)
SELECT
    i.item, i.findings, i."table", i.file_sha256, i."row", i.since,
    d.joined_by AS decision_by, coalesce(d.fits, 0) AS decision_fits,
    d.file_sha256 AS decision_file, d."row" AS decision_row,
    b.joined_by AS line_by, coalesce(b.fits, 0) AS line_fits,
    b.file_sha256 AS line_file, b."row" AS line_row,
    f._file_sha256 AS invoice_file, f._row AS invoice_row,
    coalesce(k.fits, 0) AS contract_fits, k.file_sha256 AS contract_file, k."row" AS contract_row,
    b.invoice_id IN (SELECT credit_of FROM invoices WHERE credit_of IS NOT NULL) AS credited
FROM item AS i
LEFT JOIN decided AS d USING (item)
LEFT JOIN billed AS b USING (item)
LEFT JOIN contracted AS k USING (item)
LEFT JOIN invoices AS f ON f.invoice_id = b.invoice_id
WHERE i.chained;

-- What was paid for the invoice; a payment that names none is not guessed at.
CREATE TEMP TABLE chain_payments AS
SELECT c.item, p._file_sha256 AS file_sha256, p._row AS "row"
FROM chain_items AS c
JOIN invoices AS f ON f._file_sha256 = c.invoice_file AND f._row = c.invoice_row
JOIN payments AS p ON p.invoice_id = f.invoice_id;

-- Who was harmed: the municipality whose records these are.
CREATE TEMP TABLE chain_municipalities AS
SELECT DISTINCT q.finding_id, m._file_sha256 AS file_sha256, m._row AS "row"
FROM questioned AS q JOIN municipalities AS m USING (municipality);

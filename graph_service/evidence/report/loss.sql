-- One row of money_rows is one row that a finding questions, with the most that it can have cost in SEK.
-- It matters because two findings may question the same krona, which is to be counted once.
CREATE TEMP TABLE money_rows AS
WITH price AS (
    -- Only contracts that pay for performed time price a registered minute.
    SELECT i.item, max(k.hourly_rate_sek) AS dearest
    FROM item AS i
    JOIN contracts AS k
        ON k.org_id = i.org_id AND k.municipality = i.municipality
        AND lower(trim(k.service)) = i.service
        AND k.valid_from <= i.since AND (k.valid_to IS NULL OR i.since < k.valid_to)
    WHERE i.invoice_id IS NULL
    GROUP BY i.item
    HAVING bool_and(k.reimbursement = 'performed')
),
fee AS (
    SELECT i.item, max(f.hourly_fee_sek) AS hourly
    FROM item AS i
    JOIN fees AS f
        ON f.client_id = i.client_id AND f.valid_from <= i.until
        AND (f.valid_to IS NULL OR f.valid_to > i.since)
    GROUP BY i.item
)
SELECT
    q.finding_id, i.item, i.invoice_id IS NOT NULL AS is_line, i.since, i.until,
    dense_rank() OVER (ORDER BY i.client_id) AS client, p.dearest,
    CASE
        WHEN i.invoice_id IS NULL THEN i.hours * p.dearest
        WHEN i.sek IS NOT NULL THEN greatest(0, i.sek)
    END AS sek,
    i.hours * f.hourly AS fee
FROM questioned AS q
JOIN item AS i USING ("table", file_sha256, "row")
LEFT JOIN price AS p USING (item)
LEFT JOIN fee AS f USING (item)
WHERE q.own;

-- A visit and a line that may bill it: so much of the line, at most, is the visit's. Null: all of it.
CREATE TEMP TABLE money_meets AS
SELECT
    v.item AS visit, l.item AS line,
    v.hours * greatest(l.sek / nullif(abs(l.hours), 0), p.dearest) AS sek
FROM item AS v
JOIN item AS l
    ON l.invoice_id IS NOT NULL AND l.org_id = v.org_id
    AND l.client_id IS NOT DISTINCT FROM v.client_id AND v.since BETWEEN l.since AND l.until
LEFT JOIN (SELECT DISTINCT item, dearest FROM money_rows) AS p ON p.item = v.item
WHERE v.invoice_id IS NULL AND coalesce(l.sek, 1) > 0;

-- All that a provider billed, and whether each visit in question lies on some line of it.
CREATE TEMP TABLE money_findings AS
SELECT
    asked.finding_id, dense_rank() OVER (ORDER BY f.provider_id) AS provider,
    b.sek AS billed
FROM asked
JOIN whole.findings AS f ON f.finding_id = asked.run_finding_id
LEFT JOIN (
    SELECT
        org_id,
        CASE WHEN bool_and(currency = 'SEK') THEN sum(greatest(0, amount)) END AS sek
    FROM invoices GROUP BY org_id
) AS b ON b.org_id = f.provider_id;

CREATE TEMP TABLE money_billed AS
SELECT DISTINCT i.item
FROM item AS i
JOIN invoices AS f ON f.org_id = i.org_id AND f.municipality = i.municipality
JOIN invoice_lines AS l
    ON l.invoice_id = f.invoice_id AND l.client_id = i.client_id AND l.amount > 0
    AND i.since BETWEEN coalesce(l.day, f.period_from) AND coalesce(l.day, f.period_to)
WHERE i.invoice_id IS NULL;

-- One row is one registration or billed line that a hard finding cites and that the package has.
-- It matters because an act is told by who said what, when, and what that cannot be true with.
WITH visit AS (
    SELECT
        c.finding_id, v.visit_id, v.org_id, v.worker_id, v.client_id, v.service,
        v.start AS begun, v."end" AS ended,
        v.start AT TIME ZONE 'Europe/Stockholm' AS start,
        v."end" AT TIME ZONE 'Europe/Stockholm' AS "end",
        v.start_method, v.end_method, c."table", c.file_sha256, c."row"
    FROM cited AS c
    JOIN known.visits AS v ON v._file_sha256 = c.file_sha256 AND v._row = c."row"
    WHERE c."table" = 'visits' AND c.finding_id IN (SELECT unnest(CAST($hard AS VARCHAR[])))
),
meeting AS (
    SELECT
        a.finding_id, a.visit_id,
        list({'start': b.start, 'end': b."end", 'client': b.client_id} ORDER BY b.start, b.visit_id)
            AS meets
    FROM visit AS a
    JOIN visit AS b
        ON b.finding_id = a.finding_id AND b.worker_id = a.worker_id AND b.visit_id <> a.visit_id
        AND b.begun < a.ended AND a.begun < b.ended
    GROUP BY a.finding_id, a.visit_id
)
SELECT
    v.finding_id, v."table", v.file_sha256, v."row", CAST(v.start AS DATE) AS day,
    v.org_id AS provider, v.worker_id AS worker, v.client_id AS client, v.service,
    v.start, v."end", v.start_method, v.end_method, m.meets,
    NULL AS invoice_id, NULL AS line_no, NULL AS hours, NULL AS amount, NULL AS currency,
    NULL AS until
FROM visit AS v
LEFT JOIN meeting AS m USING (finding_id, visit_id)
UNION ALL
SELECT
    c.finding_id, c."table", c.file_sha256, c."row", coalesce(l.day, i.period_from, i.issued_on),
    i.org_id, NULL, l.client_id, l.service, NULL, NULL, NULL, NULL, NULL,
    l.invoice_id, l.line_no,
    coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END), l.amount, i.currency,
    coalesce(l.day, i.period_to)
FROM cited AS c
JOIN known.invoice_lines AS l ON l._file_sha256 = c.file_sha256 AND l._row = c."row"
JOIN known.invoices AS i ON i.invoice_id = l.invoice_id
WHERE c."table" = 'invoice_lines' AND c.finding_id IN (SELECT unnest(CAST($hard AS VARCHAR[])))
ORDER BY day, start NULLS LAST, finding_id, "table", file_sha256, "row";

-- One row is an invoice, its line, or a payment: the month's performed time at the contract's
-- price, paid thirty days later; wages and clients' fees follow the next month.
CREATE OR REPLACE TEMP TABLE line AS
WITH care AS (
    SELECT
        visit.org_id, client_id, visit.service, 'hour' AS unit, rate.price AS unit_price,
        CAST(round(sum(billed_s) / 3600, 2) AS DECIMAL(18, 2)) AS quantity
    FROM visit JOIN rate
        ON rate.org_id = visit.org_id AND rate.service = visit.service
        AND rate.valid_from <= visit.day AND visit.day < rate.valid_to
    WHERE status = 'performed'
    GROUP BY ALL
), meals AS (
    SELECT
        org_id, client_id, $meals AS service, 'piece' AS unit,
        CAST($meal_price AS DECIMAL(18, 2)) AS unit_price,
        CAST(sum(round(a_week * (
            least(valid_to, CAST($until AS DATE)) - greatest(valid_from, CAST($since AS DATE))
        ) / 7.0)) AS DECIMAL(18, 2)) AS quantity
    FROM meal
    WHERE valid_from < $until AND valid_to > $since AND org_id IN (SELECT org_id FROM payee)
    GROUP BY ALL
)
SELECT
    *, org_id || strftime(CAST($since AS DATE), ':%Y%m') AS invoice_id,
    row_number() OVER (PARTITION BY org_id ORDER BY service, client_id, unit_price) AS line_no,
    CAST(round(quantity * unit_price, 2) AS DECIMAL(18, 2)) AS amount
FROM (FROM care UNION ALL BY NAME FROM meals)
WHERE quantity > 0;

CREATE OR REPLACE TEMP TABLE invoice AS
SELECT
    line.invoice_id, line.org_id, sum(line.amount) AS amount, payee.account, payee.factoring,
    CAST(hash($seed, line.invoice_id) % (SELECT count(*) FROM official) AS BIGINT) AS turn
FROM line JOIN payee USING (org_id)
GROUP BY ALL;

COPY (
    SELECT
        invoice_id, line_no, client_id, service, NULL AS day,
        CASE WHEN unit = 'hour' THEN quantity END AS hours, quantity, unit, unit_price, amount
    FROM line ORDER BY invoice_id, line_no
) TO $invoice_lines (FORMAT csv, HEADER false);

COPY (
    SELECT
        invoice_id, org_id, $municipality AS municipality,
        CAST($until AS DATE) - 1 AS issued_on, CAST($since AS DATE) AS period_from,
        CAST($until AS DATE) - 1 AS period_to, amount, 'SEK' AS currency, 'Hemtjänst' AS unit,
        account, factoring, o.person_id AS ordered_by, r.person_id AS received_by,
        a.person_id AS approved_by, NULL AS credit_of
    FROM invoice
    JOIN official AS o ON o.number = turn
    JOIN official AS r ON r.number = (turn + 1) % (SELECT count(*) FROM official)
    JOIN official AS a ON a.number = (turn + 2) % (SELECT count(*) FROM official)
    ORDER BY invoice_id
) TO $invoices (FORMAT csv, HEADER false);

COPY (
    WITH provider AS (
        SELECT
            CAST($until AS DATE) + 29 AS paid_on, payer.org_id AS payer_id,
            payer.account AS payer_account, invoice.org_id AS payee_id,
            invoice.account AS payee_account, amount, 'provider' AS purpose,
            NULL AS client_id, invoice_id
        FROM invoice CROSS JOIN payer
    ), wages AS (
        SELECT
            CAST($until AS DATE) + 24, visit.org_id, coalesce(payee.account, payer.account),
            visit.worker_id, wage_account.account,
            CAST(round(sum(took_s) / 3600 * 172, 0) AS DECIMAL(18, 2)), 'wages', NULL, NULL
        FROM visit
        CROSS JOIN payer
        LEFT JOIN payee ON payee.org_id = visit.org_id AND NOT payee.factoring
        JOIN wage_account ON wage_account.person_id = visit.worker_id
        WHERE status = 'performed'
        GROUP BY ALL
    ), fees AS (
        SELECT
            CAST($until AS DATE) + 27, fee_account.payer_id, fee_account.account,
            payer.org_id, payer.account,
            least(any_value(cap), CAST(round(sum(billed_s) / 3600 * 220, 0) AS DECIMAL(18, 2))) AS fee,
            'client_fee', visit.client_id, NULL
        FROM visit JOIN fee_account USING (client_id) CROSS JOIN payer
        WHERE status = 'performed'
        GROUP BY ALL
    ), payment AS (
        FROM provider UNION ALL FROM wages UNION ALL FROM fees
    )
    SELECT
        strftime(CAST($since AS DATE), 'P%Y%m-') || row_number() OVER (
            ORDER BY paid_on, purpose, payer_id, payee_id, client_id, invoice_id
        ) AS payment_id,
        paid_on, payer_id, payer_account, payee_id, payee_account, amount, 'SEK' AS currency,
        purpose, client_id, invoice_id, NULL AS reference
    FROM payment
    WHERE paid_on < $end AND amount > 0
    ORDER BY paid_on, purpose, payer_id, payee_id, client_id, invoice_id
) TO $payments (FORMAT csv, HEADER false);

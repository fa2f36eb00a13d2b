-- One row is one invoice that no payment settles and that a finding questions, with those findings.
-- It matters because money that has not left yet need not be claimed back.
WITH unpaid AS (
    SELECT invoice.*, billed.source_id AS provider_ref
    FROM nodes AS invoice
    JOIN edges AS billed ON billed.type = 'INVOICED' AND billed.target_id = invoice.node_id
    ANTI JOIN (FROM edges WHERE type = 'SETTLES') AS settled
        ON settled.target_id = invoice.node_id
    WHERE invoice.kind = 'invoice'
        AND invoice.amount > 0
        AND invoice.period_from <= $last
        AND invoice.period_to >= $first
),
standing AS (
    FROM findings
    WHERE NOT list_contains(CAST($set_aside AS VARCHAR[]), finding_id)
),
subject AS (
    SELECT finding_id, unnest(subjects, recursive := true)
    FROM standing
),
-- Where the rows of the finding, or what it is about, are of the invoice itself.
named AS (
    SELECT finding_id, json_extract_string(item.key, '$.invoice_id') AS key
    FROM (SELECT finding_id, unnest(evidence) AS item FROM standing)
    UNION
    SELECT finding_id, id FROM subject WHERE kind = 'invoice'
),
-- Whom the finding is about among those whose care the invoice bills: the client, or who was
-- visited in those days by the worker.
person AS (
    SELECT
        finding.finding_id,
        unpaid.node_id,
        who.role,
        billed.target_id AS client_ref,
        billed.amount
    FROM standing AS finding
    JOIN unpaid
        ON unpaid.provider_ref = finding.provider_ref
        AND unpaid.period_from <= finding.until
        AND unpaid.period_to >= finding.since
    JOIN edges AS billed ON billed.type = 'BILLED_FOR' AND billed.source_id = unpaid.node_id
    JOIN subject AS who ON who.finding_id = finding.finding_id
    LEFT JOIN edges AS visited
        ON visited.type = 'VISITED'
        AND visited.source_id = who.ref
        AND visited.target_id = billed.target_id
        AND visited.provider_id = finding.provider_id
    WHERE who.role = 'client' AND who.ref = billed.target_id
        OR who.role = 'worker' AND len(list_filter(
            visited.days,
            lambda day: visited.first + CAST(day AS INTEGER)
                BETWEEN greatest(finding.since, unpaid.period_from)
                AND least(finding.until, unpaid.period_to)
        )) > 0
),
billed AS (
    SELECT finding_id, node_id, role, sum(amount) AS amount
    FROM (SELECT DISTINCT finding_id, node_id, role, client_ref, amount FROM person)
    GROUP BY ALL
),
-- How the finding comes to question the invoice: the nearest of the three ways counts.
reason AS (
    SELECT finding_id, node_id, way, billed
    FROM (
        SELECT
            finding_id,
            unpaid.node_id,
            'invoice' AS way,
            1 AS distance,
            coalesce(billed.amount, unpaid.amount) AS billed
        FROM named
        JOIN unpaid USING (key)
        LEFT JOIN (FROM billed WHERE role = 'client') AS billed USING (finding_id, node_id)
        UNION ALL
        SELECT finding_id, node_id, role, CASE role WHEN 'client' THEN 2 ELSE 3 END, amount
        FROM billed
    )
    QUALIFY row_number() OVER (PARTITION BY finding_id, node_id ORDER BY distance) = 1
),
-- No more of an invoice is at risk than the finding questions at most, where that is known.
weighed AS (
    SELECT
        reason.*,
        finding.detector,
        finding.strength,
        finding.since,
        finding.until,
        finding.exposure_sek,
        finding.summary,
        CASE
            WHEN unpaid.currency = 'SEK'
            THEN least(reason.billed, unpaid.amount, coalesce(finding.exposure_sek.upper, reason.billed))
        END AS at_risk_sek
    FROM reason
    JOIN unpaid USING (node_id)
    JOIN standing AS finding USING (finding_id)
),
listed AS (
    SELECT
        node_id,
        max(at_risk_sek) AS at_risk_sek,
        count(*) AS reasons_count,
        list(
            {
                'finding_id': finding_id,
                'detector': detector,
                'strength': strength,
                'by': way,
                'since': since,
                'until': until,
                'at_risk_sek': at_risk_sek,
                'exposure_sek': exposure_sek,
                'summary': summary
            }
            ORDER BY at_risk_sek DESC NULLS LAST, finding_id
        )[:CAST($reasons AS BIGINT)] AS reasons
    FROM weighed
    GROUP BY node_id
),
answer AS (
    SELECT
        unpaid.node_id AS ref,
        unpaid.key,
        unpaid.provider_ref,
        provider.key AS provider_id,
        provider.name AS provider_name,
        unpaid.municipality,
        unpaid.unit,
        unpaid.issued_on,
        unpaid.period_from,
        unpaid.period_to,
        unpaid.amount,
        unpaid.currency,
        listed.at_risk_sek,
        listed.reasons_count,
        listed.reasons,
        coalesce(listed.at_risk_sek, -1) AS weight
    FROM listed
    JOIN unpaid USING (node_id)
    JOIN nodes AS provider ON provider.node_id = unpaid.provider_ref
)
FROM answer
WHERE CAST($ref AS VARCHAR) IS NULL
    OR (-weight, -amount, ref) > (-CAST($weight AS DOUBLE), -CAST($amount AS DECIMAL(18, 4)), $ref)
ORDER BY weight DESC, amount DESC, ref
LIMIT $limit;

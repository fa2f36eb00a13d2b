-- One row is one provider in one municipality, by whichever record tells of it there.
-- It matters because silence after the last day that anything is known of a municipality means
-- nothing. Payments name no municipality: those of a provider count wherever it is active.
INSERT INTO new_edges BY NAME
WITH told AS (
    SELECT
        org_id, municipality, 0 AS rank, 'contracts' AS origin_table, NULL AS first, NULL AS last
    FROM contracts
    UNION ALL
    SELECT org_id, municipality, 1, 'enrolments', NULL, NULL FROM enrolments
    UNION ALL
    SELECT org_id, municipality, 2, 'invoices', issued_on, issued_on FROM invoices
    UNION ALL
    SELECT org_id, municipality, 3, 'visits', registered_first, registered_last FROM visit_months
),
paying AS (
    SELECT org_id, min(paid_on) AS first, max(paid_on) AS last
    FROM (SELECT unnest([payee_id, payer_id]) AS org_id, paid_on FROM payments)
    GROUP BY org_id
)
SELECT
    'ACTIVE_IN' AS type,
    'organisation:' || org_id AS source_id,
    'municipality:' || municipality AS target_id,
    min(least(told.first, paying.first)) AS first,
    max(greatest(told.last, paying.last)) AS last,
    min(struct_pack(rank, origin_table)).origin_table AS origin_table,
    to_json(struct_pack(org_id, municipality)) AS origin_key
FROM told
LEFT JOIN paying USING (org_id)
GROUP BY org_id, municipality;

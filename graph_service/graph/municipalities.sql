-- One row is one municipality that any record names.
-- It matters because base rates, peers and the reach of what is known are each municipality's own.
INSERT INTO new_nodes BY NAME
WITH told AS (
    SELECT municipality, 0 AS rank, 'municipalities' AS origin_table FROM municipalities
    UNION ALL SELECT municipality, 1, 'contracts' FROM contracts
    UNION ALL SELECT municipality, 2, 'enrolments' FROM enrolments
    UNION ALL SELECT municipality, 3, 'decisions' FROM decisions
    UNION ALL SELECT municipality, 4, 'invoices' FROM invoices
    UNION ALL SELECT municipality, 5, 'visits' FROM visit_months
),
chosen AS (
    SELECT municipality, min(struct_pack(rank, origin_table)) AS origin
    FROM told
    GROUP BY municipality
)
SELECT
    'municipality' AS kind,
    municipality AS key,
    ['Municipality'] AS labels,
    name,
    origin.origin_table AS origin_table,
    to_json(struct_pack(municipality)) AS origin_key
FROM chosen
LEFT JOIN municipalities USING (municipality);

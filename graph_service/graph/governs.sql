-- One row is one municipality and the organisation that it is in law.
-- It matters because its own telephone, account and staff are shared by everyone.
INSERT INTO new_edges BY NAME
SELECT
    'GOVERNS' AS type,
    'organisation:' || org_id AS source_id,
    'municipality:' || municipality AS target_id,
    'municipalities' AS origin_table,
    to_json(struct_pack(municipality)) AS origin_key
FROM municipalities
WHERE org_id IS NOT NULL;

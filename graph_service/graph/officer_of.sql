-- One row is one person's role in an organisation for a time.
-- It matters because the same few persons behind several firms tie these together.
INSERT INTO new_edges BY NAME
SELECT
    'OFFICER_OF' AS type,
    'person:' || person_id AS source_id,
    'organisation:' || org_id AS target_id,
    valid_from,
    valid_to,
    role,
    'officers' AS origin_table,
    to_json(struct_pack(org_id, person_id, role, valid_from)) AS origin_key
FROM officers;

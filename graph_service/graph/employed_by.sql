-- One row is one employment.
-- It matters because staff who move, or who work without being employed, are leads.
INSERT INTO new_edges BY NAME
SELECT
    'EMPLOYED_BY' AS type,
    'person:' || person_id AS source_id,
    'organisation:' || org_id AS target_id,
    valid_from,
    valid_to,
    title,
    hours_per_week,
    'employments' AS origin_table,
    to_json(struct_pack(org_id, person_id, valid_from)) AS origin_key
FROM employments;

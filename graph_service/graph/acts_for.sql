-- One row is one mandate for a client.
-- It matters because a guardian or a relative may share an account or a home for good reasons.
INSERT INTO new_edges BY NAME
SELECT
    'ACTS_FOR' AS type,
    'person:' || person_id AS source_id,
    'person:' || client_id AS target_id,
    valid_from,
    valid_to,
    kind AS role,
    'mandates' AS origin_table,
    to_json(struct_pack(person_id, client_id, kind, valid_from)) AS origin_key
FROM mandates;

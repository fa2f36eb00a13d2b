-- One row is one telephone number or e-mail of an organisation or person.
-- It matters because firms that answer the same telephone may be one. Persons with protected
-- identity have no row.
INSERT INTO new_edges BY NAME
WITH told AS (
    SELECT
        'organisation:' || org_id AS source_id,
        phone,
        email,
        registered_on AS valid_from,
        deregistered_on AS valid_to,
        'organisations' AS origin_table,
        to_json(struct_pack(org_id)) AS origin_key
    FROM organisations
    WHERE org_id NOT IN (SELECT person_id FROM protected_persons)
    UNION ALL
    SELECT
        'person:' || person_id, phone, email, NULL, NULL,
        'persons',
        to_json(struct_pack(person_id))
    FROM persons
    WHERE person_id NOT IN (SELECT person_id FROM protected_persons)
)
SELECT
    'REACHED_AT' AS type,
    source_id,
    'phone:' || phone_keys.phone AS target_id,
    valid_from,
    valid_to,
    origin_table,
    origin_key
FROM told
INNER JOIN phone_keys ON phone_keys.given = told.phone
UNION ALL
SELECT
    'REACHED_AT',
    source_id,
    'email:' || email_key(email),
    valid_from,
    valid_to,
    origin_table,
    origin_key
FROM told
WHERE email_key(email) IS NOT NULL;

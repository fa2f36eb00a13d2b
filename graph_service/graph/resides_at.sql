-- One row is one person at one address for a time.
-- It matters because neighbours and households explain, or tie together. Persons with protected
-- identity have no row: a network gives a home away through its neighbours.
CREATE OR REPLACE TEMP TABLE person_addresses AS
WITH past AS (
    SELECT *, address_key(street, postcode, city) AS address FROM residences
),
present AS (
    SELECT *, address_key(street, postcode, city) AS address FROM persons
),
-- The present address begins no earlier than the last known one ended.
ended AS (
    SELECT person_id, max(valid_to) AS valid_from FROM past GROUP BY person_id
)
SELECT
    person_id, address, street, postcode, city, lat, lon, valid_from, valid_to,
    'residences' AS origin_table,
    to_json(struct_pack(person_id, valid_from)) AS origin_key
FROM past
WHERE person_id NOT IN (SELECT person_id FROM protected_persons)
UNION ALL
SELECT
    person_id, address, street, postcode, city, lat, lon, valid_from, NULL,
    'persons',
    to_json(struct_pack(person_id))
FROM present
LEFT JOIN ended USING (person_id)
WHERE
    person_id NOT IN (SELECT person_id FROM protected_persons)
    AND NOT EXISTS (
        SELECT 1 FROM past
        WHERE
            past.person_id = present.person_id
            AND past.address = present.address
            AND past.valid_to IS NULL
    );

DELETE FROM person_addresses WHERE address IS NULL;

INSERT INTO new_edges BY NAME
SELECT
    'RESIDES_AT' AS type,
    'person:' || person_id AS source_id,
    'address:' || address AS target_id,
    valid_from,
    valid_to,
    origin_table,
    origin_key
FROM person_addresses;

-- One row is one address where somebody lives or a firm is registered.
-- It matters because spellings differ: the key is one, whatever the source wrote.
INSERT INTO new_nodes BY NAME
WITH told AS (
    SELECT
        address,
        struct_pack(street, postcode, city) AS spelling,
        CASE
            WHEN lat IS NOT NULL AND lon IS NOT NULL THEN struct_pack(lat, lon)
        END AS position,
        struct_pack(origin_table, origin_key) AS origin
    FROM person_addresses
    UNION ALL
    SELECT
        address,
        struct_pack(street, postcode, city),
        NULL,
        struct_pack(
            origin_table := 'organisations', origin_key := to_json(struct_pack(org_id))
        )
    FROM organisation_addresses
),
chosen AS (
    SELECT
        address,
        min(spelling) AS spelling,
        min(position) AS position,
        min(origin) AS origin
    FROM told
    GROUP BY address
)
SELECT
    'address' AS kind,
    address AS key,
    ['Address'] AS labels,
    concat_ws(', ', spelling.street, concat_ws(' ', spelling.postcode, spelling.city)) AS name,
    spelling.street AS street,
    spelling.postcode AS postcode,
    spelling.city AS city,
    regexp_replace(
        regexp_replace(address, '([0-9][a-z]?)(lgh|lagenhet|apt)[0-9 ]*\|', '\1|'), 'lgh[0-9]+', ''
    ) AS house,
    position.lat AS lat,
    position.lon AS lon,
    origin.origin_table AS origin_table,
    origin.origin_key AS origin_key
FROM chosen;

-- One row is one organisation at its registered address.
-- It matters because firms that share an address may share more. The address is the one of now:
-- it began with the last change of address that is known, else no earlier than the firm.
CREATE OR REPLACE TEMP TABLE organisation_addresses AS
SELECT
    org_id,
    address_key(street, postcode, city) AS address,
    street,
    postcode,
    city,
    coalesce(moved_on, registered_on) AS valid_from,
    deregistered_on AS valid_to
FROM organisations
LEFT JOIN (
    SELECT org_id, max(changed_on) AS moved_on
    FROM organisation_changes
    WHERE what = 'address'
    GROUP BY org_id
) USING (org_id)
WHERE org_id NOT IN (SELECT person_id FROM protected_persons);

DELETE FROM organisation_addresses WHERE address IS NULL;

INSERT INTO new_edges BY NAME
SELECT
    'REGISTERED_AT' AS type,
    'organisation:' || org_id AS source_id,
    'address:' || address AS target_id,
    valid_from,
    valid_to,
    'organisations' AS origin_table,
    to_json(struct_pack(org_id)) AS origin_key
FROM organisation_addresses;

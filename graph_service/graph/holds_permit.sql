-- One row is one status of one permit for a time.
-- It matters because care without a permit in force is a rule broken.
INSERT INTO new_edges BY NAME
SELECT
    'HOLDS_PERMIT' AS type,
    'organisation:' || org_id AS source_id,
    'permit:' || permit_id AS target_id,
    valid_from,
    valid_to,
    status AS role,
    places,
    service,
    'permits' AS origin_table,
    to_json(struct_pack(permit_id, status, valid_from)) AS origin_key
FROM permits;

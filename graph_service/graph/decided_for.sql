-- One row is one decision and the client whom it grants care.
-- It matters because only what was granted may be billed.
INSERT INTO new_edges BY NAME
SELECT
    'DECIDED_FOR' AS type,
    'decision:' || decision_id AS source_id,
    'person:' || client_id AS target_id,
    valid_from,
    valid_to,
    municipality,
    service,
    'decisions' AS origin_table,
    to_json(struct_pack(decision_id)) AS origin_key
FROM decisions;

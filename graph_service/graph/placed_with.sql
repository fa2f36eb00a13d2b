-- One row is one placement.
-- It matters because who is placed is cared for there, whatever else is billed meanwhile.
INSERT INTO new_edges BY NAME
SELECT
    'PLACED_WITH' AS type,
    'person:' || client_id AS source_id,
    'organisation:' || org_id AS target_id,
    "start" AS valid_from,
    "end" + 1 AS valid_to,
    placement_id AS reference,
    'placements' AS origin_table,
    to_json(struct_pack(placement_id)) AS origin_key
FROM placements;

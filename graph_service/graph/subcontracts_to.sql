-- One row is one agreement between two organisations.
-- It matters because agreed sharing is no sign, and a hidden subcontractor is one.
INSERT INTO new_edges BY NAME
SELECT
    'SUBCONTRACTS_TO' AS type,
    'organisation:' || org_id AS source_id,
    'organisation:' || subcontractor_id AS target_id,
    valid_from,
    valid_to,
    kind AS role,
    'subcontracts' AS origin_table,
    to_json(struct_pack(org_id, subcontractor_id, valid_from)) AS origin_key
FROM subcontracts;

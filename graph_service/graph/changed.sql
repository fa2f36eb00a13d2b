-- One row is one change in the register and the organisation.
-- It matters because changes that come together are a lead.
INSERT INTO new_edges BY NAME
SELECT
    'CHANGED' AS type,
    'organisation:' || org_id AS source_id,
    'change:' || change_id AS target_id,
    changed_on AS first,
    changed_on AS last,
    'organisation_changes' AS origin_table,
    to_json(struct_pack(change_id)) AS origin_key
FROM organisation_changes;

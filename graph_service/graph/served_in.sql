-- One row is one provider in one municipality, with the first and last day of its visits.
-- It matters because a provider's time there is measured by what it registered, kept or not.
INSERT INTO new_edges BY NAME
SELECT
    'SERVED_IN' AS type,
    'organisation:' || org_id AS source_id,
    'municipality:' || municipality AS target_id,
    sum(registered) AS visits,
    min(registered_first) AS first,
    max(registered_last) AS last,
    'visits' AS origin_table,
    to_json(struct_pack(org_id, municipality)) AS origin_key
FROM visit_months
GROUP BY org_id, municipality;

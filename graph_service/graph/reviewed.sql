-- One row is one follow-up of quality and the organisation.
-- It matters because a passed review speaks against a finding.
INSERT INTO new_edges BY NAME
SELECT
    'REVIEWED' AS type,
    'organisation:' || org_id AS source_id,
    'review:' || review_id AS target_id,
    reviewed_on AS first,
    reviewed_on AS last,
    'quality_reviews' AS origin_table,
    to_json(struct_pack(review_id)) AS origin_key
FROM quality_reviews;

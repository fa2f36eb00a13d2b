-- One row is one owner's interest in an organisation for a time.
-- It matters because who stands behind a firm decides whose money it is.
INSERT INTO new_edges BY NAME
SELECT
    'OWNS' AS type,
    party(owner_id, owner_kind) AS source_id,
    'organisation:' || org_id AS target_id,
    valid_from,
    valid_to,
    interest,
    share,
    owner_kind,
    'owners' AS origin_table,
    to_json(struct_pack(org_id, owner_id, interest, valid_from)) AS origin_key
FROM owners;

-- A sole trader and the person are one in law: the link needs no owner's register.
INSERT INTO new_edges BY NAME
SELECT
    'OWNS' AS type,
    'person:' || org_id AS source_id,
    'organisation:' || org_id AS target_id,
    any_value(registered_on) AS valid_from,
    any_value(deregistered_on) AS valid_to,
    'sole_trader' AS role,
    'control' AS interest,
    1 AS share,
    min(origin).origin_table AS origin_table,
    json_object(min(origin).origin_column, org_id) AS origin_key
FROM (
    SELECT
        org_id,
        registered_on,
        deregistered_on,
        struct_pack(
            rank := CASE origin_table WHEN 'organisations' THEN 0 ELSE 1 END,
            origin_table := origin_table,
            origin_column := origin_column
        ) AS origin
    FROM organisation_mentions
    LEFT JOIN organisations USING (org_id)
    WHERE regexp_full_match(org_id, '[0-9]{12}')
)
GROUP BY org_id;

-- One row is one organisation, as the register tells or as any record mentions it.
-- It matters because a firm that no register row tells of can still be paid. A sole trader with
-- protected identity has no name here either.
INSERT INTO new_nodes BY NAME
WITH mentioned AS (
    SELECT
        org_id,
        bool_or(provider) AS provider,
        min(
            struct_pack(
                rank := CASE origin_table WHEN 'organisations' THEN 0 ELSE 1 END,
                origin_table := origin_table,
                origin_column := origin_column
            )
        ) AS origin
    FROM organisation_mentions
    GROUP BY org_id
)
SELECT
    'organisation' AS kind,
    org_id AS key,
    CASE WHEN provider THEN ['Organisation', 'Provider'] ELSE ['Organisation'] END AS labels,
    CASE WHEN hidden.person_id IS NULL THEN name END AS name,
    hidden.person_id IS NOT NULL AS protected,
    legal_form,
    country,
    industry,
    status,
    status_on,
    registered_on,
    deregistered_on,
    f_tax,
    vat,
    employer,
    share_capital_sek,
    employees,
    CASE
        WHEN origin.origin_table = 'organisations' THEN phone IS NOT NULL OR email IS NOT NULL
    END AS reachable,
    CASE WHEN hidden.person_id IS NULL THEN care_of END AS care_of,
    CASE WHEN hidden.person_id IS NULL THEN street END AS street,
    origin.origin_table AS origin_table,
    json_object(origin.origin_column, org_id) AS origin_key
FROM mentioned
LEFT JOIN organisations USING (org_id)
LEFT JOIN protected_persons AS hidden ON hidden.person_id = org_id;

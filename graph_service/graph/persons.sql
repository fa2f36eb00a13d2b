-- One row is one person, as the register tells or as any record mentions it, with the roles seen.
-- It matters because roles that meet in one person are leads. A protected name is left out.
INSERT INTO new_nodes BY NAME
WITH mentioned AS (
    SELECT
        person_id,
        list(label) FILTER (WHERE label IS NOT NULL) AS roles,
        min(
            struct_pack(
                rank := CASE origin_table WHEN 'persons' THEN 0 ELSE 1 END,
                origin_table := origin_table,
                origin_column := origin_column
            )
        ) AS origin
    FROM person_mentions
    GROUP BY person_id
)
SELECT
    'person' AS kind,
    person_id AS key,
    list_sort(list_distinct(list_concat(['Person'], coalesce(roles, [])))) AS labels,
    CASE
        WHEN hidden.person_id IS NOT NULL OR (given_name IS NULL AND family_name IS NULL) THEN NULL
        ELSE concat_ws(' ', given_name, family_name)
    END AS name,
    hidden.person_id IS NOT NULL AS protected,
    deceased_on,
    origin.origin_table AS origin_table,
    json_object(origin.origin_column, person_id) AS origin_key
FROM mentioned
LEFT JOIN persons USING (person_id)
LEFT JOIN protected_persons AS hidden USING (person_id);

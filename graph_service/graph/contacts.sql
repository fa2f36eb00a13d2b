-- One row is one telephone number or e-mail that somebody gives.
-- It matters because what is shared must be one thing to be seen as shared.
INSERT INTO new_nodes BY NAME
WITH told AS (
    SELECT target_id, min(struct_pack(origin_table, origin_key)) AS origin
    FROM new_edges
    WHERE type = 'REACHED_AT'
    GROUP BY target_id
)
SELECT
    split_part(target_id, ':', 1) AS kind,
    substr(target_id, strpos(target_id, ':') + 1) AS key,
    CASE WHEN target_id LIKE 'phone:%' THEN ['Phone'] ELSE ['Email'] END AS labels,
    origin.origin_table AS origin_table,
    origin.origin_key AS origin_key
FROM told;

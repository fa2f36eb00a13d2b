-- One row is one link that stands, between two kept originals, the lower node first.
-- It matters because whoever asks the graph decides what follows from a link, and can do without.
INSERT INTO edges BY NAME
SELECT
    'SAME_AS:' || md5(concat_ws(chr(31), source_id, target_id, origin_table, origin_key))
        AS edge_id,
    'SAME_AS' AS type,
    *
FROM (
    SELECT
        $kind || ':' || id_l AS source_id,
        $kind || ':' || id_r AS target_id,
        $origin_table AS origin_table,
        CAST(json_object($origin_column, id_l) AS VARCHAR) AS origin_key,
        round(match_weight, 6) AS weight,
        round(match_probability, 9) AS probability
    FROM settled
    WHERE link_status = 'linked'
)
ORDER BY source_id, target_id;

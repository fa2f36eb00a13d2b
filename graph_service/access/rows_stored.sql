-- One row is one of the rows asked for, as $parts of the lake have it, and whether it is known now.
-- It matters because a reader must be told where a later delivery says otherwise.
SELECT told.*, known."row" IS NOT NULL AS known
FROM read_parquet(
    $parts, hive_partitioning = true, hive_types = {'_batch': VARCHAR}, union_by_name = true
) AS told
JOIN (
    SELECT
        unnest(CAST($files AS VARCHAR[])) AS file_sha256, unnest(CAST($rows AS BIGINT[])) AS "row"
) AS asked ON told._file_sha256 = asked.file_sha256 AND told._row = asked."row"
LEFT JOIN (
    SELECT _file_sha256 AS file_sha256, _row AS "row"
    FROM known_now
    WHERE _file_sha256 IN (SELECT unnest(CAST($files AS VARCHAR[])))
) AS known ON known.file_sha256 = asked.file_sha256 AND known."row" = asked."row";

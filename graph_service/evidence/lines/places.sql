-- One row is one packaged row as the lake has it in $parts, unmasked; `places` are those asked for.
-- It matters because what is masked must be hunted down in the line that the row was made of.
SELECT stored.*
FROM read_parquet(
    $parts, hive_partitioning = true, hive_types = {'_batch': VARCHAR}, union_by_name = true
) AS stored
JOIN places ON places."table" = $table
    AND places.file_sha256 = stored._file_sha256
    AND places."row" = stored._row
    AND places.batch = stored._batch;

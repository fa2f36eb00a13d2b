-- One row of custody_sources is one table of one file from which rows were packaged; one of custody_masked is one of its columns that the recipient is not told.
-- It matters because a recipient must be able to ask from whom each row came, and what was left out of it.
CREATE OR REPLACE TABLE custody_sources AS
SELECT "table", file, file_sha256, batch, loaded_at, loader, loader_version, count(*) AS rows
FROM taken
GROUP BY ALL
ORDER BY batch, "table", file_sha256, file;

CREATE OR REPLACE TABLE custody_masked AS
SELECT "table", hidden AS "column", count(*) AS rows
FROM (SELECT "table", unnest(masked) AS hidden FROM taken)
GROUP BY ALL
ORDER BY "table", hidden;

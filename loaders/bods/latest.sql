-- One row a record: the statement about it that is the latest, by date, then closed over updated.
-- What an earlier statement said of the same record is replaced by it.
CREATE TABLE latest AS
SELECT row, series, record_id, stated_at, status, target, id, kind, contents
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY series, record_id ORDER BY stated_at DESC, status DESC, row DESC
        ) AS age
    FROM statement
)
WHERE age = 1;
CREATE INDEX latest_record ON latest (series, record_id);
CREATE INDEX latest_row ON latest (row);

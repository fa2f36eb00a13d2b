-- One row an organisation or person: the latest of the records that name the same number.
-- Publishers repeat a firm in each declaration; two rows of one key would refuse each other.
SELECT row, target, contents
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY target, id ORDER BY stated_at DESC, status DESC, row DESC
        ) AS age
    FROM latest
    WHERE series = 'party'
)
WHERE age = 1
ORDER BY row;

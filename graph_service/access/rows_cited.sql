-- One row is one row of evidence of $finding_id, in its order; at least one if the finding is there.
-- It matters because a finding may rest on thousands of rows, and is read a page at a time.
SELECT total, item."table" AS "table", item.key AS key, item.file_sha256, item."row" AS "row"
FROM (SELECT len(evidence) AS total, evidence FROM findings WHERE finding_id = $finding_id)
LEFT JOIN LATERAL (SELECT generate_subscripts(evidence, 1) AS place, unnest(evidence) AS item)
    ON place > $offset AND place <= $offset + $limit
ORDER BY place;

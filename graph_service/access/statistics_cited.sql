-- One row is one of $texts that stands in the key of a cited row, and whether such a row is shown.
-- It matters because a visit's identifier leads to the visit, and the visit to a home.
WITH parts AS (
    SELECT
        finding_id,
        place,
        unnest(list_transform(json_keys(item.key), lambda name: item.key ->> name)) AS text
    FROM (
        SELECT finding_id, generate_subscripts(evidence, 1) AS place, unnest(evidence) AS item
        FROM whole.findings
        SEMI JOIN told USING (finding_id)
    )
)
SELECT finding_id, text, bool_or(coalesce(open, true)) AS shown
FROM parts
LEFT JOIN cited USING (finding_id, place)
WHERE text IN (SELECT unnest(CAST($texts AS VARCHAR[])))
GROUP BY finding_id, text;

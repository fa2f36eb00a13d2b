-- One row is one of $texts that stands in the key of a row left out of that finding's evidence.
-- It matters because a visit's identifier leads to the visit, and the visit to a home.
SELECT finding_id, part AS text
FROM (
    SELECT
        finding_id,
        unnest(list_transform(json_keys(item.key), lambda name: item.key ->> name)) AS part
    FROM (
        SELECT finding_id, generate_subscripts(evidence, 1) AS place, unnest(evidence) AS item
        FROM whole.findings
    )
    JOIN (SELECT finding_id, place FROM cited WHERE NOT open) USING (finding_id, place)
)
SEMI JOIN (SELECT unnest(CAST($texts AS VARCHAR[])) AS part) USING (part)
SEMI JOIN told USING (finding_id)
GROUP BY ALL;

-- One number: how many records are likely the same person's as the one asked for.
-- It matters because the person may ask for these too, and must not be told whose number they have.
SELECT count(DISTINCT CASE WHEN source_id = of.node_id THEN target_id ELSE source_id END)
FROM run.edges
JOIN (SELECT unnest(['person:' || $number, 'organisation:' || $number]) AS node_id) AS of
    ON of.node_id IN (source_id, target_id)
WHERE type = 'SAME_AS';

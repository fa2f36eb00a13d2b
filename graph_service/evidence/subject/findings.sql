-- One row is a finding of the current run that is about the person, or that stands on a row of theirs.
-- It matters because they may be told of it, when a lawyer has decided so, without anybody else in it.
WITH of_rows AS (
    SELECT finding_id, count(*) AS cited
    FROM (SELECT finding_id, unnest(evidence, recursive := true) FROM run.findings) AS evidence
    JOIN places
        ON places."table" = evidence."table"
        AND places.file_sha256 = evidence.file_sha256
        AND places."row" = evidence."row"
    GROUP BY finding_id
)
SELECT
    finding.detector,
    finding.provider_id,
    list_sort(list_distinct(
        [subject.role FOR subject IN finding.subjects IF subject.id = $number]
    )) AS roles,
    finding.since,
    finding.until,
    coalesce(of_rows.cited, 0) AS rows_cited
FROM run.findings AS finding
LEFT JOIN of_rows USING (finding_id)
WHERE finding.detector NOT IN (SELECT room FROM run.scope_rooms)
    AND (
        of_rows.cited IS NOT NULL
        OR finding.provider_id = $number
        OR list_contains([subject.id FOR subject IN finding.subjects], $number)
    )
ORDER BY finding.detector, finding.since, finding.until, finding.provider_id, finding.finding_id;

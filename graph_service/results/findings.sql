-- One row is one finding of the run: hard ones first, then odd ones, then leads; the latest first.
-- It matters because findings are read in this order, a page at a time, and each is whole.
WITH listed AS (
    SELECT
        findings.*,
        changes.change,
        list_position(['hard', 'stat', 'net'], strength) AS grade,
        -- Rows are compared from the left, each part upwards: the latest day is the smallest.
        date_diff('day', until, DATE '9999-12-31') AS age
    FROM findings
    LEFT JOIN changes ON changes.finding_id = findings.finding_id
    WHERE ($finding_id IS NULL OR findings.finding_id = $finding_id)
        AND ($among IS NULL OR list_contains($among, findings.finding_id))
        AND ($detector IS NULL OR detector = $detector)
        AND ($provider IS NULL OR provider_ref = $provider)
        AND ($strength IS NULL OR strength = $strength)
        AND ($change IS NULL OR changes.change = $change)
        AND ($since IS NULL OR until >= $since)
        AND ($until IS NULL OR since <= $until)
)
SELECT
    grade,
    age,
    finding_id,
    to_json({
        finding_id: finding_id,
        detector: detector,
        detector_digest: detector_digest,
        strength: strength,
        provider_id: provider_id,
        provider_ref: provider_ref,
        subjects: subjects[:$subjects],
        subjects_left_out: greatest(0, len(subjects) - $subjects),
        since: since,
        until: until,
        events: events,
        days: days,
        exposure_sek: exposure_sek,
        statistics: statistics,
        summary: summary,
        innocent: innocent,
        evidence: evidence[:$evidence],
        evidence_left_out: greatest(0, len(evidence) - $evidence),
        change: coalesce($gone, change)
    }) AS told
FROM listed
WHERE $after_id IS NULL OR (grade, age, finding_id) > ($after_grade, $after_age, $after_id)
ORDER BY grade, age, finding_id
LIMIT $limit;

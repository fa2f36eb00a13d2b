-- One row is one finding that is open: what a reviewer may look at, with what its order rests on.
-- It matters because a reviewer has some hours a day and a town has more findings than hours.
SELECT
    finding.finding_id,
    finding.detector,
    finding.strength,
    finding.provider_ref,
    provider.key AS provider_id,
    provider.name AS provider_name,
    score.score AS provider_score,
    finding.since,
    finding.until,
    finding.exposure_sek,
    finding.summary
FROM findings AS finding
JOIN nodes AS provider ON provider.node_id = finding.provider_ref
LEFT JOIN scores AS score ON score.provider_ref = finding.provider_ref
WHERE NOT list_contains(CAST($asleep AS VARCHAR[]), finding.finding_id)
    AND NOT list_contains(CAST($providers_asleep AS VARCHAR[]), finding.provider_ref)
ORDER BY finding.finding_id;

-- One row is a finding as a case or a judgement names it: of whom, by which detector, and its stories.
-- It matters because what people say of a finding outlives the run in which they saw it.
SELECT
    detector,
    provider_ref,
    [subject.ref FOR subject IN subjects IF subject.ref IS NOT NULL] AS subjects,
    [story.story FOR story IN innocent] AS stories,
    list_contains([subject.role FOR subject IN subjects], 'official') AS insider
FROM findings
WHERE finding_id = $finding_id;

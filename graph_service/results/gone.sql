-- One row is the run before this one, and the findings it had that this one has no more.
-- It matters because a finding that is gone is read where it last stood.
SELECT
    run.compared_with AS run_id,
    (SELECT list(finding_id) FROM changes WHERE change = 'gone') AS finding_ids
FROM run;

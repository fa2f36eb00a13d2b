-- One row of subject is somebody whom a finding is about, one of span the whole months in which it lies.
-- They matter because a room that weighs a finding by other rows needs theirs, and nobody else's.
CREATE TABLE subject AS
SELECT unnest(
    CAST($subjects AS STRUCT(finding_id VARCHAR, kind VARCHAR, value VARCHAR)[]), recursive := true
);

CREATE TABLE span AS
SELECT
    finding_id,
    CAST(date_trunc('month', since) AS DATE) AS since,
    last_day(until) AS until
FROM (
    SELECT unnest(
        CAST($spans AS STRUCT(finding_id VARCHAR, since DATE, until DATE)[]), recursive := true
    )
);

-- Whom and what the rows picked so far name.
CREATE TABLE named (finding_id VARCHAR, kind VARCHAR, value VARCHAR);

-- Step 0 is the finding's own rows, which are cited.
CREATE TABLE picked (
    step INTEGER, finding_id VARCHAR, "table" VARCHAR, file_sha256 VARCHAR, "row" BIGINT
);

-- One row an owner's interest of one kind from one day: of parallel ones the longest, then largest.
-- Parallel interests are never added up; what is unspecified still stands, as an unknown party.
WITH owner AS (
    SELECT
        interest.row,
        interest.path,
        coalesce(subject.id, 'XX:' || coalesce(interest.subject, latest.record_id)) AS org_id,
        coalesce(party.id, 'bods:' || coalesce(interest.party, latest.record_id)) AS owner_id,
        coalesce(party.kind, 'unknown') AS owner_kind,
        interest.interest,
        interest.share,
        interest.valid_from,
        interest.valid_to
    FROM interest
    INNER JOIN latest ON interest.row = latest.row
    LEFT JOIN latest AS subject
        ON subject.series = 'party' AND subject.record_id = interest.subject
        AND subject.target = 'organisations'
    LEFT JOIN latest AS party
        ON party.series = 'party' AND party.record_id = interest.party
)
SELECT row, path, org_id, owner_id, owner_kind, interest, share, valid_from, valid_to
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY org_id, owner_id, interest, valid_from
            ORDER BY coalesce(valid_to, '9999-12-31') DESC, CAST(share AS REAL) DESC, row, path
        ) AS parallel
    FROM owner
)
WHERE parallel = 1
ORDER BY row, path, interest;

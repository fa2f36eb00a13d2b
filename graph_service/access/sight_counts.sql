-- One row is one finding, score or change as this reach may see it, and its counts over those alone.
-- It matters because what may not be seen must not be counted, ranked or summed either.
CREATE TABLE findings AS FROM told ORDER BY finding_id;

CREATE TABLE changes AS
SELECT change.*
FROM whole.changes AS change
WHERE change.finding_id IN (SELECT finding_id FROM findings)
    OR (change.change = 'gone' AND list_contains($seen_before, change.finding_id));

-- Points, band and rank stand: they are of the provider. Counts and money are of what is seen.
CREATE TABLE scores AS
WITH parts AS (
    SELECT provider_id, generate_subscripts(contributions, 1) AS place, unnest(contributions) AS part
    FROM whole.scores
),
counted AS (
    SELECT
        provider_ref,
        detector,
        count(*) AS findings,
        sum(exposure_sek.lower) AS lower,
        sum(exposure_sek.upper) AS upper
    FROM findings
    GROUP BY provider_ref, detector
),
-- A room that finds insiders alone adds nothing that others see.
insiders AS (
    SELECT provider_id, detector
    FROM whole.findings
    JOIN shown_subjects USING (finding_id)
    GROUP BY provider_id, detector
    HAVING bool_and(insider) AND NOT $insiders
),
retold AS (
    SELECT
        provider_id,
        list(
            {
                'detector': part.detector,
                'family': part.family,
                'points': part.points,
                'findings': coalesce(counted.findings, 0),
                'exposure_sek': CASE
                    WHEN lower IS NOT NULL THEN {'lower': round(lower, 2), 'upper': round(upper, 2)}
                END
            }
            ORDER BY place
        ) AS contributions
    FROM parts
    JOIN seen ON seen.node_id = 'organisation:' || parts.provider_id
    LEFT JOIN counted ON counted.provider_ref = seen.ref AND counted.detector = part.detector
    ANTI JOIN insiders
        ON insiders.provider_id = parts.provider_id AND insiders.detector = part.detector
    GROUP BY provider_id
)
SELECT
    score.* REPLACE (
        provider.shown AS provider_id,
        coalesce(retold.contributions, []) AS contributions
    ),
    provider.ref AS provider_ref
FROM whole.scores AS score
JOIN seen AS provider ON provider.node_id = 'organisation:' || score.provider_id
LEFT JOIN retold ON retold.provider_id = score.provider_id
ORDER BY rank NULLS LAST, provider_ref;

-- What people dismissed and no score counts.
CREATE TABLE set_aside AS
SELECT finding_id FROM whole.set_aside SEMI JOIN findings USING (finding_id);

CREATE TABLE rooms AS
SELECT room.* REPLACE (coalesce(counted.findings, 0) AS findings)
FROM whole.rooms AS room
LEFT JOIN (SELECT detector, count(*) AS findings FROM findings GROUP BY detector) AS counted
    ON counted.detector = room.room
WHERE $insiders OR room.room NOT IN (SELECT room FROM whole.scope_rooms);

CREATE TABLE run AS
SELECT run.* REPLACE (
    (SELECT count(*) FROM scores) AS providers,
    (SELECT count(*) FROM findings) AS findings,
    CASE
        WHEN run.new IS NOT NULL THEN (SELECT count(*) FROM changes WHERE change = 'new')
    END AS new,
    CASE
        WHEN run.still IS NOT NULL THEN (SELECT count(*) FROM changes WHERE change = 'still')
    END AS still,
    CASE
        WHEN run.gone IS NOT NULL THEN (SELECT count(*) FROM changes WHERE change = 'gone')
    END AS gone
)
FROM whole.run;

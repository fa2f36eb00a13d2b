-- One row: statements, records, parties, interests that count, and those with a party not here.
-- What was replaced or merged is told by number, so that nothing disappears unseen.
SELECT
    (SELECT count(*) FROM statement),
    (SELECT count(*) FROM latest),
    (SELECT count(*) FROM latest WHERE series = 'party'),
    (SELECT count(*) FROM interest WHERE row IN (SELECT row FROM latest)),
    (
        SELECT count(*)
        FROM interest
        WHERE
            row IN (SELECT row FROM latest)
            AND (
                subject NOT IN (SELECT record_id FROM latest WHERE series = 'party')
                OR party NOT IN (SELECT record_id FROM latest WHERE series = 'party')
            )
    );

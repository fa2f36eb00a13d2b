-- One row: statements kept, records, records of parties, interests of the records that count.
-- What was replaced or merged is told by number, so that nothing disappears unseen.
SELECT
    (SELECT count(*) FROM statement),
    (SELECT count(*) FROM latest),
    (SELECT count(*) FROM latest WHERE series = 'party'),
    (SELECT count(*) FROM interest WHERE row IN (SELECT row FROM latest));

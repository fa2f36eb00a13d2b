-- One row is the score of the provider $node, with what it is made of.
-- It matters because a score is read with its reasons or not at all.
SELECT
    score,
    band,
    rank,
    list_transform(contributions, lambda part: part.detector) AS detectors,
    list_transform(contributions, lambda part: part.points) AS points,
    cannot_assess,
    not_assessed
FROM scores
WHERE provider_id IN (SELECT key FROM nodes WHERE node_id = $node AND kind = 'organisation');

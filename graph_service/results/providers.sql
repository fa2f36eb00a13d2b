-- One row is one scored provider of the run, by rank; those that cannot be assessed come last.
-- It matters because a reviewer's work begins with the ranking and narrows it.
WITH listed AS (
    SELECT *, coalesce(rank, 9223372036854775807) AS place
    FROM scores
    WHERE ($ref IS NULL OR provider_ref = $ref)
        AND ($band IS NULL OR band = $band)
        AND ($min_score IS NULL OR score >= $min_score)
        AND (
            ($detector IS NULL AND $family IS NULL)
            OR list_bool_or(
                list_transform(
                    contributions,
                    lambda part: part.detector = coalesce($detector, part.detector)
                        AND part.family = coalesce($family, part.family)
                )
            )
        )
        AND ($not_assessed IS NULL OR list_contains(not_assessed, $not_assessed))
        AND (
            len($words) = 0
            OR provider_ref IN (
                SELECT node_id
                FROM nodes
                WHERE kind = 'organisation'
                    AND list_bool_and(
                        list_transform($words, lambda word: contains(search, word))
                    )
            )
        )
),
page AS (
    SELECT *, count(*) OVER () AS total
    FROM listed
    WHERE $after_ref IS NULL OR (place, provider_ref) > ($after_place, $after_ref)
    ORDER BY place, provider_ref
    LIMIT $limit
)
SELECT
    place,
    provider_ref,
    total,
    to_json({
        ref: provider_ref,
        provider_id: provider_id,
        name: name,
        score: score,
        cannot_assess: cannot_assess,
        not_assessed: not_assessed,
        band: band,
        rank: rank,
        contributions: contributions,
        change: change,
        run_id: run_id,
        as_of: as_of,
        known_by: replace(strftime(known_by, '%Y-%m-%dT%H:%M:%S.%f+00:00'), '.000000', '')
    }) AS told
FROM nodes
RIGHT JOIN page ON page.provider_ref = nodes.node_id
ORDER BY place, provider_ref;

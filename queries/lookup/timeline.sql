-- One row is one dated event of $node, the latest first.
-- It matters because who came, left, changed and was paid in which order is half of a case.
WITH of_node AS (
    UNPIVOT (
        SELECT node_id, kind, COLUMNS(lambda name: regexp_matches(name, '_(on|from|to)$'))
        FROM nodes
        WHERE node_id = $node
    )
    ON COLUMNS(* EXCLUDE (node_id, kind))
    INTO NAME event VALUE date
),
of_ties AS (
    SELECT
        unnest([
            {event: 'valid_from', date: valid_from},
            {event: 'valid_to', date: valid_to},
            {event: 'first', date: first},
            {event: 'last', date: CASE WHEN last IS DISTINCT FROM first THEN last END}
        ]) AS told,
        type,
        edge,
        other
    FROM adjacency
    WHERE spoke IN (
        SELECT number
        FROM spokes
        WHERE node IN (SELECT number FROM nodes WHERE node_id = $node)
            AND list_contains($types, type)
    )
),
of_findings AS (
    SELECT
        unnest([
            {event: 'first', date: since},
            {event: 'last', date: CASE WHEN until <> since THEN until END}
        ]) AS told,
        detector,
        finding_id
    FROM findings
    JOIN nodes AS asked
        ON asked.node_id = $node
        AND (
            (asked.kind = 'organisation' AND provider_id = asked.key)
            OR list_bool_or(
                list_transform(
                    subjects, lambda one: one.kind = asked.kind AND one.id = asked.key
                )
            )
        )
),
told AS (
    SELECT date, 'entity' AS subject, event, kind AS type, node_id AS id, NULL AS other, NULL AS edge
    FROM of_node
    UNION ALL
    SELECT told.date, 'relationship', told.event, type, NULL, other, edge FROM of_ties
    UNION ALL
    SELECT told.date, 'finding', told.event, detector, finding_id, NULL, NULL FROM of_findings
),
events AS (
    SELECT *
    FROM told
    WHERE date IS NOT NULL AND date <= coalesce($as_of, date)
),
counted AS (
    SELECT histogram(subject) AS found FROM events
),
latest AS (
    SELECT *
    FROM events
    QUALIFY rank() OVER (
        ORDER BY date DESC, subject DESC, type DESC, event DESC, other DESC NULLS LAST
    ) <= $limit
),
ties AS (
    SELECT number, edge_id FROM edges WHERE number IN (SELECT edge FROM latest)
),
others AS (
    SELECT number, node_id FROM nodes WHERE number IN (SELECT other FROM latest)
)
SELECT
    latest.date,
    latest.subject,
    latest.event,
    latest.type,
    coalesce(latest.id, ties.edge_id) AS id,
    others.node_id AS other_id,
    counted.found
FROM latest
LEFT JOIN ties ON ties.number = latest.edge
LEFT JOIN others ON others.number = latest.other
CROSS JOIN counted
ORDER BY
    latest.date DESC, latest.subject DESC, latest.type DESC, latest.event DESC,
    other_id DESC NULLS LAST, id DESC
LIMIT $limit;

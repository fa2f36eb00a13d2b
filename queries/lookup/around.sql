-- One row is one entity next to $nodes that is not among $seen, those of rare ties first.
-- It matters because what somebody shares, owns or is paid through stands a step or two away.
WITH from_here AS (
    SELECT number, node_id = $start AS is_start
    FROM nodes
    WHERE node_id IN (SELECT unnest($nodes))
),
followed AS (
    SELECT spokes.number
    FROM spokes
    JOIN from_here ON from_here.number = spokes.node
    WHERE (spokes.degree <= $hub OR from_here.is_start)
        AND list_contains($types, spokes.type)
),
step AS (
    SELECT near.type, near.other, near.other_kind
    FROM adjacency AS near
    WHERE near.spoke IN (SELECT number FROM followed)
        AND list_contains($kinds, near.other_kind)
        AND coalesce(near.valid_from <= $as_of, true)
        AND coalesce(near.valid_to > $as_of, true)
        AND coalesce(near.first <= $as_of, true)
        AND near.other NOT IN (
            SELECT number FROM nodes WHERE node_id IN (SELECT unnest($seen))
        )
),
of_type AS (
    SELECT type, count(*) AS relationships FROM step GROUP BY type
),
reached AS (
    SELECT
        step.other,
        any_value(step.other_kind) AS kind,
        min(of_type.relationships) AS rarest,
        count(*) AS ties
    FROM step
    JOIN of_type ON of_type.type = step.type
    GROUP BY step.other
),
counted AS (
    SELECT histogram(kind) AS found FROM reached
),
chosen AS (
    SELECT * FROM reached ORDER BY rarest, ties DESC, other LIMIT greatest($limit, 1)
)
SELECT
    CASE
        WHEN $limit > 0 THEN {
            node_id: nodes.node_id,
            kind: nodes.kind,
            key: nodes.key,
            name: nodes.name,
            protected: nodes.protected,
            labels: nodes.labels
        }
    END AS entity,
    counted.found
FROM nodes
JOIN chosen ON chosen.other = nodes.number
CROSS JOIN counted
ORDER BY chosen.rarest, chosen.ties DESC, chosen.other;

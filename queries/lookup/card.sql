-- One row is one relationship of $node, the standing and the latest of each type first.
-- It matters because who owns, runs, works for and is served by a provider fits on one card.
WITH ties AS (
    SELECT
        CASE WHEN near.outgoing THEN 'out' ELSE 'in' END AS direction,
        near.type,
        near.edge,
        near.other,
        near.valid_to IS NULL AS open,
        coalesce(near.last, near.valid_from, near.first) AS latest
    FROM adjacency AS near
    WHERE near.spoke IN (
            SELECT number
            FROM spokes
            WHERE node IN (SELECT number FROM nodes WHERE node_id = $node)
        )
        AND coalesce(near.valid_from <= $as_of, true)
        AND coalesce(near.valid_to > $as_of, true)
        AND coalesce(near.first <= $as_of, true)
),
counted AS (
    SELECT
        direction,
        type,
        count(*) AS total,
        count(*) FILTER (open) AS open,
        count(DISTINCT other) AS others
    FROM ties
    GROUP BY direction, type
),
paid AS (
    SELECT direction, type, map_from_entries(list((currency, amount))) AS amounts
    FROM (
        SELECT
            ties.direction, ties.type, edges.currency, CAST(sum(edges.amount) AS DOUBLE) AS amount
        FROM edges
        JOIN ties ON ties.edge = edges.number
        WHERE edges.amount IS NOT NULL AND edges.currency IS NOT NULL
        GROUP BY ties.direction, ties.type, edges.currency
    )
    GROUP BY direction, type
),
latest AS (
    SELECT *
    FROM ties
    QUALIFY rank() OVER (
        PARTITION BY type, direction ORDER BY open DESC, latest DESC NULLS LAST
    ) <= $limit
)
SELECT
    latest.direction,
    tie.*,
    counted.total,
    counted.open,
    counted.others,
    coalesce(paid.amounts, MAP {}) AS amounts
FROM (SELECT * EXCLUDE (by_month, days, amounts) FROM edges) AS tie
JOIN latest ON latest.edge = tie.number
JOIN counted ON counted.direction = latest.direction AND counted.type = latest.type
LEFT JOIN paid ON paid.direction = latest.direction AND paid.type = latest.type
QUALIFY row_number() OVER (
    PARTITION BY latest.type, latest.direction
    ORDER BY latest.open DESC, latest.latest DESC NULLS LAST, tie.edge_id
) <= $limit
ORDER BY
    latest.type, latest.direction, latest.open DESC, latest.latest DESC NULLS LAST, tie.edge_id;

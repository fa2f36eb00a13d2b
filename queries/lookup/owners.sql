-- One row is one holding in one of $nodes.
-- It matters because who decides over a company is who owns it, and who owns that one.
SELECT * EXCLUDE (by_month, days, amounts)
FROM edges
WHERE number IN (
    SELECT near.edge
    FROM adjacency AS near
    WHERE near.spoke IN (
            SELECT number
            FROM spokes
            WHERE type = 'OWNS'
                AND node IN (
                    SELECT number FROM nodes WHERE node_id IN (SELECT unnest($nodes))
                )
        )
        AND (NOT near.outgoing OR near.node = near.other)
        AND coalesce(near.valid_from <= $as_of, true)
        AND coalesce(near.valid_to > $as_of, near.valid_to IS NULL)
        AND coalesce(near.first <= $as_of, true)
)
ORDER BY edge_id;

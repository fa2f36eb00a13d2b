-- One row is one entity that holds the words searched for, the best match first.
-- It matters because an investigation begins with a name, a number or an address.
WITH matched AS (
    SELECT
        node_id,
        list_position($kinds, kind) AS place,
        kind,
        CASE
            WHEN list_contains($keys, node_id) THEN 1
            WHEN contains(search, chr(10) || $text || chr(10)) THEN 2
            WHEN $compact <> '' AND contains(search, chr(10) || $compact || chr(10)) THEN 2
            WHEN contains(search, chr(10) || $text) THEN 3
            WHEN $compact <> '' AND contains(search, chr(10) || $compact) THEN 3
            ELSE 4
        END AS grade
    FROM nodes
    WHERE list_contains($kinds, kind)
        AND (
            list_contains($keys, node_id)
            OR (
                contains(search, $words[1])
                AND list_bool_and(list_transform($words, lambda word: contains(search, word)))
            )
            OR ($compact <> '' AND contains(search, $compact))
        )
),
counted AS (
    SELECT histogram(kind) AS found FROM matched
),
chosen AS (
    SELECT * FROM matched ORDER BY grade, place, node_id LIMIT $limit
)
SELECT
    {
        node_id: node.node_id,
        kind: node.kind,
        key: node.key,
        name: node.name,
        protected: node.protected,
        labels: node.labels
    } AS entity,
    ['key', 'whole', 'start', 'part'][grade] AS match,
    found
FROM nodes AS node
JOIN chosen ON chosen.node_id = node.node_id
CROSS JOIN counted
ORDER BY grade, place, chosen.node_id;

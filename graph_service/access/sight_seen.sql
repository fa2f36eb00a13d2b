-- One row of seen is one entity that this reach may see, and how it is told there.
-- It matters because every other table of the sight is made of these rows alone.
CREATE OR REPLACE TEMP TABLE judged AS
WITH lifted AS (
    SELECT coalesce(list(protector), []) AS protectors
    FROM (
        SELECT unnest(protectors) AS protector
        FROM whole.scope_nodes
        WHERE list_contains($lifted, ref)
    )
)
SELECT
    known.node_id,
    known.kind,
    known.key,
    ref,
    personal,
    in_care,
    CASE WHEN personal THEN ref ELSE known.key END AS shown,
    list_has_all(lifted.protectors, known.protectors) AS open,
    CAST($units AS VARCHAR[]) IS NULL OR NOT restricted OR list_has_any(units, $units) AS within,
    CAST($units AS VARCHAR[]) IS NULL OR list_has_any(units, $units) AS cared_within,
    $insiders OR NOT insider AS told
FROM whole.scope_nodes AS known
CROSS JOIN lifted;

CREATE OR REPLACE TEMP TABLE seen AS SELECT * FROM judged WHERE open AND within AND told;

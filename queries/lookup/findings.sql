-- One row is one finding about the provider $node, or with $node as a subject.
-- It matters because an indicator is a reason to look, and names the days to look at.
WITH asked AS (
    SELECT kind, key FROM nodes WHERE node_id = $node
),
told AS (
    SELECT
        findings.*,
        CASE
            WHEN asked.kind = 'organisation' AND provider_id = asked.key THEN 'provider'
            ELSE list_min(
                list_transform(
                    list_filter(
                        subjects, lambda one: one.kind = asked.kind AND one.id = asked.key
                    ),
                    lambda one: one.role
                )
            )
        END AS role
    FROM findings
    CROSS JOIN asked
),
concerned AS (
    SELECT * FROM told WHERE role IS NOT NULL
),
counted AS (
    SELECT histogram(detector) AS found FROM concerned
)
SELECT
    finding_id,
    detector,
    strength,
    role,
    since AS first,
    until AS last,
    events,
    days,
    exposure_sek.lower AS exposure_lower,
    exposure_sek.upper AS exposure_upper,
    summary.sv AS summary_sv,
    summary.en AS summary_en,
    found
FROM concerned
CROSS JOIN counted
ORDER BY list_position(['hard', 'stat', 'net'], strength), last DESC, finding_id
LIMIT $limit;

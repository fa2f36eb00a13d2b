-- One row of told is one finding as this reach may see it, but for its statistics, which are masked next.
-- It matters because a finding names people, and cites rows that name others.
CREATE OR REPLACE TEMP TABLE cited AS
SELECT
    finding_id,
    place,
    bool_and(open) AS open,
    bool_and(within) AS within,
    to_json(map_from_entries(list(("column", ref)) FILTER (WHERE masked))) AS masked
FROM (
    SELECT
        finding_id,
        place,
        "column",
        bool_and(open) AS open,
        bool_and(within) AS within,
        min(ref) FILTER (WHERE personal) AS ref,
        bool_or(in_key AND personal) AS masked
    FROM whole.scope_evidence
    JOIN judged USING (node_id)
    GROUP BY finding_id, place, "column"
)
GROUP BY finding_id, place;

CREATE OR REPLACE TEMP TABLE shown_rows AS
SELECT
    finding_id,
    list(
        {
            'table': item."table",
            'key': nameless(CASE
                WHEN masked IS NULL THEN item.key ELSE json_merge_patch(item.key, masked)
            END),
            'file_sha256': item.file_sha256,
            'row': item."row"
        }
        ORDER BY place
    ) FILTER (WHERE coalesce(open, true)) AS evidence,
    count(*) FILTER (WHERE NOT open) AS masked_rows,
    bool_and(coalesce(within, true)) AS within
FROM (
    SELECT finding_id, generate_subscripts(evidence, 1) AS place, unnest(evidence) AS item
    FROM whole.findings
)
LEFT JOIN cited USING (finding_id, place)
GROUP BY finding_id;

CREATE OR REPLACE TEMP TABLE shown_subjects AS
SELECT
    finding_id,
    list(
        {
            'role': subject.role,
            'kind': subject.kind,
            'id': CASE
                WHEN NOT open OR (hides AND personal) THEN 'protected'
                WHEN shown IS NOT NULL THEN shown
                ELSE reference_of(subject.kind || ':' || subject.id)
            END,
            'ref': CASE WHEN open AND NOT (hides AND personal) THEN ref END
        }
        ORDER BY place
    ) AS subjects,
    bool_and(coalesce(within, true)) AS within,
    any_value(hides) AS hidden,
    bool_or(subject.role = 'official') OR any_value(for_security) AS insider
FROM (
    SELECT *, bool_or(NOT coalesce(open, true)) OVER (PARTITION BY finding_id) AS hides
    FROM (
        SELECT
            finding_id,
            generate_subscripts(subjects, 1) AS place,
            unnest(subjects) AS subject,
            detector IN (SELECT room FROM whole.scope_rooms) AS for_security
        FROM whole.findings
    )
    LEFT JOIN judged ON node_id = subject.kind || ':' || subject.id
)
GROUP BY finding_id;

-- Where a subject is protected, neither the room's words nor its rows are told, nor who else it is
-- about: a relative or a worker would lead to the home.
CREATE OR REPLACE TEMP TABLE told AS
SELECT finding.* REPLACE (
    provider.shown AS provider_id,
    about.subjects AS subjects,
    CASE WHEN hidden THEN [] ELSE coalesce(shown_rows.evidence, []) END AS evidence,
    CASE
        -- A patch leaves out what is null.
        WHEN hidden THEN json_merge_patch(
            '{}',
            json_object(
                'masked_rows', len(finding.evidence),
                'p_value', finding.statistics -> 'p_value',
                'q_value', finding.statistics -> 'q_value'
            )
        )
        WHEN masked_rows > 0
            THEN json_merge_patch(finding.statistics, json_object('masked_rows', masked_rows))
        ELSE finding.statistics
    END AS statistics,
    CASE
        WHEN hidden OR holds_personal_number(finding.summary.sv || finding.summary.en)
            THEN {'sv': $masked_sv, 'en': $masked_en}
        ELSE finding.summary
    END AS summary
), provider.ref AS provider_ref
FROM whole.findings AS finding
JOIN seen AS provider ON provider.node_id = 'organisation:' || finding.provider_id
JOIN shown_subjects AS about USING (finding_id)
LEFT JOIN shown_rows USING (finding_id)
WHERE about.within AND coalesce(shown_rows.within, true) AND ($insiders OR NOT about.insider)
ORDER BY finding_id;

-- One row: one holding in force, and whether what is held is a provider; refine.py follows the holdings upwards.
-- Who decides in a provider should be a person with a name; a ring or a long chain has none.
WITH provider AS (
    SELECT org_id FROM contracts
    UNION SELECT org_id FROM enrolments
    UNION SELECT org_id FROM visits
    UNION SELECT org_id FROM invoices
    UNION SELECT org_id FROM placements
),

-- Swedish numbers begin with the kind of body: 2 public bodies, 7 cooperatives, 8 foundations
-- and associations. Others are known by the words of their legal form.
without_owners AS (
    SELECT org_id FROM organisations
    WHERE regexp_matches(lower(legal_form),
            'ekonomisk|kooperativ|cooperative|förening|association|stiftelse|foundation|trossamfund'
            || '|kommun|municipal|region|landsting|statlig|publ|listed|börs|mutual|ömsesidig')
        -- A sole trader is not listed, whatever the name.
        OR (regexp_matches(lower(name), '\(publ\)') AND NOT regexp_matches(org_id, '^[0-9]{12}$'))
    UNION
    SELECT owner_id FROM owners WHERE regexp_matches(owner_id, '^[278][0-9]{9}$')
    UNION
    SELECT org_id FROM owners WHERE regexp_matches(org_id, '^[278][0-9]{9}$')
    UNION
    SELECT org_id FROM municipalities
)

SELECT
    p.org_id AS provider_id,
    [
        {'role': 'owner', 'kind': coalesce(nullif(o.owner_kind, 'unknown'), 'organisation'), 'id': o.owner_id},
        {'role': 'other', 'kind': 'organisation', 'id': o.org_id}
    ] AS subjects,
    o.valid_from AS since,
    $as_of AS until,
    1 AS events,
    1 AS days,
    CAST(NULL AS DECIMAL(18, 2)) AS exposure_lower,
    CAST(NULL AS DECIMAL(18, 2)) AS exposure_upper,
    [{
        'table': 'owners',
        'key': [o.org_id, o.owner_id, o.interest, CAST(o.valid_from AS VARCHAR)],
        'file_sha256': o._file_sha256, 'row': o._row
    }] AS evidence,
    o.org_id, o.owner_id, o.interest, CAST(o.share AS DOUBLE) AS share,
    -- A person by word, or by the twelve digits of a personal number; a sole trader is its owner.
    coalesce(o.owner_kind = 'person', false) OR regexp_matches(o.owner_id, '^[0-9]{12}$')
        OR (o.owner_kind IS NULL AND regexp_matches(o.owner_id, '^[a-z][a-z0-9-]*:')) AS natural,
    h.org_id IS NOT NULL AS owner_has_members,
    b.org_id IS NOT NULL AS body_has_members
FROM owners AS o
LEFT JOIN provider AS p ON p.org_id = o.org_id
LEFT JOIN without_owners AS h ON h.org_id = o.owner_id
LEFT JOIN without_owners AS b ON b.org_id = o.org_id
WHERE (o.valid_from IS NULL OR o.valid_from <= $as_of)
    AND (o.valid_to IS NULL OR o.valid_to > $as_of)
    AND o.owner_id <> o.org_id

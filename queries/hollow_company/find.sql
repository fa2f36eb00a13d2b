-- One row: one official sign of a shell at a provider, or one seat or change from which refine.py reads such a sign.
-- A company without premises, staff or a management of its own may be a front; one sign alone never says so.
WITH met AS (
    SELECT
        org_id, municipality, min({'at': start, 'id': visit_id}) AS first,
        max({'at': start, 'id': visit_id}) AS last
    FROM visits GROUP BY org_id, municipality
),

-- What a provider did, and what it was to do; `work` is what was done.
activity AS (
    SELECT
        org_id, municipality, CAST(first.at AT TIME ZONE 'Europe/Stockholm' AS DATE) AS first,
        CAST(last.at AT TIME ZONE 'Europe/Stockholm' AS DATE) AS last, true AS work,
        false AS goes_on, 'visits' AS origin, [municipality] AS key,
        NULL AS _file_sha256, NULL AS _row, [first.id] AS first_key, [last.id] AS last_key
    FROM met
    UNION ALL
    SELECT org_id, municipality, least(period_from, issued_on), issued_on, true, false,
        'invoices', [invoice_id], _file_sha256, _row, NULL, NULL FROM invoices
    UNION ALL
    SELECT org_id, NULL, start, coalesce("end", start), true, "end" IS NULL,
        'placements', [placement_id], _file_sha256, _row, NULL, NULL FROM placements
    UNION ALL
    SELECT org_id, municipality, valid_from, valid_from, false, false,
        'contracts', [contract_id], _file_sha256, _row, NULL, NULL FROM contracts
    UNION ALL
    SELECT org_id, municipality, valid_from, valid_from, false, false, 'enrolments',
        [client_id, org_id, service, CAST(valid_from AS VARCHAR)], _file_sha256, _row, NULL, NULL
    FROM enrolments
),

served AS (SELECT DISTINCT org_id, municipality FROM activity),

place AS (SELECT municipality, max(last) AS last FROM activity WHERE work GROUP BY municipality),

-- Judged by its own municipality's reach: what is loaded of another ends nothing here.
provider AS (
    SELECT
        a.org_id, min(a.first) AS first, max(a.last) AS last,
        max(CASE WHEN a.work THEN a.last END) AS last_work,
        bool_or(a.goes_on) OR NOT bool_or(a.work)
            OR bool_or(a.work AND date_diff('day', a.last, p.last) <= $quiet_days) AS works
    FROM activity AS a LEFT JOIN place AS p ON p.municipality IS NOT DISTINCT FROM a.municipality
    ANTI JOIN municipalities AS m ON m.org_id = a.org_id
    GROUP BY a.org_id
),

-- Wound up: an administrator moves the address, and the tax office ends the registrations.
company AS (
    SELECT
        p.*, o.* EXCLUDE (org_id),
        coalesce(o.status_on, o.deregistered_on) AS restrained_on,
        regexp_matches(lower(coalesce(o.legal_form, '')),
            'förening|association|stiftelse|foundation|samfund|cooperat|kooperat')
            OR (o.legal_form IS NULL AND regexp_matches(o.org_id, '^[278][0-9]{9}$')) AS untaxed,
        o.deregistered_on IS NOT NULL OR coalesce(o.status, 'active') <> 'active' AS restrained,
        coalesce(o.country, 'SE') <> 'SE' OR regexp_matches(o.org_id, '^(516|[A-Z]{2}:)')
            OR regexp_matches(lower(coalesce(o.legal_form, '')), 'filial|branch|utländsk|foreign')
            AS abroad,
        h.person_id IS NOT NULL AS hidden,
        (o.deregistered_on IS NOT NULL
            OR coalesce(o.status, 'active') IN ('bankruptcy', 'liquidation', 'deregistered'))
        -- A liquidator is registered at once; the administrator of a bankruptcy never is.
        AND (coalesce(l.found, false) OR (l.found IS NULL OR o.status <> 'liquidation') AND coalesce(
            date_diff('day', coalesce(o.status_on, o.deregistered_on), p.last_work)
                <= $wind_up_days, true)) AS wound_up
    FROM provider AS p JOIN organisations AS o ON o.org_id = p.org_id
    LEFT JOIN (SELECT org_id, bool_or(role = 'liquidator') AS found FROM officers GROUP BY org_id)
        AS l ON l.org_id = p.org_id
    LEFT JOIN persons AS h ON h.person_id = p.org_id AND h.protection <> 'none'
),

-- What is the rule among those who serve the same municipality; its absence is a deviation.
peer AS (
    SELECT
        t.org_id,
        avg(CASE WHEN o.phone IS NOT NULL OR o.email IS NOT NULL THEN 1 ELSE 0 END) AS reached,
        avg(CASE WHEN o.f_tax THEN 1 WHEN NOT o.f_tax THEN 0 END) AS taxed,
        avg(CASE WHEN o.employer THEN 1 WHEN NOT o.employer THEN 0 END) AS employing
    FROM (
        SELECT DISTINCT a.org_id, b.org_id AS other_id
        FROM served AS a JOIN served AS b
            ON b.municipality IS NOT DISTINCT FROM a.municipality AND b.org_id <> a.org_id
    ) AS t
    JOIN organisations AS o ON o.org_id = t.other_id
    GROUP BY t.org_id
),

-- Who runs or owns it; `rules` says that the person may act for it or holds most of it.
partner AS (
    SELECT
        org_id, person_id, valid_from, valid_to, true AS rules,
        'officers' AS origin, [org_id, person_id, role, CAST(valid_from AS VARCHAR)] AS key,
        _file_sha256, _row FROM officers WHERE role NOT IN ('auditor', 'liquidator')
    UNION ALL
    SELECT
        org_id, owner_id, valid_from, valid_to,
        coalesce(share > $control_share, interest = 'control'),
        'owners', [org_id, owner_id, interest, CAST(valid_from AS VARCHAR)], _file_sha256, _row
    FROM owners
    UNION ALL
    SELECT o.org_id, o.org_id, NULL, NULL, true, 'organisations', [o.org_id], o._file_sha256, o._row
    FROM organisations AS o JOIN provider AS p ON p.org_id = o.org_id
),

registered AS (
    SELECT substr(e.source_id, 14) AS org_id, e.target_id AS address, n.house
    FROM edges AS e JOIN nodes AS n ON n.node_id = e.target_id
    WHERE e.type = 'REGISTERED_AT' AND e.valid_to IS NULL
),

-- A firm run from the house of somebody who runs or owns it; the flat's number may be left out.
home AS (
    SELECT p.org_id, bool_or(n.house = g.house) AS is_here
    FROM partner AS p JOIN registered AS g ON g.org_id = p.org_id
    JOIN edges AS r ON r.source_id = 'person:' || p.person_id
    JOIN nodes AS n ON n.node_id = r.target_id
    WHERE r.type = 'RESIDES_AT' AND r.valid_to IS NULL
    GROUP BY p.org_id
),

-- Members of one group are no strangers at an address.
kin AS (
    SELECT org_id AS x, owner_id AS y FROM owners
    UNION
    SELECT owner_id, org_id FROM owners
    UNION
    SELECT a.org_id, b.org_id
    FROM owners AS a JOIN owners AS b ON b.owner_id = a.owner_id
    SEMI JOIN provider AS p ON p.org_id = a.org_id
),

neighbour AS (
    SELECT
        c.org_id, b.org_id AS other_id,
        count(*) OVER (PARTITION BY c.org_id) + 1 AS orgs,
        count(p.org_id) OVER (PARTITION BY c.org_id) + 1 AS providers,
        row_number() OVER (PARTITION BY c.org_id ORDER BY p.org_id IS NULL, b.org_id) AS place
    FROM company AS c
    JOIN registered AS a ON a.org_id = c.org_id
    JOIN registered AS b ON b.address = a.address AND b.org_id <> a.org_id
    ANTI JOIN kin AS k ON k.x = a.org_id AND k.y = b.org_id
    LEFT JOIN provider AS p ON p.org_id = b.org_id
),

-- Who works there now, but for those who run it and those whom another firm employs.
staff AS (
    SELECT
        s.org_id, s.person_id, s.valid_from,
        row_number() OVER (PARTITION BY s.org_id ORDER BY s.person_id) AS place,
        count(*) OVER (PARTITION BY s.org_id) AS staff,
        count(s.valid_from) OVER (PARTITION BY s.org_id) = 0 AS rolls_unknown
    FROM (
        SELECT t.org_id, t.person_id, max(t.valid_from) AS valid_from FROM (
            SELECT substr(target_id, 14) AS org_id, substr(source_id, 8) AS person_id, last,
                NULL AS valid_from
            FROM edges AS w ANTI JOIN employments AS e
                ON 'person:' || e.person_id = source_id AND 'organisation:' || e.org_id <> target_id
            WHERE w.type = 'WORKED_FOR'
            UNION ALL
            SELECT org_id, person_id, valid_to, valid_from FROM employments
        ) AS t JOIN provider AS p ON p.org_id = t.org_id
        WHERE coalesce(date_diff('day', t.last, p.last) <= $staff_days, true)
        GROUP BY t.org_id, t.person_id
    ) AS s
    ANTI JOIN partner AS o ON o.org_id = s.org_id AND o.person_id = s.person_id
),

judged AS (
    SELECT
        c.*, e.reached, e.taxed, e.employing, coalesce(s.staff, 0) AS staff, s.rolls_unknown,
        coalesce(n.orgs, 1) AS at_address,
        coalesce(n.orgs >= $orgs_at_address OR n.providers >= $providers_at_address, false)
            AS crowded,
        h.is_here AS at_home,
        regexp_matches(lower(coalesce(c.street, '')), '(^|[^a-zåäö])(post)?box *[0-9]') AS box,
        c.care_of IS NOT NULL
            OR regexp_matches(lower(coalesce(c.street, '')), '(^|[^a-zåäö])c/o') AS care_of_given,
        -- The register tells of today: of a firm that has ended, it says little of its working days.
        NOT c.wound_up AND NOT c.hidden AND (c.works OR NOT c.restrained) AS stands,
        NOT c.wound_up AND c.works AND NOT c.abroad AS registers_tell
    FROM company AS c
    LEFT JOIN peer AS e ON e.org_id = c.org_id
    LEFT JOIN staff AS s ON s.org_id = c.org_id AND s.place = 1
    LEFT JOIN neighbour AS n ON n.org_id = c.org_id AND n.place = 1
    LEFT JOIN home AS h ON h.org_id = c.org_id
),

bankruptcy AS (
    SELECT * FROM (
        SELECT org_id, coalesce(status_on, deregistered_on, $as_of) AS day,
            'organisations' AS origin, [org_id] AS key, _file_sha256, _row
        FROM organisations WHERE status = 'bankruptcy'
        UNION ALL
        SELECT org_id, changed_on, 'organisation_changes', [change_id], _file_sha256, _row
        FROM organisation_changes
        WHERE what = 'status' AND regexp_matches(lower(coalesce("after", '')), 'konkurs|bankrupt')
        UNION ALL
        SELECT org_id, valid_to, 'contracts', [contract_id], _file_sha256, _row
        FROM contracts WHERE end_reason = 'bankruptcy'
    )
    QUALIFY row_number() OVER (PARTITION BY org_id ORDER BY day, origin, key) = 1
),

-- Who runs a company: auditors, deputies and administrators do not.
seat AS (
    SELECT
        org_id, person_id, role, valid_from, valid_to, 'officers' AS origin,
        [org_id, person_id, role, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row
    FROM officers WHERE role IN ('chair', 'director', 'ceo', 'signatory')
),

-- The seats of those who run a provider, and the bankruptcies that met them there.
elsewhere AS (
    SELECT DISTINCT
        p.org_id, s.person_id, s.org_id AS other_id, s.valid_from, s.key, s._file_sha256, s._row,
        s.role <> 'ceo' AND (s.valid_to IS NULL OR s.valid_to > p.last)
            AND o.deregistered_on IS NULL AND coalesce(o.status, 'active') <> 'deregistered' AS held,
        CASE WHEN s.role <> 'ceo' AND s.org_id <> p.org_id AND s.valid_from < b.day
            AND (s.valid_to IS NULL OR date_diff('day', s.valid_to, b.day) <= $left_days)
            AND date_diff('day', b.day, p.last) <= $bankruptcy_days THEN b.day END AS failed_on
    FROM provider AS p
    JOIN seat AS m ON m.org_id = p.org_id AND (m.valid_to IS NULL OR m.valid_to > p.last)
    JOIN seat AS s ON s.person_id = m.person_id
    LEFT JOIN organisations AS o ON o.org_id = s.org_id
    LEFT JOIN bankruptcy AS b ON b.org_id = s.org_id
),

banned AS (
    SELECT
        p.org_id, greatest(coalesce(k.valid_from, b.valid_from), b.valid_from) AS since,
        k.origin, k.key, k._file_sha256, k._row, k.person_id, b.valid_from AS ban_from,
        b._file_sha256 AS ban_file, b._row AS ban_row
    FROM provider AS p JOIN partner AS k ON k.org_id = p.org_id AND k.rules
    JOIN trading_bans AS b ON b.person_id = k.person_id
    -- Long enough for an officer to be struck off when the ban begins; then it lasts into the work.
    WHERE (k.valid_to IS NULL OR date_diff('day', b.valid_from, k.valid_to) > $ban_grace_days)
        AND (k.valid_from IS NULL OR b.valid_to IS NULL OR k.valid_from < b.valid_to)
        AND least(coalesce(k.valid_to, b.valid_to, p.last + 1), coalesce(b.valid_to, p.last + 1))
            > p.first
    QUALIFY row_number()
        OVER (PARTITION BY p.org_id ORDER BY since, k.origin, k.key, b.valid_from) = 1
),

-- The first thing that a provider did or was to do, and its last work.
step AS (
    SELECT org_id, 'new_company' AS sign, origin, coalesce(first_key, key) AS key, _file_sha256, _row
    FROM activity QUALIFY row_number() OVER (PARTITION BY org_id ORDER BY first, origin, activity.key) = 1
    UNION ALL
    SELECT org_id, 'restraint', origin, coalesce(last_key, key), _file_sha256, _row FROM activity
    WHERE work
    QUALIFY row_number() OVER (PARTITION BY org_id ORDER BY last DESC, origin DESC, activity.key DESC) = 1
),

-- A sign that the register's own row shows.
shown AS (
    SELECT org_id, 'care_of' AS sign, CAST(NULL AS DATE) AS since, NOT box AND at_home IS NULL AS unsure
    FROM judged WHERE stands AND (box OR (care_of_given AND NOT abroad AND NOT coalesce(at_home, false)))
    UNION ALL
    SELECT org_id, 'mass_address', NULL, false FROM judged WHERE stands AND crowded
    UNION ALL
    SELECT org_id, 'no_contact', NULL, false FROM judged
    WHERE stands AND phone IS NULL AND email IS NULL AND reached > $peers_share
    UNION ALL
    SELECT org_id, 'new_company', registered_on, false FROM judged
    WHERE date_diff('day', registered_on, first) < $new_days
        AND date_diff('day', registered_on, last) <= $recent_days
    UNION ALL
    SELECT org_id, 'no_f_tax', NULL, false FROM judged
    WHERE registers_tell AND NOT f_tax AND NOT untaxed AND coalesce(taxed, 1) > $peers_share
    UNION ALL
    SELECT org_id, 'no_employer', NULL, rolls_unknown FROM judged
    WHERE registers_tell AND NOT employer AND staff >= $staff_min
        AND coalesce(employing, 1) > $peers_share
    UNION ALL
    SELECT org_id, 'few_employees', NULL, rolls_unknown FROM judged
    WHERE registers_tell AND staff >= $few_staff_min AND employees < $few_share * staff
        AND date_diff('day', registered_on, last) > $reporting_days
    UNION ALL
    SELECT org_id, 'restraint', restrained_on, false FROM judged
    WHERE restrained AND NOT wound_up AND date_diff('day', restrained_on, last_work) > $wind_up_days
    UNION ALL
    SELECT org_id, 'other_industry', NULL, false FROM judged
    WHERE stands AND regexp_matches(industry, '[0-9]{2}')
        AND NOT regexp_matches(industry, $near_industries)
    -- And what speaks against all of them.
    UNION ALL
    SELECT DISTINCT p.org_id, 'permit', CAST(NULL AS DATE), false
    FROM provider AS p JOIN permits AS t ON t.org_id = p.org_id
    WHERE t.status = 'granted' AND (t.valid_to IS NULL OR t.valid_to > p.last)
    UNION ALL
    SELECT DISTINCT p.org_id, 'review', CAST(NULL AS DATE), false
    FROM provider AS p JOIN quality_reviews AS q ON q.org_id = p.org_id
    WHERE q.outcome = 'passed' AND date_diff('day', q.reviewed_on, p.last) <= $staff_days
),

counted AS (
    SELECT s.org_id, f.sign, s.person_id, s.valid_from, f.unsure
    FROM shown AS f JOIN judged AS j ON j.org_id = f.org_id JOIN staff AS s ON s.org_id = f.org_id
    WHERE s.place <= CASE f.sign WHEN 'no_employer' THEN $staff_min
        WHEN 'few_employees' THEN greatest($few_staff_min, floor(j.employees / $few_share) + 1)
        ELSE 0 END
),

fact AS (
    SELECT
        s.org_id, s.sign, s.since, s.unsure, NULL AS person_id, NULL AS other_id, NULL AS held,
        'organisations' AS origin, [j.org_id] AS key, j._file_sha256, j._row
    FROM shown AS s JOIN judged AS j ON j.org_id = s.org_id
    UNION ALL
    SELECT b.org_id, s.sign, s.since, false, NULL, NULL, NULL, b.origin, b.key, b._file_sha256, b._row
    FROM shown AS s JOIN step AS b ON b.org_id = s.org_id AND b.sign = s.sign
    UNION ALL
    SELECT n.org_id, s.sign, NULL, false, NULL, NULL, NULL, 'organisations', [n.other_id], o._file_sha256, o._row
    FROM shown AS s JOIN neighbour AS n ON n.org_id = s.org_id
    JOIN organisations AS o ON o.org_id = n.other_id
    WHERE s.sign = 'mass_address' AND n.place < CASE WHEN n.providers >= $providers_at_address
        THEN $providers_at_address ELSE $orgs_at_address END
    UNION ALL
    SELECT c.org_id, c.sign, NULL, c.unsure, NULL, NULL, NULL,
        'employments', [c.org_id, c.person_id, CAST(e.valid_from AS VARCHAR)], e._file_sha256, e._row
    FROM counted AS c JOIN employments AS e
        ON e.org_id = c.org_id AND e.person_id = c.person_id AND e.valid_from = c.valid_from
    UNION ALL
    SELECT c.org_id, c.sign, NULL, c.unsure, NULL, NULL, NULL,
        'visits', [min({'at': v.start, 'id': v.visit_id}).id], NULL, NULL
    FROM counted AS c JOIN visits AS v ON v.org_id = c.org_id AND v.worker_id = c.person_id
    WHERE c.valid_from IS NULL AND v.status = 'performed'
    GROUP BY c.org_id, c.sign, c.person_id, c.unsure
    UNION ALL
    SELECT org_id, 'trading_ban', since, false, person_id, NULL, NULL, origin, key, _file_sha256, _row FROM banned
    UNION ALL
    SELECT org_id, 'trading_ban', since, false, person_id, NULL, NULL,
        'trading_bans', [person_id, CAST(ban_from AS VARCHAR)], ban_file, ban_row FROM banned
    UNION ALL
    SELECT org_id, 'seat', valid_from, failed_on IS NOT NULL, person_id, other_id, held,
        'officers', key, _file_sha256, _row FROM elsewhere
    UNION ALL
    SELECT DISTINCT e.org_id, 'bankruptcy', e.failed_on, false, e.person_id, e.other_id, NULL,
        b.origin, b.key, b._file_sha256, b._row
    FROM elsewhere AS e JOIN bankruptcy AS b ON b.org_id = e.other_id WHERE e.failed_on IS NOT NULL
    UNION ALL
    SELECT c.org_id, 'changed_' || c.what, c.changed_on, false, NULL, NULL, NULL,
        'organisation_changes', [c.change_id], c._file_sha256, c._row
    FROM organisation_changes AS c JOIN provider AS p ON p.org_id = c.org_id
    WHERE date_diff('day', c.changed_on, p.last) <= $recent_days
)

SELECT
    f.org_id AS provider_id,
    [{'role': 'provider', 'kind': 'organisation', 'id': f.org_id}] AS subjects,
    f.since, j.last AS until, 1 AS events, 1 AS days,
    CAST(NULL AS DECIMAL(18, 2)) AS exposure_lower, CAST(NULL AS DECIMAL(18, 2)) AS exposure_upper,
    [{'table': f.origin, 'key': f.key, 'file_sha256': coalesce(f._file_sha256, v._file_sha256),
        'row': coalesce(f._row, v._row)}] AS evidence,
    f.sign, f.unsure, f.person_id, f.other_id, f.held, j.first, j.registered_on,
    j.at_address, j.staff, j.employees
FROM fact AS f JOIN judged AS j ON j.org_id = f.org_id
LEFT JOIN visits AS v ON f.origin = 'visits' AND v.visit_id = f.key[1]

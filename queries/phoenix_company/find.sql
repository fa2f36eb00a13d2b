-- One row: a provider that began about when another ended, with what it has from it and what may explain that.
-- Firms change numbers, people do not: who lost a contract or a permit may come back under another.
WITH met AS (
    SELECT
        CASE type WHEN 'WORKED_FOR' THEN 'workers' ELSE 'clients' END AS sign, substr(target_id, 14) AS org_id,
        municipality, substr(source_id, 8) AS person_id, first, last
    FROM edges WHERE type IN ('WORKED_FOR', 'CARED_FOR_BY')
),
reach AS (SELECT municipality, min(first) AS opened, max(last) AS seen FROM met GROUP BY municipality),

-- Where each provider worked and when: best by visits, else by what was enrolled, placed or billed.
activity AS (
    SELECT org_id, municipality, first, last, 1 AS kind FROM met
    UNION ALL SELECT org_id, municipality, valid_from, coalesce(valid_to - 1, $as_of), 2 FROM enrolments
    UNION ALL SELECT org_id, municipality, period_from, period_to, 3 FROM invoices
    UNION ALL SELECT org_id, '', start, coalesce("end", $as_of), 2 FROM placements
    UNION ALL SELECT org_id, municipality, valid_from, coalesce(valid_to - 1, $as_of), 4 FROM contracts
    UNION ALL SELECT org_id, '', valid_from, coalesce(valid_to - 1, $as_of), 5 FROM permits
),
place AS (
    SELECT
        a.org_id, a.municipality, min(a.kind) AS kind, coalesce(min(r.seen), $as_of) AS seen,
        coalesce(min(CASE WHEN a.kind < 3 THEN a.first END), min(CASE WHEN a.kind = 3 THEN a.first END), min(a.first)) AS first,
        coalesce(max(CASE WHEN a.kind = 1 THEN a.last END), max(CASE WHEN a.kind < 4 THEN a.last END), max(a.last)) AS last,
        min(CASE WHEN a.kind = 4 THEN a.first END) AS contracted,
        date_diff('day', min(r.opened), min(CASE WHEN a.kind < 3 THEN a.first END)) AS after_opening,
        min(a.first) < min(r.opened) - $gap_days AS known_before
    FROM (SELECT *, min(kind) OVER (PARTITION BY org_id) AS best FROM activity) AS a
    LEFT JOIN reach AS r ON r.municipality = a.municipality
    WHERE a.kind < 5 OR a.best = 5 -- a permit alone places only who is known by nothing else
    GROUP BY a.org_id, a.municipality
),
municipal AS (
    SELECT org_id FROM municipalities WHERE org_id IS NOT NULL
    UNION SELECT org_id FROM organisations WHERE regexp_matches(lower(legal_form), '^(kommun|region)')
    UNION SELECT org_id FROM place WHERE regexp_matches(org_id, '^2(12|22|32)[0-9]{7}$')
),

-- Each row that tells of an end, for cause or not; a contract ends when none goes on.
term AS (
    SELECT
        k.*, p.last, p.seen, k.end_reason IN ('terminated', 'revoked', 'bankruptcy') AS cause,
        date_diff('day', k.valid_to, max(coalesce(k.valid_to, DATE '9999-12-31')) OVER (
            PARTITION BY k.org_id, k.municipality
        )) <= $stop_days AS is_last
    FROM contracts AS k JOIN place AS p ON p.org_id = k.org_id AND p.municipality = k.municipality
),
mark AS (
    SELECT
        org_id, municipality, valid_to AS day, coalesce(end_reason, 'ended') AS how, coalesce(cause, false) AS cause,
        'contracts' AS origin, [contract_id] AS key, _file_sha256, _row
    FROM term
    WHERE CASE
        WHEN cause THEN is_last OR date_diff('day', valid_to, last) <= $stop_days
            AND date_diff('day', last, seen) >= $stop_days
        ELSE is_last AND date_diff('day', valid_to, last) <= $gap_days
            AND date_diff('day', valid_to, seen) >= $gap_days
    END
    UNION ALL -- A revocation is in force, appealed or not, unless a court has inhibited it.
    SELECT
        p.org_id, q.municipality, greatest(p.valid_from, coalesce(i.valid_to, p.valid_from)), 'revoked', true,
        'permits', [p.permit_id, p.status, CAST(p.valid_from AS VARCHAR)], p._file_sha256, p._row
    FROM permits AS p JOIN place AS q ON q.org_id = p.org_id
    LEFT JOIN permits AS i
        ON i.permit_id = p.permit_id AND i.status = 'inhibited' AND i.valid_from >= p.valid_from
    ANTI JOIN permits AS g
        ON g.org_id = p.org_id AND g.status = 'granted' AND coalesce(g.service, '') = coalesce(p.service, '')
        AND (g.valid_to IS NULL OR g.valid_to > p.valid_from)
        AND (g.permit_id <> p.permit_id OR g.valid_from > p.valid_from)
    WHERE p.status IN ('revoked', 'appealed') AND (i.permit_id IS NULL OR i.valid_to IS NOT NULL)
    UNION ALL
    SELECT
        o.org_id, q.municipality, coalesce(o.status_on, o.deregistered_on, q.last),
        CASE WHEN o.status = 'bankruptcy' THEN 'bankruptcy' ELSE 'closed' END, coalesce(o.status = 'bankruptcy', false),
        'organisations', [o.org_id], o._file_sha256, o._row
    FROM organisations AS o JOIN place AS q ON q.org_id = o.org_id
    WHERE o.status = 'bankruptcy' OR (date_diff('day', q.last, q.seen) >= $gap_days
        AND (o.status IN ('liquidation', 'deregistered') OR o.deregistered_on IS NOT NULL))
    UNION ALL
    SELECT c.org_id, q.municipality, c.changed_on, 'bankruptcy', true,
        'organisation_changes', [c.change_id], c._file_sha256, c._row
    FROM organisation_changes AS c JOIN place AS q ON q.org_id = c.org_id
    WHERE c.what = 'status' AND regexp_matches(lower(c.after), 'bankrupt|konkurs')
    UNION ALL
    SELECT org_id, municipality, last, 'stopped', false, NULL, NULL, NULL, NULL FROM place
    WHERE date_diff('day', last, seen) >= $stop_days
),
-- The first sign of an end dates it; a cause outweighs the rest, unless the contract had run out before.
ended AS (
    SELECT * FROM (
        SELECT
            *, min(day) OVER (PARTITION BY org_id, municipality) AS ended_on,
            min(CASE WHEN how = 'expired' THEN day END) OVER (PARTITION BY org_id, municipality) AS ran_out
        FROM mark
    )
    QUALIFY row_number() OVER (
        PARTITION BY org_id, municipality
        ORDER BY NOT (cause AND date_diff('day', ended_on, day) <= $carry_days
                AND (origin = 'contracts' OR ran_out IS NULL OR day < ran_out)),
            how = 'stopped', how = 'closed', how = 'ended', day, how, key
    ) = 1
),
firm AS (
    SELECT
        p.org_id, min(p.first) AS started, max(p.last) AS last, min(o.registered_on) AS registered_on,
        min(p.contracted) AS contracted, min(p.kind) AS kind,
        -- First seen about when all visits begin, as most are: when it really began is not known.
        bool_or(p.after_opening BETWEEN -$gap_days AND $stop_days AND p.known < 0.5) AS unseen_start
    FROM (SELECT *, avg(CASE WHEN known_before THEN 1 ELSE 0 END) OVER (PARTITION BY municipality) AS known FROM place) AS p
    LEFT JOIN organisations AS o ON o.org_id = p.org_id GROUP BY p.org_id
),
-- The old one may not go on where the new one works.
going_on AS (
    SELECT DISTINCT p.org_id AS old_id, q.org_id AS new_id
    FROM place AS p ANTI JOIN ended AS e ON e.org_id = p.org_id AND e.municipality = p.municipality
    JOIN place AS q ON q.municipality = p.municipality
),
pair AS (
    SELECT
        n.org_id AS new_id, e.org_id AS old_id, n.org_id || '|' || e.org_id AS pair_id,
        e.municipality, e.ended_on, e.how, e.cause, e.origin, e.key, e._file_sha256, e._row, n.started,
        coalesce(n.registered_on, n.contracted, n.started) AS known_since, o.contracted IS NOT NULL AS contracted
    FROM ended AS e
    JOIN firm AS o ON o.org_id = e.org_id
    JOIN firm AS n
        ON n.org_id <> e.org_id AND n.kind < 5 AND n.started > o.started AND n.last > e.ended_on
        AND date_diff('day', e.ended_on, n.started) BETWEEN -$prepared_days AND $carry_days
        AND (NOT coalesce(n.unseen_start, false) OR n.registered_on >= e.ended_on - $carry_days)
    ANTI JOIN municipal AS m ON m.org_id = e.org_id
    ANTI JOIN municipal AS w ON w.org_id = n.org_id
    ANTI JOIN going_on AS g ON g.old_id = e.org_id AND g.new_id = n.org_id
    LEFT JOIN place AS q ON q.org_id = n.org_id AND q.municipality = e.municipality
    QUALIFY row_number() OVER (
        PARTITION BY n.org_id, e.org_id ORDER BY q.org_id IS NULL, NOT e.cause, e.ended_on, e.municipality
    ) = 1
),
side AS (
    SELECT *, new_id AS org_id, true AS is_new FROM pair UNION ALL SELECT *, old_id, false FROM pair
),

-- One person under two numbers, as identity resolution has linked them.
link AS (
    SELECT source_id AS a, target_id AS b FROM edges WHERE type = 'SAME_AS'
    UNION ALL SELECT target_id, source_id FROM edges WHERE type = 'SAME_AS'
),
nearest AS (SELECT a, least(a, min(b)) AS who FROM link GROUP BY a),
alias AS (
    SELECT l.a AS node_id, least(min(m.who), min(n.who)) AS who
    FROM link AS l JOIN nearest AS m ON m.a = l.b JOIN nearest AS n ON n.a = l.a GROUP BY l.a
),

-- Staff and clients of the two, each spell with the row that tells it; for visits it is looked up last.
spell AS (
    SELECT *, NULL AS origin, NULL AS key, NULL AS _file_sha256, NULL AS _row, false AS gone FROM met
    UNION ALL
    SELECT 'workers', org_id, NULL, person_id, valid_from, coalesce(valid_to - 1, $as_of), 'employments',
        [org_id, person_id, CAST(valid_from AS VARCHAR)], _file_sha256, _row, false
    FROM employments
    UNION ALL
    SELECT 'clients', org_id, municipality, client_id, valid_from, coalesce(valid_to - 1, $as_of), 'enrolments',
        [client_id, org_id, service, CAST(valid_from AS VARCHAR)], _file_sha256, _row,
        coalesce(end_reason, '') IN ('deceased', 'moved')
    FROM enrolments
    UNION ALL
    SELECT 'clients', org_id, NULL, client_id, start, coalesce("end", $as_of), 'placements',
        [placement_id], _file_sha256, _row, false
    FROM placements
),
tied AS (
    SELECT d.pair_id, d.is_new, coalesce(a.who, 'person:' || s.person_id) AS who, s.*
    FROM side AS d JOIN spell AS s ON s.org_id = d.org_id
    LEFT JOIN alias AS a ON a.node_id = 'person:' || s.person_id
    WHERE CASE WHEN d.is_new
        THEN s.first BETWEEN d.ended_on - $staff_days AND greatest(d.started, d.ended_on) + $staff_days
        ELSE s.first <= greatest(d.started, d.ended_on) AND s.last >= d.ended_on - $staff_days
            AND coalesce(s.municipality, d.municipality) = d.municipality
    END
),
-- Staff are those who made visits; the employments count where there are none.
before AS (
    SELECT pair_id, sign, who FROM tied WHERE NOT is_new
    GROUP BY pair_id, sign, who HAVING NOT bool_or(gone)
    QUALIFY sign = 'clients' OR bool_or(origin IS NULL)
        OR NOT bool_or(bool_or(origin IS NULL)) OVER (PARTITION BY pair_id, sign)
),
carried AS (
    SELECT b.pair_id, b.sign, b.who, min(n.first) AS day
    FROM before AS b JOIN tied AS n ON n.pair_id = b.pair_id AND n.sign = b.sign AND n.who = b.who
    WHERE n.is_new GROUP BY b.pair_id, b.sign, b.who
),
people AS (
    SELECT
        b.pair_id, count(*) FILTER (WHERE b.sign = 'workers') AS workers,
        count(c.who) FILTER (WHERE b.sign = 'workers') AS workers_carried,
        count(*) FILTER (WHERE b.sign = 'clients') AS clients,
        count(c.who) FILTER (WHERE b.sign = 'clients') AS clients_carried,
        list({'sign': b.sign, 'day': c.day}) FILTER (WHERE c.who IS NOT NULL) AS moves
    FROM before AS b LEFT JOIN carried AS c ON c.pair_id = b.pair_id AND c.sign = b.sign AND c.who = b.who
    GROUP BY b.pair_id
),
shown AS (
    SELECT t.* FROM tied AS t SEMI JOIN carried AS c ON c.pair_id = t.pair_id AND c.sign = t.sign AND c.who = t.who
    QUALIFY row_number() OVER (
        PARTITION BY t.pair_id, t.sign, t.who, t.is_new
        ORDER BY t.origin IS NULL, CASE WHEN t.is_new THEN t.first END, t.last DESC, t.key, t.municipality, t.person_id
    ) = 1
    UNION ALL -- how the old one ended: by a register, or by its last visit
    SELECT pair_id, false, '', 'end', old_id, municipality, '', ended_on, ended_on, origin, key,
        _file_sha256, _row, false FROM pair
),
stint AS (
    SELECT
        r.sign, v.org_id, v.municipality, v.visit_id, v.start, v._file_sha256, v._row,
        CASE r.sign WHEN 'workers' THEN v.worker_id WHEN 'clients' THEN v.client_id ELSE '' END AS person_id
    FROM visits AS v SEMI JOIN shown AS s ON s.org_id = v.org_id AND s.origin IS NULL
    CROSS JOIN (SELECT unnest(['workers', 'clients', 'end']) AS sign) AS r
    WHERE v.status = 'performed'
),
moved AS (
    SELECT pair_id, list({'sign': sign, 'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row}) AS rows
    FROM (
        SELECT pair_id, sign, origin, key, _file_sha256, _row FROM shown WHERE origin IS NOT NULL
        UNION ALL
        SELECT s.pair_id, s.sign, 'visits', [v.visit_id], v._file_sha256, v._row
        FROM shown AS s JOIN stint AS v ON v.sign = s.sign AND v.org_id = s.org_id
            AND v.municipality = s.municipality AND v.person_id = s.person_id
        WHERE s.origin IS NULL
        QUALIFY row_number() OVER ( -- the new one's first visit, the old one's last
            PARTITION BY s.pair_id, s.sign, s.who, s.is_new ORDER BY CASE WHEN s.is_new THEN v.start END,
            CASE WHEN s.is_new THEN v.visit_id END, v.start DESC, v.visit_id DESC
        ) = 1
    )
    GROUP BY pair_id
),

-- Who runs and owns a firm, also through one firm between; auditors and liquidators serve many.
stake AS (
    SELECT
        org_id, owner_id, valid_from, valid_to, 'owners' AS origin,
        [org_id, owner_id, interest, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row,
        CASE WHEN owner_kind = 'organisation'
                OR owner_kind = 'unknown' AND regexp_matches(owner_id, '^([0-9]{10}$|[A-Z]{2}:)')
            THEN 'organisation' ELSE 'person' END AS kind
    FROM owners WHERE coalesce(share, 1) >= $owner_share OR interest IN ('beneficial', 'control')
    UNION ALL
    SELECT org_id, org_id, registered_on, deregistered_on, 'organisations', [org_id], _file_sha256, _row, 'person'
    FROM organisations WHERE regexp_matches(org_id, '^[0-9]{12}$')
),
seat AS (
    SELECT
        org_id, 'officers' AS sign, 'person' AS kind, person_id AS id, valid_from, valid_to,
        'officers' AS origin, [org_id, person_id, role, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row
    FROM officers WHERE role NOT IN ('auditor', 'liquidator')
    UNION ALL
    SELECT org_id, 'owners', kind, owner_id, valid_from, valid_to, origin, key, _file_sha256, _row FROM stake
    UNION ALL -- both rows of a holding in between
    SELECT
        s.org_id, 'owners', u.kind, u.owner_id, greatest(s.valid_from, u.valid_from),
        least(s.valid_to, u.valid_to), r.origin, r.key, r._file_sha256, r._row
    FROM stake AS s JOIN stake AS u ON u.org_id = s.owner_id AND s.kind = 'organisation'
    JOIN stake AS r ON r.key = s.key OR r.key = u.key
    WHERE u.owner_id <> s.org_id
),
contact AS (
    SELECT DISTINCT
        substr(source_id, 14) AS org_id, split_part(target_id, ':', 1) AS kind, target_id AS value,
        substr(target_id, strpos(target_id, ':') + 1) AS id
    FROM edges WHERE type IN ('REACHED_AT', 'REGISTERED_AT') AND source_id LIKE 'organisation:%'
    UNION
    SELECT substr(source_id, 14), 'email', split_part(target_id, '@', 2), substr(target_id, 7)
    FROM edges WHERE type = 'REACHED_AT' AND source_id LIKE 'organisation:%' AND target_id LIKE 'email:%@%'
        AND NOT regexp_matches(split_part(target_id, '@', 2), $public_mail)
),
purse AS (
    SELECT
        holder_id AS org_id, account, coalesce(purpose, 'own') <> 'own' AS lent, 'accounts' AS origin,
        [account, holder_id, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row
    FROM accounts WHERE holder_kind = 'organisation'
    UNION ALL
    SELECT org_id, account, coalesce(factoring, false), 'invoices', [invoice_id], _file_sha256, _row
    FROM invoices WHERE account IS NOT NULL
    UNION ALL
    SELECT payee_id, payee_account, false, 'payments', [payment_id], _file_sha256, _row
    FROM payments WHERE payee_account IS NOT NULL AND payee_id IS NOT NULL
),
-- What many have is a switchboard, an office hotel, a mail service, a factor's account, a board member by trade.
common AS (
    SELECT value FROM contact GROUP BY value HAVING count(DISTINCT org_id) > $common_max
    UNION SELECT account FROM purse GROUP BY account
    HAVING bool_or(lent) OR count(DISTINCT org_id) > $common_max
    UNION SELECT 'person:' || id FROM seat WHERE kind = 'person'
    GROUP BY id HAVING count(DISTINCT org_id) > $boards_max
),
own AS (
    SELECT org_id, sign, kind, kind || ':' || id AS value, id, valid_from, valid_to, origin, key, _file_sha256, _row
    FROM seat
    UNION ALL
    SELECT c.org_id, c.kind, c.kind, c.value, c.id, NULL, NULL, 'organisations', [o.org_id], o._file_sha256, o._row
    FROM contact AS c JOIN organisations AS o ON o.org_id = c.org_id
    UNION ALL
    SELECT org_id, 'account', 'account', account, account, NULL, NULL, origin, key, _file_sha256, _row FROM purse
    QUALIFY row_number() OVER (PARTITION BY org_id, account ORDER BY origin, key) = 1
),
held AS (
    SELECT w.org_id, w.sign, w.kind, coalesce(a.who, w.value) AS value, w.id, w.valid_from, w.valid_to,
        w.origin, w.key, w._file_sha256, w._row
    FROM own AS w LEFT JOIN alias AS a ON a.node_id = w.value ANTI JOIN common AS c ON c.value = w.value
    UNION ALL
    SELECT org_id, 'change', what, CASE WHEN what = 'address' THEN '' ELSE coalesce(after, '') END, change_id,
        changed_on, NULL, NULL, NULL, NULL, NULL
    FROM organisation_changes
    UNION ALL
    SELECT org_id, 'permit', status, permit_id, permit_id, valid_from, valid_to, NULL, NULL, NULL, NULL
    FROM permits WHERE status = 'granted'
    UNION ALL
    SELECT key, 'self', coalesce(legal_form, ''), coalesce(name, ''), key, NULL, NULL, NULL, NULL, NULL, NULL
    FROM nodes WHERE kind = 'organisation' AND origin_table = 'organisations'
),
trait AS (
    SELECT pair_id, list({
        'is_new': d.is_new, 'firm': d.org_id, 'sign': h.sign, 'kind': h.kind, 'value': h.value, 'id': h.id,
        'valid_from': h.valid_from, 'valid_to': h.valid_to, 'table': h.origin, 'key': h.key,
        'file_sha256': h._file_sha256, 'row': h._row
    }) AS traits
    FROM side AS d JOIN held AS h ON h.org_id = d.org_id
    GROUP BY pair_id
),

-- Where those who had to leave could go, and where others went who chose just then.
choice AS (
    SELECT p.pair_id, count(DISTINCT q.org_id) AS alternatives
    FROM pair AS p JOIN place AS q ON q.municipality = p.municipality AND q.org_id <> p.old_id AND q.kind < 4
    WHERE q.last > p.ended_on AND q.first <= greatest(p.started, p.ended_on) + $staff_days
    GROUP BY p.pair_id
),
newcomer AS (
    SELECT p.pair_id, count(*) AS newcomers, count(*) FILTER (WHERE f.org_id = p.new_id) AS newcomers_here
    FROM pair AS p JOIN (
        SELECT org_id, municipality, person_id, min(first) AS first
        FROM spell WHERE sign = 'clients' GROUP BY org_id, municipality, person_id
    ) AS f ON f.municipality = p.municipality AND f.org_id <> p.old_id
    ANTI JOIN tied AS t ON t.pair_id = p.pair_id AND NOT t.is_new AND t.person_id = f.person_id
    WHERE date_diff('day', greatest(p.started, p.ended_on), f.first) BETWEEN 0 AND $staff_days
    GROUP BY p.pair_id
),
billed AS (
    SELECT org_id, CASE WHEN bool_and(currency = 'SEK') THEN greatest(0, sum(amount)) END AS sek
    FROM invoices GROUP BY org_id
)
SELECT
    p.new_id AS provider_id, p.old_id, [] AS subjects, p.started AS since, p.started AS until, 0 AS events,
    0 AS days, CASE WHEN b.sek IS NOT NULL THEN 0 END AS exposure_lower, b.sek AS exposure_upper,
    m.rows AS evidence, p.municipality, p.ended_on, p.how AS ended_by, p.cause, p.contracted,
    p.started AS started_on, p.known_since, w.workers, w.workers_carried, w.clients, w.clients_carried, w.moves,
    c.alternatives, n.newcomers, n.newcomers_here, t.traits
FROM pair AS p
LEFT JOIN people AS w USING (pair_id) LEFT JOIN moved AS m USING (pair_id)
LEFT JOIN choice AS c USING (pair_id) LEFT JOIN newcomer AS n USING (pair_id)
LEFT JOIN trait AS t USING (pair_id) LEFT JOIN billed AS b ON b.org_id = p.new_id

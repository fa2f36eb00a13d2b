-- One row: an account and a provider who is paid on it, or whose workers are, with whom it is shared.
-- Who shares an account shares the money: a firm's front, or wages that come back to one hand.
WITH firm AS (
    SELECT
        key AS org_id, industry, deregistered_on,
        list_contains(labels, 'Provider') AS is_provider,
        origin_table = 'organisations' AS is_registered
    FROM nodes WHERE kind = 'organisation'
),

-- How far what is known of each municipality reaches: another's later delivery ends nothing here.
reach AS (
    SELECT target_id AS municipality, max(last) AS seen
    FROM edges WHERE type = 'ACTIVE_IN' GROUP BY target_id
),
sight AS (
    SELECT w.party_id, max(r.seen) AS seen
    FROM (
        SELECT org_id AS party_id, org_id FROM firm
        UNION SELECT person_id, org_id FROM employments
    ) AS w
    JOIN edges AS a ON a.type = 'ACTIVE_IN' AND a.source_id = 'organisation:' || w.org_id
    JOIN reach AS r ON r.municipality = a.target_id
    GROUP BY w.party_id
),

-- Each row that ties a party to an account. A sold invoice names the buyer's account: no tie.
tie AS (
    SELECT
        account, holder_id AS party_id, 'accounts' AS origin,
        [account, holder_id, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row,
        coalesce(valid_from, DATE '0001-01-01') AS since,
        coalesce(valid_to - 1, $as_of) AS until,
        CAST(NULL AS DATE) AS day, CAST(NULL AS DECIMAL(18, 4)) AS amount, NULL AS currency
    FROM accounts
    UNION ALL
    SELECT
        account, org_id, 'invoices', [invoice_id], _file_sha256, _row,
        issued_on, issued_on, issued_on, NULL, NULL
    FROM invoices WHERE account IS NOT NULL AND NOT coalesce(factoring, false)
    UNION ALL
    SELECT
        p.payee_account, coalesce(p.payee_id, i.org_id), 'payments', [p.payment_id],
        p._file_sha256, p._row, p.paid_on, p.paid_on, p.paid_on, p.amount, p.currency
    FROM payments AS p LEFT JOIN invoices AS i USING (invoice_id)
    WHERE p.payee_account IS NOT NULL AND coalesce(p.payee_id, i.org_id) IS NOT NULL
        AND NOT coalesce(i.factoring, false)
),

-- Accounts that are meant for several: factors', groups', finance companies', the municipality's.
common AS (
    SELECT account FROM accounts WHERE purpose IN ('factoring', 'group')
    UNION
    SELECT i.account FROM invoices AS i
    WHERE i.factoring AND NOT EXISTS (
        SELECT 1 FROM accounts AS a JOIN firm AS f ON f.org_id = a.holder_id
        WHERE a.account = i.account AND f.is_provider
    )
    UNION
    SELECT t.account FROM tie AS t JOIN firm AS f ON f.org_id = t.party_id
    WHERE regexp_matches(f.industry, '^\s*(64|66)') -- SNI: finance, and services to it
        AND NOT f.is_provider
    UNION
    SELECT substr(h.target_id, strpos(h.target_id, ':') + 1)
    FROM edges AS h JOIN edges AS g ON g.type = 'GOVERNS' AND g.source_id = h.source_id
    WHERE h.type = 'HOLDS_ACCOUNT'
),

crowded AS (
    SELECT account FROM tie ANTI JOIN common USING (account)
    GROUP BY account HAVING count(DISTINCT party_id) > 1
),

-- A dissolved firm's ties end with it.
dated AS (
    SELECT
        t.*,
        least(t.until, coalesce(f.deregistered_on, t.until)) AS last,
        coalesce(f.is_provider OR f.is_registered, false)
            OR regexp_matches(t.party_id, '^([0-9]{10}$|[A-Z]{2}:)') AS is_firm,
        coalesce(f.is_provider, false) AS is_provider
    FROM tie AS t SEMI JOIN crowded USING (account)
    LEFT JOIN firm AS f ON f.org_id = t.party_id
),

-- Stretches of use: each register row by itself, invoices and payments from first to last.
stretch AS (
    SELECT account, party_id, is_firm, is_provider, since, last FROM dated
    WHERE origin = 'accounts' AND since <= last
    UNION ALL
    SELECT account, party_id, is_firm, is_provider, min(since), max(last) FROM dated
    WHERE origin <> 'accounts'
    GROUP BY account, party_id, is_firm, is_provider HAVING min(since) <= max(last)
),

whole AS (
    SELECT s.account, s.party_id, min(s.since) AS first, max(s.last) AS last, g.seen
    FROM stretch AS s LEFT JOIN sight AS g USING (party_id)
    GROUP BY s.account, s.party_id, g.seen
),

pair AS (
    SELECT
        a.account, a.party_id AS a_id, b.party_id AS b_id,
        a.is_firm AS a_firm, b.is_firm AS b_firm, a.is_provider AS a_provider,
        min(greatest(a.since, b.since)) AS since, max(least(a.last, b.last)) AS until
    FROM stretch AS a JOIN stretch AS b
        ON a.account = b.account AND a.party_id <> b.party_id
        AND a.since <= b.last AND b.since <= a.last
    JOIN whole AS x ON x.account = a.account AND x.party_id = a.party_id
    JOIN whole AS y ON y.account = b.account AND y.party_id = b.party_id
    -- One after the other: the earlier one stops, for good, about when the later one starts.
    WHERE NOT (
            date_diff('day', x.first, y.first) > $handover_days
            AND date_diff('day', y.first, x.last) <= $handover_days
            AND date_diff('day', x.last, coalesce(x.seen, y.seen, $as_of)) > $handover_days
            AND y.last > x.last
        )
        AND NOT (
            date_diff('day', y.first, x.first) > $handover_days
            AND date_diff('day', x.first, y.last) <= $handover_days
            AND date_diff('day', y.last, coalesce(y.seen, x.seen, $as_of)) > $handover_days
            AND x.last > y.last
        )
    GROUP BY ALL
),

-- Group: a common holder of half or more, up to eight steps above (steps double).
holding AS (
    SELECT target_id AS owned, source_id AS owner FROM edges
    WHERE type = 'OWNS' AND (share >= $group_share OR (share IS NULL AND interest = 'control'))
        AND (valid_to IS NULL OR valid_to > $as_of)
    UNION
    SELECT 'organisation:' || party_id, 'organisation:' || party_id FROM stretch WHERE is_firm
    UNION
    SELECT source_id, source_id FROM edges WHERE type = 'OWNS'
),
above_2 AS (
    SELECT DISTINCT l.owned, u.owner FROM holding AS l JOIN holding AS u ON u.owned = l.owner
),
above_4 AS (
    SELECT DISTINCT l.owned, u.owner FROM above_2 AS l JOIN above_2 AS u ON u.owned = l.owner
),
above_8 AS (
    SELECT DISTINCT
        substr(l.owned, strpos(l.owned, ':') + 1) AS org_id,
        substr(u.owner, strpos(u.owner, ':') + 1) AS owner_id
    FROM above_4 AS l JOIN above_4 AS u ON u.owned = l.owner
),

-- A home that nobody may know is no home known; a network gives none away.
home AS (
    SELECT substr(source_id, strpos(source_id, ':') + 1) AS person_id, target_id AS address
    FROM edges WHERE type = 'RESIDES_AT'
),

-- Pairs that may well share: one group, a home, or a client and the provider, a ward and the
-- guardian, one person or firm under two numbers (a link that people undo excuses nothing more).
kin AS (
    SELECT p.a_id AS x, p.b_id AS y
    FROM pair AS p JOIN above_8 AS u ON u.org_id = p.a_id
    JOIN above_8 AS v ON v.org_id = p.b_id AND v.owner_id = u.owner_id
    WHERE p.a_firm AND p.b_firm
    UNION
    SELECT p.a_id, p.b_id
    FROM pair AS p JOIN home AS u ON u.person_id = p.a_id
    JOIN home AS v ON v.person_id = p.b_id AND v.address = u.address
    WHERE NOT p.a_firm AND NOT p.b_firm
    UNION
    SELECT
        substr(source_id, strpos(source_id, ':') + 1), substr(target_id, strpos(target_id, ':') + 1)
    FROM edges
    WHERE type IN ('ENROLLED_WITH', 'PLACED_WITH', 'CARED_FOR_BY', 'SAME_AS')
        OR (type = 'ACTS_FOR' AND role <> 'approved_relative')
),

housed AS (SELECT DISTINCT person_id FROM home),

unrelated AS (
    SELECT p.*, u.person_id IS NOT NULL AND v.person_id IS NOT NULL AS homes_known
    FROM pair AS p
    ANTI JOIN kin AS k ON k.x = p.a_id AND k.y = p.b_id
    ANTI JOIN kin AS l ON l.x = p.b_id AND l.y = p.a_id
    LEFT JOIN housed AS u ON u.person_id = p.a_id
    LEFT JOIN housed AS v ON v.person_id = p.b_id
),

worker AS (
    SELECT
        org_id, person_id, valid_from AS first,
        coalesce(valid_to - 1, $as_of) AS last
    FROM employments
    UNION ALL
    SELECT
        substr(target_id, strpos(target_id, ':') + 1), substr(source_id, strpos(source_id, ':') + 1),
        min(first), max(last)
    FROM edges WHERE type = 'WORKED_FOR' GROUP BY target_id, source_id
),

colleagues AS (
    SELECT DISTINCT x.org_id AS provider_id, u.*
    FROM unrelated AS u
    JOIN worker AS x ON x.person_id = u.a_id AND x.first <= u.until AND u.since <= x.last
    JOIN worker AS y ON y.person_id = u.b_id AND y.first <= u.until AND u.since <= y.last
        AND y.org_id = x.org_id
    WHERE NOT u.a_firm AND NOT u.b_firm
),

shared AS (
    SELECT
        a_id AS provider_id, account, b_id AS party_id, 'payee' AS role, b_firm AS is_firm,
        since, until, false AS guessed
    FROM unrelated WHERE a_provider
    UNION ALL
    SELECT a_id, account, a_id, 'provider', true, since, until, false
    FROM unrelated WHERE a_provider
    UNION ALL
    SELECT provider_id, account, a_id, 'worker', false, since, until, NOT homes_known
    FROM (
        SELECT
            *, count(*) OVER (PARTITION BY provider_id, account, a_id) + 1 AS together
        FROM colleagues
    )
    WHERE homes_known OR together >= $no_couple
),

member AS (
    SELECT
        provider_id, account, party_id, max(role) AS role, bool_or(is_firm) AS is_firm,
        bool_or(guessed) AS guessed, min(since) AS since, max(until) AS until
    FROM shared GROUP BY provider_id, account, party_id
),

-- Evidence: the register's rows, and the first and last invoice or payment of each party.
shown AS (
    SELECT
        m.provider_id, m.account, d.origin, d.key, d._file_sha256, d._row,
        row_number() OVER (
            PARTITION BY m.provider_id, m.account, m.party_id, d.day IS NULL
            ORDER BY d.day, d.origin, d.key
        ) AS from_first,
        row_number() OVER (
            PARTITION BY m.provider_id, m.account, m.party_id, d.day IS NULL
            ORDER BY d.day DESC, d.origin DESC, d.key DESC
        ) AS from_last,
        d.day, d.amount, d.currency, m.party_id, m.party_id = m.provider_id AS own,
        d.since <= m.until AND m.since <= d.last AS during
    FROM member AS m JOIN dated AS d ON d.account = m.account AND d.party_id = m.party_id
),

counted AS (
    SELECT
        provider_id, account,
        count(*) FILTER (WHERE during) AS events,
        count(DISTINCT CASE WHEN during THEN day END) AS days,
        min(day) AS first_day,
        list({'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row})
            FILTER (WHERE CASE WHEN day IS NULL THEN during ELSE 1 IN (from_first, from_last) END)
            AS evidence,
        count(DISTINCT CASE WHEN day IS NOT NULL THEN party_id END) AS seen_parties,
        CASE WHEN count(*) FILTER (WHERE own AND during AND amount IS NOT NULL) > 0
            AND bool_and(currency = 'SEK' OR NOT own OR NOT during OR amount IS NULL)
            THEN greatest(0, sum(CASE WHEN own AND during THEN amount END)) END AS paid
    FROM shown GROUP BY provider_id, account
),

-- Who owns the firm or speaks for it: its money on such an account is not hidden from its owners.
head AS (
    SELECT org_id, owner_id AS person_id FROM owners
    UNION SELECT org_id, person_id FROM officers
),

-- A worker pair may be known while the provider's own use began later: all of it is one sharing.
finding AS (
    SELECT
        provider_id, account,
        list({
            'role': role,
            'kind': CASE WHEN is_firm THEN 'organisation' ELSE 'person' END,
            'id': party_id
        }) AS parties,
        min(m.since) AS since, max(m.until) AS until, bool_or(guessed) AS guessed,
        count(*) AS party_count,
        count(*) FILTER (WHERE is_firm) AS firms,
        count(*) FILTER (WHERE NOT is_firm) AS persons,
        count(*) FILTER (WHERE h.person_id IS NOT NULL) AS heads
    FROM member AS m LEFT JOIN head AS h ON h.org_id = m.provider_id AND h.person_id = m.party_id
    GROUP BY provider_id, account
)

SELECT
    f.provider_id,
    list_concat(
        [
            {'role': 'shared', 'kind': 'account', 'id': f.account},
            {'role': 'provider', 'kind': 'organisation', 'id': f.provider_id}
        ],
        f.parties
    ) AS subjects,
    f.begun AS since, f.until, f.events, greatest(f.days, 1) AS days,
    CASE WHEN f.paid IS NOT NULL THEN 0 END AS exposure_lower,
    f.paid AS exposure_upper,
    f.evidence,
    f.party_count AS parties, f.firms, f.persons,
    f.heads, date_diff('day', f.begun, f.until) + 1 AS shared_days,
    -- Whose owners nobody told may well be one group.
    list_filter(
        [
            CASE WHEN f.guessed THEN 'joint_account' END,
            CASE WHEN f.firms > 1 AND k.org_id IS NULL THEN 'parent_company' END,
            CASE WHEN f.firms > 1 AND k.org_id IS NULL THEN 'sister_companies' END
        ],
        lambda name: name IS NOT NULL
    ) AS untested,
    list_filter(
        [
            CASE WHEN f.heads > 0 THEN 'owner_or_officer' END,
            CASE WHEN f.seen_parties < f.party_count THEN 'register_only' END,
            CASE WHEN date_diff('day', f.begun, f.until) <= $handover_days THEN 'brief' END,
            CASE WHEN f.firms = 0 AND f.persons = 2 THEN 'perhaps_a_couple' END
        ],
        lambda name: name IS NOT NULL
    ) AS against
FROM (
    -- Where no register says since when, the first use that is seen begins it.
    SELECT f.*, c.*, CASE WHEN f.since > DATE '0001-01-01' THEN f.since
        ELSE least(coalesce(c.first_day, f.until), f.until) END AS begun
    FROM finding AS f JOIN counted AS c USING (provider_id, account)
) AS f
LEFT JOIN (SELECT DISTINCT org_id FROM owners) AS k ON k.org_id = f.provider_id

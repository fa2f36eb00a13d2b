-- One row: an account and a provider who is paid on it, or whose workers are, with whom it is shared.
-- Who shares an account shares the money: a firm's front, or wages that come back to one hand.
WITH active AS (
    SELECT
        org_id, municipality, CAST(max(start) AT TIME ZONE 'Europe/Stockholm' AS DATE) AS last
    FROM visits GROUP BY org_id, municipality
    UNION ALL
    SELECT org_id, municipality, max(issued_on) FROM invoices GROUP BY org_id, municipality
    UNION ALL
    SELECT org_id, municipality, NULL FROM contracts
    UNION ALL
    SELECT DISTINCT org_id, municipality, CAST(NULL AS DATE) FROM enrolments
),

provider AS (SELECT org_id FROM active UNION SELECT org_id FROM placements),

-- How far what is known of each municipality reaches: another's later delivery ends nothing here.
paying AS (
    SELECT org_id, max(paid_on) AS last
    FROM (SELECT unnest([payee_id, payer_id]) AS org_id, paid_on FROM payments)
    GROUP BY org_id
),
reach AS (
    SELECT a.municipality, max(greatest(a.last, p.last)) AS seen
    FROM active AS a LEFT JOIN paying AS p USING (org_id)
    GROUP BY a.municipality
),
sight AS (
    SELECT w.party_id, max(r.seen) AS seen
    FROM (
        SELECT org_id AS party_id, org_id FROM active
        UNION SELECT person_id, org_id FROM employments
    ) AS w
    JOIN active AS a USING (org_id) JOIN reach AS r USING (municipality)
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
        SELECT 1 FROM accounts AS a JOIN provider AS p ON p.org_id = a.holder_id
        WHERE a.account = i.account
    )
    UNION
    SELECT t.account FROM tie AS t JOIN organisations AS o ON o.org_id = t.party_id
    ANTI JOIN provider AS p ON p.org_id = t.party_id
    WHERE regexp_matches(o.industry, '^\s*(64|66)') -- SNI: finance, and services to it
    UNION
    SELECT t.account FROM tie AS t JOIN municipalities AS m ON m.org_id = t.party_id
    UNION
    SELECT p.payer_account FROM payments AS p JOIN municipalities AS m ON m.org_id = p.payer_id
),

crowded AS (
    SELECT account FROM tie ANTI JOIN common USING (account)
    GROUP BY account HAVING count(DISTINCT party_id) > 1
),

-- A dissolved firm's ties end with it.
dated AS (
    SELECT
        t.*,
        least(t.until, coalesce(o.deregistered_on, t.until)) AS last,
        p.org_id IS NOT NULL OR o.org_id IS NOT NULL
            OR regexp_matches(t.party_id, '^([0-9]{10}$|[A-Z]{2}:)') AS is_firm,
        p.org_id IS NOT NULL AS is_provider
    FROM tie AS t SEMI JOIN crowded USING (account)
    LEFT JOIN organisations AS o ON o.org_id = t.party_id
    LEFT JOIN provider AS p ON p.org_id = t.party_id
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
    SELECT org_id, owner_id FROM owners
    WHERE (share >= $group_share OR (share IS NULL AND interest = 'control'))
        AND (valid_to IS NULL OR valid_to > $as_of)
    UNION
    SELECT party_id, party_id FROM stretch WHERE is_firm
    UNION
    SELECT owner_id, owner_id FROM owners
),
above_2 AS (
    SELECT DISTINCT l.org_id, u.owner_id FROM holding AS l JOIN holding AS u ON u.org_id = l.owner_id
),
above_4 AS (
    SELECT DISTINCT l.org_id, u.owner_id FROM above_2 AS l JOIN above_2 AS u ON u.org_id = l.owner_id
),
above_8 AS (
    SELECT DISTINCT l.org_id, u.owner_id FROM above_4 AS l JOIN above_4 AS u ON u.org_id = l.owner_id
),

client AS (
    SELECT org_id, client_id FROM enrolments
    UNION SELECT org_id, client_id FROM placements
    UNION SELECT org_id, client_id FROM visits
        SEMI JOIN stretch ON party_id = client_id
),

home AS (
    SELECT
        person_id,
        regexp_replace(lower(trim(street)), '\s+', ' ', 'g') AS street,
        coalesce(nullif(regexp_replace(postcode, '[^0-9]', '', 'g'), ''), lower(trim(city)), '')
            AS area
    FROM (
        SELECT person_id, street, postcode, city FROM persons
        UNION SELECT person_id, street, postcode, city FROM residences
    )
    WHERE trim(street) <> ''
),

-- Pairs that may well share: one group, a client and the provider, a ward and the guardian, two
-- numbers of one, a home.
kin AS (
    SELECT p.a_id AS x, p.b_id AS y
    FROM pair AS p JOIN above_8 AS u ON u.org_id = p.a_id
    JOIN above_8 AS v ON v.org_id = p.b_id AND v.owner_id = u.owner_id
    WHERE p.a_firm AND p.b_firm
    UNION
    SELECT org_id, client_id FROM client
    UNION
    SELECT person_id, client_id FROM mandates WHERE kind <> 'approved_relative'
    UNION
    -- One person or firm under two numbers: a link that people undo excuses nothing any more.
    SELECT
        substr(source_id, strpos(source_id, ':') + 1), substr(target_id, strpos(target_id, ':') + 1)
    FROM edges WHERE type = 'SAME_AS'
    UNION
    SELECT p.a_id, p.b_id
    FROM pair AS p JOIN home AS u ON u.person_id = p.a_id
    JOIN home AS v ON v.person_id = p.b_id AND v.street = u.street AND v.area = u.area
    WHERE NOT p.a_firm AND NOT p.b_firm
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
        org_id, worker_id,
        CAST(min(start) AT TIME ZONE 'Europe/Stockholm' AS DATE),
        CAST(max(start) AT TIME ZONE 'Europe/Stockholm' AS DATE)
    FROM visits SEMI JOIN stretch ON party_id = worker_id
    WHERE status = 'performed' GROUP BY org_id, worker_id
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

-- One row: a provider, a client and a service that was billed, or visited, on days for which no decision grants it.
-- A decision is what care is given and paid by: without one there is no order, and the client owes no fee.
WITH unnamed_credit AS (
    -- A credit note that names no client lowers every line of its invoice alike.
    SELECT c.credit_of AS invoice_id, -sum(c.amount) AS sek
    FROM invoices AS c
    ANTI JOIN (SELECT invoice_id FROM invoice_lines WHERE client_id IS NOT NULL) USING (invoice_id)
    WHERE c.amount < 0 AND c.credit_of IS NOT NULL
    GROUP BY c.credit_of
),

-- A credit concerns the period of the invoice that it corrects.
document AS (
    SELECT
        i.invoice_id, i.org_id, i.municipality, i.currency, i._file_sha256, i._row,
        coalesce(o.period_from, i.period_from) AS since,
        coalesce(o.period_to, i.period_to) AS until,
        CASE WHEN k.sek > 0 AND i.amount > 0
            THEN greatest(0, 1 - CAST(k.sek AS DOUBLE) / CAST(i.amount AS DOUBLE)) ELSE 1 END AS kept
    FROM invoices AS i
    LEFT JOIN invoices AS o ON o.invoice_id = i.credit_of
    LEFT JOIN unnamed_credit AS k ON k.invoice_id = i.invoice_id
),

line AS (
    SELECT
        d.municipality, d.org_id, l.client_id, lower(trim(l.service)) AS service,
        coalesce(l.day, d.since) AS since, coalesce(l.day, d.until) AS until,
        CASE WHEN l.amount < 0 THEN -d.kept WHEN l.amount > 0 THEN d.kept ELSE 0 END
            * abs(CAST(coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END) AS DOUBLE)) AS hours
    FROM invoice_lines AS l JOIN document AS d USING (invoice_id)
    WHERE l.client_id IS NOT NULL
),

-- A month in which a provider names its clients on invoices is told by those; else by its visits.
lined AS (
    SELECT DISTINCT org_id, municipality, last_day(CAST(unnest(generate_series(
        date_trunc('month', since), CAST(until AS TIMESTAMP), INTERVAL 1 MONTH
    )) AS DATE)) AS month_end
    FROM (SELECT DISTINCT org_id, municipality, since, until FROM line)
),

told AS (
    SELECT
        municipality, org_id, client_id, service, last_day(until) AS month_end, 'invoice_lines' AS origin,
        max(since) AS latest_since, min(until) AS earliest_until, max(until) AS latest_until,
        min(since) AS earliest_since, sum(hours) AS hours
    FROM line
    GROUP BY municipality, org_id, client_id, service, last_day(until)
    UNION ALL
    SELECT
        v.municipality, v.org_id, v.client_id, lower(trim(v.service)), v.month_end, 'visits',
        max(v.day), min(v.day), max(v.day), min(v.day), sum(v.seconds) / 3600.0
    FROM (
        SELECT
            municipality, org_id, client_id, service,
            CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day,
            last_day(CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE)) AS month_end,
            date_diff('second', start, "end") AS seconds
        FROM visits WHERE status = 'performed' AND start < "end"
    ) AS v
    ANTI JOIN lined USING (org_id, municipality, month_end)
    GROUP BY v.municipality, v.org_id, v.client_id, lower(trim(v.service)), v.month_end
),

-- Services at a flat rate (meals, alarms) are bought without hours and often without a decision.
month AS (
    SELECT * FROM told ANTI JOIN (
        SELECT municipality, lower(trim(service)) AS service FROM services WHERE flat_rate
    ) USING (municipality, service)
),

newest AS (
    SELECT municipality, client_id, service, day, date_diff('day', first_day, day) AS days_since_first
    FROM (
        SELECT municipality, client_id, service, min(earliest_since) AS first_day
        FROM month GROUP BY municipality, client_id, service
    ) JOIN (
        SELECT municipality, max(latest_until) AS day FROM month GROUP BY municipality
    ) USING (municipality)
),

-- Other systems use other words: the municipality's own list says which mean the same. A client of
-- another municipality is decided for there, in its words.
decision AS (
    SELECT
        w.word, d.municipality, d.client_id, d.valid_from,
        coalesce(d.valid_to, DATE '9999-12-31') AS valid_to
    FROM decisions AS d JOIN (
        SELECT municipality, lower(trim(service)) AS decided, lower(trim(service)) AS word FROM decisions
        UNION SELECT municipality, lower(trim(service)), lower(trim(permit_service)) FROM services
        UNION SELECT municipality, lower(trim(permit_service)), lower(trim(service)) FROM services
    ) AS w ON w.municipality = d.municipality AND w.decided = lower(trim(d.service))
),

belongs AS (
    SELECT municipality, client_id, valid_from, valid_to FROM decision
    UNION
    SELECT municipality, client_id, valid_from, coalesce(valid_to, DATE '9999-12-31') FROM enrolments
),

-- Whole months first, so that few rows are looked at day by day. A decision reaches back over the
-- days in which it was taken and entered, and a week past its end; the newest days may await one.
covered AS (
    SELECT DISTINCT m.municipality, m.org_id, m.client_id, m.service, m.month_end, m.origin
    FROM month AS m JOIN decision AS d
        ON d.client_id = m.client_id AND d.municipality = m.municipality AND d.word = m.service
        AND d.valid_from <= m.earliest_until + $entry_days
        AND d.valid_to > m.latest_since - $notice_days
),

-- Ids of another key system match nothing: the issuer of an opaque id must occur among the decisions.
comparable AS (
    SELECT m.* FROM month AS m JOIN (
        SELECT municipality, regexp_extract(client_id, '^([a-z][a-z0-9-]*:)?', 0) AS issuer,
            min(valid_from) AS first_day
        FROM decision GROUP BY ALL
    ) AS i
        ON i.municipality = m.municipality AND i.first_day <= m.latest_until
        AND i.issuer = regexp_extract(m.client_id, '^([a-z][a-z0-9-]*:)?', 0)
),

-- The quality of the ground: are decisions of such clients, for the service and for the month, kept
-- in what is loaded? Asked of the other providers' clients, so that nobody's own gaps excuse it; of
-- all where they are few.
standing AS (
    SELECT
        m.municipality, m.org_id, m.client_id, m.service, m.month_end,
        c.client_id IS NOT NULL AS has_decision,
        k.client_id IS NOT NULL AS is_known, s.client_id IS NOT NULL AS is_decided
    FROM comparable AS m
    LEFT JOIN covered AS c USING (municipality, org_id, client_id, service, month_end, origin)
    LEFT JOIN (SELECT DISTINCT municipality, client_id FROM decision) AS k
        ON k.municipality = m.municipality AND k.client_id = m.client_id
    LEFT JOIN (SELECT DISTINCT municipality, client_id, word FROM decision) AS s
        ON s.municipality = m.municipality AND s.client_id = m.client_id AND s.word = m.service
),

by_provider AS (
    SELECT municipality, org_id, count(DISTINCT client_id) AS clients,
        count(DISTINCT CASE WHEN is_known THEN client_id END) AS good
    FROM standing GROUP BY municipality, org_id
),

by_service AS (
    SELECT municipality, org_id, service, count(DISTINCT client_id) AS clients,
        count(DISTINCT CASE WHEN is_decided THEN client_id END) AS good
    FROM standing GROUP BY municipality, org_id, service
),

by_month AS (
    SELECT municipality, org_id, month_end,
        count(DISTINCT CASE WHEN is_decided THEN client_id END) AS clients,
        count(DISTINCT CASE WHEN has_decision THEN client_id END) AS good
    FROM standing GROUP BY municipality, org_id, month_end
),

kept AS (
    SELECT municipality, org_id, service, month_end
    FROM (SELECT DISTINCT municipality, org_id, service, month_end FROM standing) AS a
    SEMI JOIN (SELECT municipality, word AS service FROM decision) AS d USING (municipality, service)
    SEMI JOIN (
        SELECT municipality, org_id FROM by_provider
        WHERE clients < $few_clients OR good >= $own_share * clients
    ) AS p USING (municipality, org_id)
    SEMI JOIN (
        SELECT o.municipality, o.org_id, o.service FROM by_service AS o JOIN (
            SELECT municipality, service, count(DISTINCT client_id) AS clients,
                count(DISTINCT CASE WHEN is_decided THEN client_id END) AS good
            FROM standing GROUP BY municipality, service
        ) AS a USING (municipality, service)
        WHERE CASE
            WHEN a.clients - o.clients >= $enough_clients
                THEN a.good - o.good >= $others_share * (a.clients - o.clients)
            ELSE a.clients < $few_clients OR a.good >= $own_share * a.clients
        END
    ) AS s USING (municipality, org_id, service)
    SEMI JOIN (
        SELECT o.municipality, o.org_id, o.month_end FROM by_month AS o JOIN (
            SELECT municipality, month_end,
                count(DISTINCT CASE WHEN is_decided THEN client_id END) AS clients,
                count(DISTINCT CASE WHEN has_decision THEN client_id END) AS good
            FROM standing GROUP BY municipality, month_end
        ) AS a USING (municipality, month_end)
        WHERE CASE
            WHEN a.clients - o.clients >= $enough_clients
                THEN a.good - o.good >= $others_share * (a.clients - o.clients)
            ELSE a.clients < $few_clients OR a.good >= $own_share * a.clients
        END
    ) AS t USING (municipality, org_id, month_end)
),

open_month AS (
    SELECT m.*
    FROM comparable AS m
    ANTI JOIN covered USING (municipality, org_id, client_id, service, month_end, origin)
    SEMI JOIN kept USING (municipality, org_id, service, month_end)
    ANTI JOIN belongs AS b
        ON b.client_id = m.client_id AND b.municipality <> m.municipality
        AND b.valid_from <= m.latest_until AND b.valid_to > m.earliest_since
    ANTI JOIN visits AS v
        ON v.client_id = m.client_id AND v.municipality <> m.municipality
        AND v.start >= m.earliest_since - 31 AND v.start < m.latest_until + 32
),

-- Then row by row, for these.
item AS (
    SELECT
        o.municipality, o.org_id, o.client_id, o.service, o.month_end, 'invoice_lines' AS origin,
        l.invoice_id AS id, l.line_no, coalesce(l.day, d.since) AS since, coalesce(l.day, d.until) AS until,
        CAST(l.amount AS DOUBLE) * d.kept AS sek, d.currency = 'SEK' AS in_sek, l._file_sha256, l._row,
        CASE WHEN l.amount < 0 THEN -d.kept WHEN l.amount > 0 THEN d.kept ELSE 0 END
            * abs(CAST(coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END) AS DOUBLE)) AS hours
    FROM (SELECT * FROM invoice_lines SEMI JOIN open_month USING (client_id)) AS l
    JOIN document AS d USING (invoice_id)
    JOIN open_month AS o
        ON o.client_id = l.client_id AND o.org_id = d.org_id AND o.municipality = d.municipality
        AND o.service = lower(trim(l.service)) AND o.month_end = last_day(coalesce(l.day, d.until))
    WHERE o.origin = 'invoice_lines'
    UNION ALL
    SELECT
        o.municipality, o.org_id, o.client_id, o.service, o.month_end, 'visits', v.visit_id, NULL,
        v.day, v.day, NULL, true, v._file_sha256, v._row, v.seconds / 3600.0
    FROM (
        SELECT *, CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day,
            date_diff('second', start, "end") AS seconds
        FROM visits SEMI JOIN open_month USING (client_id, org_id)
        WHERE status = 'performed' AND start < "end"
    ) AS v JOIN open_month AS o
        ON o.client_id = v.client_id AND o.org_id = v.org_id AND o.municipality = v.municipality
        AND o.service = lower(trim(v.service)) AND o.month_end = last_day(v.day)
    WHERE o.origin = 'visits'
),

bare AS (
    SELECT i.* FROM item AS i
    JOIN newest AS n USING (municipality, client_id, service)
    ANTI JOIN decision AS d
        ON d.client_id = i.client_id AND d.municipality = i.municipality AND d.word = i.service
        AND d.valid_from <= i.until + $entry_days
        AND d.valid_to > least(i.since - $notice_days, n.day - $entry_days)
    WHERE n.days_since_first >= $entry_days AND (i.origin = 'visits' OR i.sek <> 0)
),

-- What a visit's hour costs: only contracts that pay for performed time say so.
price AS (
    SELECT b.id, min(k.hourly_rate_sek) AS cheapest, max(k.hourly_rate_sek) AS dearest
    FROM bare AS b JOIN contracts AS k
        ON k.org_id = b.org_id AND k.municipality = b.municipality AND lower(trim(k.service)) = b.service
        AND k.valid_from <= b.since AND (k.valid_to IS NULL OR b.since < k.valid_to)
    WHERE b.origin = 'visits'
    GROUP BY b.id HAVING bool_and(k.reimbursement = 'performed')
),

priced AS (
    SELECT
        b.*, b.origin = 'visits' OR b.sek > 0 AS counts,
        CASE b.origin WHEN 'visits' THEN b.hours * CAST(p.cheapest AS DOUBLE) ELSE b.sek END AS lower,
        CASE b.origin WHEN 'visits' THEN b.hours * CAST(p.dearest AS DOUBLE) ELSE b.sek END AS upper
    FROM bare AS b LEFT JOIN price AS p ON p.id = b.id AND b.origin = 'visits'
),

-- What the client pays for a month falls with all the hours of the month, until the cap.
fee AS (
    SELECT
        municipality, org_id, client_id, service,
        sum(least(hourly * hours, cap) - least(hourly * (hours - questioned), cap)) AS effect,
        count(hourly) = count(*) AS known
    FROM (
        SELECT
            q.municipality, q.org_id, q.client_id, q.service, q.month_end, q.questioned, m.hours,
            CAST(min(f.hourly_fee_sek) AS DOUBLE) AS hourly,
            coalesce(CAST(min(f.monthly_cap_sek) AS DOUBLE), 1e12) AS cap
        FROM (
            SELECT municipality, org_id, client_id, service, month_end, sum(hours) AS questioned
            FROM priced GROUP BY municipality, org_id, client_id, service, month_end
        ) AS q
        JOIN (SELECT client_id, month_end, sum(hours) AS hours FROM month GROUP BY ALL) AS m
            USING (client_id, month_end)
        LEFT JOIN fees AS f
            ON f.client_id = q.client_id AND f.valid_from <= m.month_end
            AND (f.valid_to IS NULL OR f.valid_to > m.month_end)
        GROUP BY ALL
    )
    GROUP BY municipality, org_id, client_id, service
),

-- What else is known of the client's decisions.
other AS (
    SELECT
        b.municipality, b.org_id, b.client_id, b.service,
        bool_or(d.word = b.service AND d.valid_to <= b.since) AS ended,
        bool_or(d.word = b.service AND d.valid_from > b.until) AS came_later,
        bool_or(d.word <> b.service AND d.valid_from <= b.until AND d.valid_to > b.since) AS for_another
    FROM priced AS b JOIN decision AS d
        ON d.client_id = b.client_id AND d.municipality = b.municipality
    GROUP BY b.municipality, b.org_id, b.client_id, b.service
),

evidence AS (
    SELECT municipality, org_id, client_id, service, list({
        'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row
    }) AS evidence
    FROM (
        SELECT municipality, org_id, client_id, service, origin, _file_sha256, _row,
            CASE origin WHEN 'visits' THEN [id] ELSE [id, CAST(line_no AS VARCHAR)] END AS key
        FROM priced
        UNION
        SELECT b.municipality, b.org_id, b.client_id, b.service, 'invoices', d._file_sha256, d._row, [b.id]
        FROM priced AS b JOIN document AS d ON d.invoice_id = b.id AND b.origin = 'invoice_lines'
    )
    GROUP BY municipality, org_id, client_id, service
),

summed AS (
    SELECT
        municipality, org_id, client_id, service,
        least(min(CASE WHEN counts THEN since END), $as_of) AS since,
        least(max(CASE WHEN counts THEN until END), $as_of) AS until,
        sum(CASE WHEN counts THEN 1 ELSE 0 END) AS events,
        count(DISTINCT CASE WHEN counts THEN until END) AS days,
        CASE WHEN bool_and(in_sek) AND count(lower) = count(*) THEN sum(lower) END AS lower,
        CASE WHEN bool_and(in_sek) AND count(upper) = count(*) THEN sum(upper) END AS upper,
        sum(hours) AS hours, sum(CASE WHEN origin = 'visits' THEN 1 ELSE 0 END) AS visits
    FROM priced
    GROUP BY municipality, org_id, client_id, service
    -- What was credited in full is billed no longer.
    HAVING sum(sek) > 0.005 OR bool_or(origin = 'visits')
)

SELECT
    s.org_id AS provider_id,
    [
        {'role': 'provider', 'kind': 'organisation', 'id': s.org_id},
        {'role': 'client', 'kind': 'person', 'id': s.client_id}
    ] AS subjects,
    s.since, s.until, CAST(s.events AS BIGINT) AS events, s.days,
    s.lower AS exposure_lower, s.upper AS exposure_upper, e.evidence,
    s.municipality, s.service, round(s.hours, 2) AS hours, CAST(s.visits AS BIGINT) AS visits,
    CASE WHEN f.known THEN round(f.effect, 2) END AS fee_effect_lower,
    CASE WHEN f.known THEN round(f.effect, 2) END AS fee_effect_upper,
    list_filter([
        CASE WHEN s.events = 1 THEN 'one_occasion' END,
        CASE WHEN o.ended THEN 'decision_had_ended' END,
        CASE WHEN o.came_later THEN 'decision_came_later' END,
        CASE WHEN o.for_another THEN 'other_service' END
    ], lambda name: name IS NOT NULL) AS against,
    CASE WHEN s.client_id NOT IN (SELECT client_id FROM enrolments) THEN ['other_municipality'] END
        AS untested
FROM summed AS s
JOIN evidence AS e USING (municipality, org_id, client_id, service)
LEFT JOIN fee AS f USING (municipality, org_id, client_id, service)
LEFT JOIN other AS o USING (municipality, org_id, client_id, service)

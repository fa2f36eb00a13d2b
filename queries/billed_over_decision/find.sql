-- One row: a provider, a client and a service, with every period in which more hours were billed than granted.
-- The decision is the order: what is billed above it was never ordered, and the client's fee may rise with it.
WITH unnamed_credit AS (
    -- A credit note that names no client lowers every line of its invoice alike.
    SELECT c.credit_of AS invoice_id, -sum(c.amount) AS sek FROM invoices AS c
    ANTI JOIN (SELECT invoice_id FROM invoice_lines WHERE client_id IS NOT NULL) USING (invoice_id)
    WHERE c.amount < 0 AND c.credit_of IS NOT NULL
    GROUP BY c.credit_of
),

-- A credit concerns the period of the invoice that it corrects.
document AS (
    SELECT
        i.invoice_id, i.org_id, i.municipality, i.currency, i.credit_of IS NOT NULL AS credits,
        coalesce(o.period_from, i.period_from) AS since,
        coalesce(o.period_to, i.period_to) AS until,
        CASE WHEN k.sek > 0 AND i.amount > 0
            THEN greatest(0, 1 - CAST(k.sek AS DOUBLE) / CAST(i.amount AS DOUBLE)) ELSE 1 END AS kept
    FROM invoices AS i
    LEFT JOIN invoices AS o ON o.invoice_id = i.credit_of
    LEFT JOIN unnamed_credit AS k ON k.invoice_id = i.invoice_id
),

-- Hours of a line bear the sign of its amount; what costs nothing is not billed.
line AS (
    SELECT
        d.municipality, d.org_id, l.client_id, lower(trim(l.service)) AS service,
        coalesce(l.day, d.since) AS since, coalesce(l.day, d.until) AS until,
        CAST(l.amount AS DOUBLE) * d.kept AS sek,
        CASE WHEN l.amount < 0 THEN -d.kept WHEN l.amount > 0 THEN d.kept ELSE 0 END
            * abs(CAST(coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END) AS DOUBLE)) AS hours,
        coalesce(l.unit, 'hour') = 'hour' AS by_hour, d.currency = 'SEK' AS in_sek,
        l.amount < 0 AND l.day IS NULL AND NOT d.credits AS loose
    FROM invoice_lines AS l JOIN document AS d USING (invoice_id)
    WHERE l.client_id IS NOT NULL
),

-- One row a provider, client, service and window: the calendar month that a line lies in, or,
-- where it lies in several, its own period (a span).
gathered AS (
    SELECT
        municipality, client_id, service, org_id,
        CASE WHEN last_day(since) = last_day(until)
            THEN CAST(date_trunc('month', since) AS DATE) ELSE since END AS window_since,
        CASE WHEN last_day(since) = last_day(until) THEN last_day(until) ELSE until END AS window_until,
        sum(hours) AS hours,
        sum(CASE WHEN hours > 0 THEN hours END) AS positive_hours,
        sum(CASE WHEN hours > 0 THEN sek END) AS positive_sek,
        sum(CASE WHEN hours IS NULL AND by_hour AND sek < 0 THEN sek ELSE 0 END) AS hourless_sek,
        sum(CASE WHEN loose THEN coalesce(-hours, 0) ELSE 0 END) AS loose_hours,
        min(CASE WHEN hours > 0 THEN sek / hours END) AS cheapest,
        max(CASE WHEN hours > 0 THEN sek / hours END) AS dearest,
        bool_and(in_sek) AS in_sek
    FROM line ANTI JOIN (
        SELECT municipality, lower(trim(service)) AS service FROM services WHERE flat_rate
    ) USING (municipality, service)
    GROUP BY municipality, client_id, service, org_id, window_since, window_until
),

-- A credit in money alone takes away as many hours as it pays for. `who`: whose grant is used.
bill AS (
    SELECT
        {'municipality': municipality, 'client_id': client_id, 'service': service} AS who,
        org_id, window_since AS since, window_until AS until,
        CASE WHEN last_day(window_since) = last_day(window_until) THEN 'month'
            WHEN day(window_since) = 1 AND window_until = last_day(window_until) THEN 'months'
            ELSE 'span' END AS kind,
        coalesce(hours, 0) + CASE WHEN positive_sek > 0
            THEN hourless_sek * positive_hours / positive_sek ELSE 0 END AS hours,
        loose_hours, cheapest, dearest, in_sek
    FROM gathered
),

-- Other systems use other words: the municipality's own list says which mean the same.
granted AS (
    SELECT
        {'municipality': d.municipality, 'client_id': d.client_id, 'service': w.word} AS who,
        d.decision_id, CAST(d.hours_per_month AS DOUBLE) AS hours, d.valid_from,
        coalesce(d.valid_to, DATE '9999-12-31') AS valid_to, d._file_sha256, d._row
    FROM decisions AS d JOIN (
        SELECT municipality, lower(trim(service)) AS decided, lower(trim(service)) AS word FROM decisions
        UNION SELECT municipality, lower(trim(service)), lower(trim(permit_service)) FROM services
        UNION SELECT municipality, lower(trim(permit_service)), lower(trim(service)) FROM services
    ) AS w ON w.municipality = d.municipality AND w.decided = lower(trim(d.service))
),

-- First by months, for all: who comes above what the decisions grant by the calendar.
part AS (
    SELECT
        who, since, until, kind, hours,
        CAST(unnest(generate_series(
            date_trunc('month', since), CAST(until AS TIMESTAMP), INTERVAL 1 MONTH
        )) AS DATE) AS month
    FROM (SELECT who, since, until, kind, sum(hours) AS hours FROM bill GROUP BY who, since, until, kind)
),

screened AS (
    SELECT p.who, p.since, p.until
    FROM part AS p JOIN granted AS g
        ON g.who = p.who AND g.valid_from <= least(p.until, last_day(p.month))
        AND g.valid_to > greatest(p.since, p.month)
    GROUP BY p.who, p.since, p.until, p.kind, p.hours
    HAVING p.hours > CASE p.kind WHEN 'span' THEN 1 + $over_share ELSE 1 END * sum(g.hours * date_diff(
        'day', greatest(g.valid_from, p.since, p.month),
        least(g.valid_to, p.until + 1, last_day(p.month) + 1)
    ) / day(last_day(p.month)))
),

asked_month AS (
    SELECT DISTINCT who, month FROM part SEMI JOIN screened USING (who, since, until)
),

-- Spans that touch such a month; the visits tell in which of its months the hours were given.
span AS (
    SELECT DISTINCT b.who, b.who.client_id AS client_id, b.org_id, b.since, b.until, b.hours
    FROM bill AS b JOIN asked_month AS a
        ON a.who = b.who AND a.month <= b.until AND last_day(a.month) >= b.since
    WHERE b.kind = 'span'
),

given AS (
    SELECT
        s.who, s.org_id, s.since, s.until,
        last_day(CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE)) AS month_end,
        s.hours * sum(date_diff('second', v.start, v."end")) / sum(sum(date_diff('second', v.start, v."end")))
            OVER (PARTITION BY s.who, s.org_id, s.since, s.until) AS hours
    FROM span AS s JOIN (SELECT * FROM visits SEMI JOIN span USING (org_id, client_id)) AS v
        ON v.org_id = s.org_id AND v.client_id = s.client_id
        AND lower(trim(v.service)) = s.who.service AND v.status = 'performed' AND v.start < v."end"
        AND CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) BETWEEN s.since AND s.until
    GROUP BY s.who, s.org_id, s.since, s.until, s.hours, month_end
),

-- What each provider billed in a period that is asked about. `sure_hours` lie in it for certain.
billed AS (
    SELECT
        who, org_id, month AS since, last_day(month) AS until, 'month' AS kind,
        sum(hours) AS hours, sum(sure_hours) AS sure_hours
    FROM asked_month JOIN (
        SELECT who, org_id, until AS month_end, hours, hours AS sure_hours FROM bill WHERE kind = 'month'
        UNION ALL SELECT who, org_id, month_end, hours, 0 FROM given
    ) USING (who)
    WHERE month_end = last_day(month)
    GROUP BY who, org_id, month
    UNION ALL
    SELECT who, org_id, since, until, kind, hours, CASE kind WHEN 'months' THEN hours ELSE 0 END
    FROM bill SEMI JOIN screened USING (who, since, until) WHERE kind <> 'month'
),

-- Then day by day, for these: the level in force, the one that a decision on its way brings, and
-- the one that a decision just ended had. The newest days may await a renewal; what is billed on and
-- on after the last decision is another claim, billed_without_decision.
level AS (
    SELECT
        d.who, d.since, d.until, d.day,
        bool_or(g.hours = 0) AS unknown,
        sum(CASE WHEN g.valid_from <= d.day AND d.day < g.valid_to THEN g.hours ELSE 0 END) AS hours,
        sum(CASE WHEN d.day + $entry_days < g.valid_to THEN g.hours ELSE 0 END) AS coming,
        sum(CASE WHEN g.valid_from <= d.day - $notice_days AND d.day - $notice_days < g.valid_to
            THEN g.hours ELSE 0 END) AS ended,
        sum(CASE WHEN g.valid_from <= d.day - $entry_days
            THEN g.hours ELSE 0 END) AS expired,
        bool_or(d.day > n.newest - $entry_days OR d.until < n.own) AS open_ended
    FROM (
        SELECT who, since, until, CAST(unnest(generate_series(
            CAST(since AS TIMESTAMP), CAST(until AS TIMESTAMP), INTERVAL 1 DAY
        )) AS DATE) AS day
        FROM (SELECT DISTINCT who, since, until FROM billed)
    ) AS d JOIN (
        SELECT who, max(until) AS own, max(max(until)) OVER (PARTITION BY who.municipality) AS newest
        FROM bill WHERE hours > 0 GROUP BY who
    ) AS n USING (who)
    JOIN granted AS g ON g.who = d.who AND g.valid_from <= d.day + $entry_days
        AND g.valid_to > d.day - $entry_days
    GROUP BY d.who, d.since, d.until, d.day
),

-- Where a decision ended within the month, visits may tell that all was given before.
in_time AS (
    SELECT l.who, l.since, l.until
    FROM (SELECT * FROM visits SEMI JOIN (SELECT who.client_id AS client_id FROM level) USING (client_id)) AS v
    JOIN level AS l ON l.who.client_id = v.client_id AND l.who.service = lower(trim(v.service))
        AND l.day = CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) AND v.status = 'performed'
    GROUP BY l.who, l.since, l.until HAVING bool_and(l.hours > 0)
),

allowed AS (
    SELECT who, since, until,
        sum(greatest(hours, coming, CASE WHEN hours > 0 THEN 0
            WHEN open_ended OR i.until IS NOT NULL THEN greatest(ended, expired) ELSE ended END)
            / day(last_day(day))) AS granted
    FROM level LEFT JOIN in_time AS i USING (who, since, until) GROUP BY who, since, until
    -- A decision of no hours grants a level or a number of times: its hours are not known.
    HAVING NOT bool_or(unknown) AND sum(hours) > 0
),

period AS (
    SELECT
        who, since, until, kind, granted, sum(hours) AS hours, sum(sure_hours) AS sure_hours,
        count(*) AS providers, max(hours) AS most
    FROM billed JOIN allowed USING (who, since, until)
    GROUP BY ALL
),

-- Four weeks may hold what a whole month grants: without visits only two such periods in a row,
-- each above even that, cannot be a matter of where the months fall.
full_span AS (
    SELECT
        *,
        lag(until) OVER (PARTITION BY who ORDER BY since, until) AS earlier,
        lead(since) OVER (PARTITION BY who ORDER BY since, until) AS later
    FROM period
    WHERE kind = 'span' AND date_diff('day', since, until) >= $span_days - 1
        AND hours > granted * $month_of_four_weeks * (1 + $over_share)
),

above AS (
    SELECT who, since, until, kind, granted, hours, providers, most FROM period AS p
    WHERE kind <> 'span'
        -- A daily plan that fills a month of 30 days is a thirtieth over in one of 31.
        AND (hours - granted > greatest($least_h, granted * $over_share) OR (
            hours - granted > $over_h AND hours > granted * day(until) / 30))
        -- Hours whose month only the visits tell must also be above what their own periods grant.
        AND (sure_hours > granted + least($over_h, greatest($least_h, granted * $over_share)) OR EXISTS (
            SELECT 1 FROM period AS s
            WHERE s.kind = 'span' AND s.who = p.who AND s.since <= p.until AND s.until >= p.since
                AND s.hours > s.granted * (1 + $over_share)
        ))
    UNION ALL
    SELECT who, since, until, kind, granted, hours, providers, most FROM full_span
    ANTI JOIN given USING (who, since, until)
    WHERE date_diff('day', earlier, since) <= 7 OR date_diff('day', until, later) <= 7
),

-- Granted hours belong to the client. Who alone billed more than all of them answers for it; else
-- who billed more than the days it was enrolled for; else everybody who billed.
answering AS (
    SELECT *, bool_or(coalesce(beyond, false)) OVER (PARTITION BY who, since, until) AS one_is_beyond
    FROM (
        SELECT
            a.*, b.org_id, b.hours AS own_hours, b.sure_hours AS own_sure,
            b.hours > (1 + $over_share) * a.granted * least(1, sum(greatest(0, date_diff(
                'day', greatest(e.valid_from, b.since), least(coalesce(e.valid_to, b.until + 1), b.until + 1)
            ))) / (date_diff('day', b.since, b.until) + 1.0)) AS beyond
        FROM above AS a JOIN billed AS b USING (who, since, until)
        LEFT JOIN enrolments AS e ON e.org_id = b.org_id AND e.client_id = b.who.client_id
            AND lower(trim(e.service)) = b.who.service
        WHERE b.hours > 0
        GROUP BY a.who, a.since, a.until, a.kind, a.granted, a.hours, a.providers, a.most, b.org_id,
            b.hours, b.sure_hours, b.since, b.until
    )
    QUALIFY CASE
        WHEN most > granted THEN own_hours > granted
        WHEN one_is_beyond THEN coalesce(beyond, true)
        ELSE true
    END
),

-- What the client pays for a month falls with all the hours of the month, until the cap.
fee AS (
    SELECT m.client_id, m.since, m.hours, min(f.hourly_fee_sek) AS hourly, min(f.monthly_cap_sek) AS cap
    FROM (SELECT who.client_id AS client_id, since, until, sum(hours) AS hours
        FROM bill WHERE kind = 'month' GROUP BY ALL) AS m
    SEMI JOIN answering AS a ON a.who.client_id = m.client_id AND a.since = m.since
    JOIN fees AS f
        ON f.client_id = m.client_id AND f.valid_from <= m.until
        AND (f.valid_to IS NULL OR f.valid_to > m.until)
    GROUP BY m.client_id, m.since, m.hours
),

priced AS (
    SELECT
        a.who, a.org_id, a.since, a.until, a.kind, a.granted, a.hours, a.providers, a.own_hours, a.own_sure,
        least(a.own_hours, a.hours - a.granted) AS over_hours,
        greatest(0, a.own_sure - a.granted) AS sure_over,
        greatest(f.hours, a.hours) AS month_hours, f.hourly, coalesce(f.cap, 1e12) AS cap,
        min(b.cheapest) AS cheapest, max(b.dearest) AS dearest, bool_and(b.in_sek) AS in_sek
    FROM answering AS a
    JOIN bill AS b
        ON b.who = a.who AND b.org_id = a.org_id AND b.since <= a.until AND b.until >= a.since
    LEFT JOIN fee AS f ON f.client_id = a.who.client_id AND f.since = a.since AND a.kind = 'month'
    GROUP BY ALL
),

summed AS (
    SELECT
        who, org_id, count(*) AS events, sum(p.hours) AS hours, sum(granted) AS granted,
        sum(over_hours) AS over_hours, max(providers) AS providers,
        bool_or(kind = 'span') AS unplaced, bool_or(own_hours <= granted) AS shared,
        CASE WHEN bool_and(in_sek) THEN sum(sure_over * cheapest) END AS lower,
        CASE WHEN bool_and(in_sek) THEN sum(over_hours * dearest) END AS upper,
        max(l.hours) * max(dearest) AS loose_sek,
        sum(least(hourly * month_hours, cap) - least(hourly * (month_hours - sure_over), cap)) AS fee_lower,
        sum(least(hourly * month_hours, cap) - least(hourly * (month_hours - over_hours), cap)) AS fee_upper,
        count(hourly) = count(*) AS fees_known
    FROM priced AS p
    JOIN (SELECT who, org_id, sum(loose_hours) AS hours FROM bill GROUP BY ALL) AS l USING (who, org_id)
    GROUP BY who, org_id
    -- A correction that says not what it corrects may correct this.
    HAVING sum(over_hours) > max(l.hours) + CASE WHEN max(l.hours) > 0 THEN $least_h ELSE 0 END
),

-- The rows behind it, by key, for these few alone: own lines, and the others' where it takes them.
source AS (
    SELECT DISTINCT
        a.who, a.org_id, d.org_id AS biller_id, l.invoice_id, l.line_no, l._file_sha256, l._row,
        coalesce(l.day, d.since) AS since, coalesce(l.day, d.until) AS until, l.amount > 0 AS adds
    FROM (
        SELECT * FROM invoice_lines SEMI JOIN (SELECT who.client_id AS client_id FROM answering) USING (client_id)
    ) AS l JOIN document AS d USING (invoice_id) JOIN answering AS a
        ON a.who.client_id = l.client_id AND a.who.municipality = d.municipality
        AND a.who.service = lower(trim(l.service))
        AND (a.org_id = d.org_id OR a.own_hours <= a.granted)
        AND coalesce(l.day, d.since) <= a.until AND coalesce(l.day, d.until) >= a.since
    WHERE (coalesce(l.hours, CASE WHEN l.unit = 'hour' THEN l.quantity END) <> 0 AND l.amount <> 0)
        OR (l.hours IS NULL AND coalesce(l.unit, 'hour') = 'hour' AND l.amount < 0)
),

evidence AS (
    SELECT who, org_id,
        list({'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row}) AS evidence
    FROM (
        SELECT who, org_id, 'invoice_lines' AS origin, _file_sha256, _row,
            [invoice_id, CAST(line_no AS VARCHAR)] AS key
        FROM source
        UNION SELECT s.who, s.org_id, 'invoices', i._file_sha256, i._row, [i.invoice_id]
        FROM source AS s JOIN invoices AS i USING (invoice_id)
        UNION SELECT a.who, a.org_id, 'decisions', g._file_sha256, g._row, [g.decision_id]
        FROM answering AS a JOIN granted AS g USING (who)
        WHERE g.valid_from <= a.until AND g.valid_to > a.since
    )
    GROUP BY who, org_id
),

dated AS (
    SELECT
        who, org_id, least(min(since), $as_of) AS since, least(max(until), $as_of) AS until,
        count(DISTINCT until) AS days
    FROM source WHERE adds AND biller_id = org_id GROUP BY who, org_id
)

SELECT
    s.org_id AS provider_id,
    [{'role': 'provider', 'kind': 'organisation', 'id': s.org_id},
        {'role': 'client', 'kind': 'person', 'id': s.who.client_id}] AS subjects,
    d.since, d.until, s.events, d.days, e.evidence,
    greatest(0, s.lower - s.loose_sek) AS exposure_lower,
    greatest(0, s.upper - s.loose_sek) AS exposure_upper,
    s.who.municipality AS municipality, s.who.service AS service,
    round(s.hours, 2) AS hours, round(s.granted, 2) AS granted_hours,
    round(s.over_hours, 2) AS over_hours, s.providers,
    CASE WHEN s.fees_known THEN round(s.fee_lower, 2) END AS fee_effect_lower,
    CASE WHEN s.fees_known THEN round(s.fee_upper, 2) END AS fee_effect_upper,
    list_filter([
        CASE s.events WHEN 1 THEN 'one_period' END, CASE WHEN s.loose_sek > 0 THEN 'corrected_in_part' END,
        CASE WHEN s.over_hours <= s.granted * $small_share THEN 'small_share' END,
        CASE WHEN s.shared AND s.providers > 1 THEN 'several_providers' END
    ], lambda name: name IS NOT NULL) AS against,
    CASE WHEN s.unplaced THEN ['four_week_periods'] END AS untested
FROM summed AS s JOIN evidence AS e USING (who, org_id) JOIN dated AS d USING (who, org_id)

-- One row: a worker and a provider, with every time the worker was registered with two clients at once.
-- Nobody is in two places: one of the two registrations is not what happened, and both may be paid.
WITH bounded AS (
    -- One sort. Whoever is overlapped by any later visit is overlapped by the next one's start.
    SELECT
        worker_id, start, "end",
        lead(start) OVER (PARTITION BY worker_id ORDER BY start) AS next_start
    FROM visits
    WHERE status = 'performed' AND start < "end" AND "end" <= start + INTERVAL 1 HOUR * $longest_h
),

-- The hours in which a worker has a visit running as another begins.
crowded AS (
    SELECT DISTINCT
        worker_id,
        unnest(generate_series(
            CAST(floor(epoch(start) / 3600) AS BIGINT), CAST(floor(epoch("end") / 3600) AS BIGINT)
        )) AS start_hour
    FROM bounded WHERE "end" > next_start + INTERVAL 1 SECOND * $tolerance_s
),
candidate AS (
    SELECT
        visit_id, municipality, org_id, worker_id, client_id, service, start, "end", start_hour,
        group_visit, start_method, end_method, planned_end,
        CASE WHEN planned_end > planned_start
            THEN date_diff('second', planned_start, planned_end) END AS planned_s
    FROM (SELECT *, CAST(floor(epoch(start) / 3600) AS BIGINT) AS start_hour FROM visits)
    SEMI JOIN crowded USING (worker_id, start_hour)
    WHERE status = 'performed' AND start < "end" AND "end" <= start + INTERVAL 1 HOUR * $longest_h
),

-- The usual length of a kind of visit, asked only for long visits without a planned time.
unplanned AS (
    SELECT DISTINCT client_id, org_id, service FROM candidate
    WHERE planned_s IS NULL AND "end" >= start + INTERVAL 1 MINUTE * $overlong_min
),
usual_with_client AS (
    SELECT client_id, service, median(date_diff('second', start, "end")) AS usual_s
    FROM visits SEMI JOIN unplanned USING (client_id, service)
    WHERE status = 'performed' AND start < "end"
    GROUP BY client_id, service HAVING count(*) >= $usual_of
),

-- A client with too few visits to tell is judged by the provider's other clients.
untold AS (
    SELECT DISTINCT org_id, service FROM unplanned ANTI JOIN usual_with_client USING (client_id, service)
),
usual_with_provider AS (
    SELECT org_id, service, median(date_diff('second', start, "end")) AS usual_s
    FROM visits SEMI JOIN untold USING (org_id, service)
    WHERE status = 'performed' AND start < "end"
    GROUP BY org_id, service HAVING count(*) >= $usual_of
),
expected AS (
    SELECT
        c.*,
        coalesce(c.planned_s, u.usual_s, p.usual_s) AS expected_s,
        date_diff('second', c.start, c."end") AS length_s
    FROM candidate AS c
    LEFT JOIN usual_with_client AS u USING (client_id, service)
    LEFT JOIN usual_with_provider AS p ON p.org_id = c.org_id AND p.service = c.service
),

-- `sure_end`: an overlong visit is believed only for its planned or usual length, and to its
-- planned end when it began late.
-- `late_*`: in the repeated hour of the autumn night the same wall clock comes an hour later.
read AS (
    SELECT
        *,
        CASE
            WHEN (length_s >= expected_s * $overlong_times
                    AND length_s >= expected_s + 60 * $overlong_min)
                OR (end_method IN ('manual', 'admin') AND length_s >= planned_s + 60 * $unwitnessed_min)
                THEN least(
                    start + INTERVAL 1 SECOND * CAST(expected_s AS BIGINT),
                    CASE WHEN planned_end > start THEN planned_end ELSE "end" END
                )
            ELSE "end"
        END AS sure_end,
        start AT TIME ZONE 'Europe/Stockholm'
            = (start + INTERVAL 1 HOUR) AT TIME ZONE 'Europe/Stockholm' AS start_repeats,
        "end" AT TIME ZONE 'Europe/Stockholm'
            = ("end" + INTERVAL 1 HOUR) AT TIME ZONE 'Europe/Stockholm' AS end_repeats
    FROM expected
),
reading AS (
    SELECT
        *,
        CASE WHEN start_repeats AND (start + INTERVAL 1 HOUR <= "end" OR end_repeats)
            THEN start + INTERVAL 1 HOUR ELSE start END AS late_start,
        CASE
            WHEN start_repeats AND start + INTERVAL 1 HOUR <= "end"
                THEN least("end", sure_end + INTERVAL 1 HOUR)
            WHEN start_repeats AND end_repeats THEN sure_end + INTERVAL 1 HOUR
            ELSE sure_end
        END AS late_end
    FROM read
),
ongoing AS (
    SELECT
        *, unnest(generate_series(start_hour, CAST(floor(epoch(sure_end) / 3600) AS BIGINT))) AS hour
    FROM reading
),

-- Each pair once: the later visit is looked up in the hour it starts, among those ongoing.
pair AS (
    SELECT
        a.worker_id, a.visit_id AS a_id, b.visit_id AS b_id,
        a.client_id AS a_client, b.client_id AS b_client, a.org_id AS a_org, b.org_id AS b_org,
        b.start AS since, least(a.sure_end, b.sure_end) AS until,
        date_diff('second', b.start, least(a.sure_end, b.sure_end)) < $fringe_share * least(
            date_diff('second', a.start, a.sure_end), date_diff('second', b.start, b.sure_end)
        ) AS fringe,
        a.municipality = b.municipality AS one_municipality,
        CAST(b.start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM ongoing AS a
    JOIN reading AS b
        ON a.worker_id = b.worker_id AND a.hour = b.start_hour
        AND (a.start < b.start OR (a.start = b.start AND a.visit_id < b.visit_id))
        AND a.client_id <> b.client_id
    WHERE least(a.sure_end, b.sure_end) > b.start + INTERVAL 1 SECOND * $tolerance_s
        AND least(a.late_end, b.sure_end)
            > greatest(a.late_start, b.start) + INTERVAL 1 SECOND * $tolerance_s
        AND least(a.sure_end, b.late_end)
            > greatest(a.start, b.late_start) + INTERVAL 1 SECOND * $tolerance_s
        AND least(a.late_end, b.late_end)
            > greatest(a.late_start, b.late_start) + INTERVAL 1 SECOND * $tolerance_s
        AND NOT (
            coalesce(a.group_visit, b.group_visit, false)
            AND coalesce(b.group_visit, a.group_visit, false)
        )
),

-- Where each client lived on the day: what the population register says of it, else the
-- present address. The building is the street with its first number, without flat or stairs.
client AS (
    SELECT a_client AS client_id, day FROM pair UNION SELECT b_client, day FROM pair
),
address AS (
    SELECT
        client_id, since, until, CAST(lat AS DOUBLE) AS lat, CAST(lon AS DOUBLE) AS lon,
        coalesce(
            nullif(regexp_extract(
                regexp_replace(lower(trim(street)), '\s+', ' ', 'g'),
                '^(.*?\p{L}{3,}[^0-9]*[0-9]+)', 1
            ), ''),
            nullif(lower(trim(street)), '')
        ) AS building,
        nullif(regexp_replace(postcode, '[^0-9]', '', 'g'), '') AS postcode,
        nullif(lower(trim(city)), '') AS city
    FROM (
        SELECT person_id AS client_id, valid_from AS since, valid_to AS until, street, postcode, city, lat, lon
        FROM residences
        UNION ALL
        SELECT person_id, NULL, NULL, street, postcode, city, lat, lon FROM persons
    ) SEMI JOIN client USING (client_id)
),
home AS (
    SELECT
        c.client_id, c.day, a.building, a.postcode, a.city, a.lat, a.lon,
        count(a.since) OVER (PARTITION BY c.client_id, c.day) <= 1 AS only_one
    FROM client AS c JOIN address AS a USING (client_id)
    WHERE (a.since IS NULL OR a.since <= c.day) AND (a.until IS NULL OR c.day < a.until)
    QUALIFY a.since IS NOT NULL OR max(a.since) OVER (PARTITION BY c.client_id, c.day) IS NULL
),

-- Homes can be compared when both are told by their building, or both by their spot.
placed AS (
    SELECT
        p.a_id, p.b_id,
        bool_or(coalesce(
            h.building = g.building
                AND coalesce(h.postcode = g.postcode, h.city = g.city, p.one_municipality), false
        -- degrees to metres: 111,320 a degree of latitude, less by its cosine eastwards
        ) OR coalesce(sqrt(
            power((h.lat - g.lat) * 111320, 2)
            + power((h.lon - g.lon) * 111320 * cos(radians(h.lat)), 2)
        ) <= $same_building_m, false)) AS one_building,
        bool_or(h.building || g.building IS NOT NULL OR h.lat + h.lon + g.lat + g.lon IS NOT NULL)
            AS compared
    FROM pair AS p
    JOIN home AS h ON h.client_id = p.a_client AND h.day = p.day
    JOIN home AS g ON g.client_id = p.b_client AND g.day = p.day
    GROUP BY p.a_id, p.b_id
),
separate AS (
    SELECT
        p.*, NOT coalesce(c.compared, false) AS unplaced,
        least(p.a_client, p.b_client) AS one, greatest(p.a_client, p.b_client) AS other
    FROM pair AS p LEFT JOIN placed AS c USING (a_id, b_id)
    WHERE NOT coalesce(c.one_building, false)
),

-- Where no address tells, the workers do: two clients who are with each of several at once, on
-- a good part of the days, are helped in one stay.
together AS (
    SELECT one, other, count(DISTINCT day) AS days
    FROM separate WHERE unplaced
    GROUP BY one, other
    HAVING count(DISTINCT worker_id) >= $stay_workers AND count(DISTINCT day) >= $stay_days
),
helped AS (
    SELECT DISTINCT client_id, CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM visits
    SEMI JOIN (SELECT one AS client_id FROM together UNION SELECT other FROM together)
        USING (client_id)
    WHERE status = 'performed'
),
one_stay AS (
    SELECT t.one, t.other
    FROM together AS t
    JOIN helped AS a ON a.client_id = t.one
    JOIN helped AS b ON b.client_id = t.other AND b.day = a.day
    GROUP BY t.one, t.other, t.days
    HAVING t.days >= $stay_share * count(*)
),

-- A protected client's home is never told and may lie next door: the edge of a visit says little.
hidden AS (
    SELECT DISTINCT person_id AS client_id FROM persons
    SEMI JOIN client ON client_id = person_id
    WHERE protection <> 'none'
),
apart AS (
    SELECT s.* FROM separate AS s
    LEFT JOIN one_stay AS o ON o.one = s.one AND o.other = s.other
    LEFT JOIN hidden AS h ON h.client_id = s.one
    LEFT JOIN hidden AS g ON g.client_id = s.other
    WHERE NOT s.unplaced
        OR (o.one IS NULL AND NOT (s.fringe AND coalesce(h.client_id, g.client_id) IS NOT NULL))
),

-- A pair concerns each provider that registered one of its visits.
concern AS (
    SELECT a_org AS provider_id, b_org AS other_id, * FROM apart
    UNION ALL
    SELECT b_org, a_org, * FROM apart WHERE a_org <> b_org
),
questioned AS (
    SELECT
        s.provider_id, s.day AS seen_on, v.*,
        CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM (
        SELECT provider_id, visit_id, min(day) AS day
        FROM (SELECT provider_id, unnest([a_id, b_id]) AS visit_id, day FROM concern)
        GROUP BY provider_id, visit_id
    ) AS s JOIN reading AS v USING (visit_id)
),

-- What an hour cost: only contracts that pay for performed time price a registered minute.
price AS (
    SELECT v.visit_id, min(k.hourly_rate_sek) AS cheapest, max(k.hourly_rate_sek) AS dearest
    FROM questioned AS v JOIN contracts AS k
        ON k.org_id = v.org_id AND k.municipality = v.municipality AND k.service = v.service
    WHERE k.valid_from <= v.day AND (k.valid_to IS NULL OR v.day < k.valid_to)
    GROUP BY v.visit_id HAVING bool_and(k.reimbursement = 'performed')
),

-- What an hour costs the client (a later row of fees ends an earlier one), and the month's fee
-- before its cap; a cap that changed within the month is told by its bounds.
fee AS (
    SELECT client_id, valid_from, hourly_fee_sek AS hourly, monthly_cap_sek AS cap,
        least(valid_to, lead(valid_from) OVER (PARTITION BY client_id ORDER BY valid_from)) AS valid_to
    FROM fees SEMI JOIN questioned USING (client_id)
),
charged AS (
    SELECT
        *, sum(cost) OVER bill AS due, min(cap) OVER bill AS least_cap,
        CASE WHEN count(cap) OVER bill = count(*) OVER bill THEN max(cap) OVER bill END AS greatest_cap
    FROM (
        SELECT
            v.visit_id, v.client_id, f.hourly, f.cap,
            date_trunc('month', v.start AT TIME ZONE 'Europe/Stockholm') AS month,
            date_diff('second', v.start, v."end") * f.hourly AS cost -- in 3600ths of a krona
        FROM visits AS v JOIN fee AS f ON f.client_id = v.client_id
            AND f.valid_from <= CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE)
            AND coalesce(CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) < f.valid_to, true)
        WHERE v.status = 'performed' AND v.start < v."end"
            AND v."end" <= v.start + INTERVAL 1 HOUR * $longest_h
    )
    WINDOW bill AS (PARTITION BY client_id, month)
),

-- Between two providers either may be the one that is right: nothing is certain of one alone.
-- Time in which somebody is in two places is counted once, however many visits meet in it.
fresh AS (
    SELECT
        c.*, provider_id <> other_id AS across,
        CASE
            WHEN a_org <> b_org
                THEN 0 * CASE WHEN provider_id = a_org THEN a.cheapest ELSE b.cheapest END
            WHEN a.cheapest <= b.cheapest THEN a.cheapest
            WHEN b.cheapest < a.cheapest THEN b.cheapest
        END AS hourly,
        greatest(0, date_diff('second', greatest(since, coalesce(max(until) OVER (
            PARTITION BY provider_id, worker_id ORDER BY since, until, a_id, b_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), since)), until)) AS seconds
    FROM concern AS c
    LEFT JOIN price AS a ON a.visit_id = c.a_id
    LEFT JOIN price AS b ON b.visit_id = c.b_id
),
certain AS (
    SELECT
        provider_id, worker_id, count(*) AS events, count(DISTINCT day) AS days,
        min(day) AS since, max(day) AS until,
        count(DISTINCT CASE WHEN across THEN other_id END) AS other_providers,
        count(*) FILTER (WHERE across) AS across, count(*) FILTER (WHERE unplaced) AS unplaced,
        bool_and(fringe) AS edges, sum(seconds) AS seconds,
        CASE WHEN bool_and(hourly IS NOT NULL) THEN sum(seconds * hourly) / 3600 END AS sek,
        list({'a': a_id, 'b': b_id, 'seconds': seconds})
            FILTER (WHERE NOT across AND seconds > 0) AS pairs
    FROM fresh GROUP BY provider_id, worker_id
),
registered AS (
    SELECT
        q.provider_id, q.worker_id,
        list({'table': 'visits', 'key': [v.visit_id], 'file_sha256': v._file_sha256, 'row': v._row})
            AS evidence,
        list({
            'id': q.visit_id, 'client': q.client_id, 'own': q.org_id = q.provider_id,
            'start': q.late_start, 'end': q.sure_end, 'group': coalesce(q.group_visit, false),
            'building': h.building, 'postcode': h.postcode, 'lat': h.lat, 'lon': h.lon,
            'month': c.month, 'hourly': c.hourly, 'cost': c.cost,
            'due': c.due, 'least_cap': c.least_cap, 'greatest_cap': c.greatest_cap
        }) AS registrations,
        count(*) AS visits, count(DISTINCT q.client_id) AS clients,
        count(DISTINCT q.municipality) AS municipalities,
        count(*) FILTER (WHERE 'manual' IN (q.start_method, q.end_method)
            OR 'admin' IN (q.start_method, q.end_method)) AS by_hand,
        sum(CASE WHEN q.org_id = q.provider_id
            THEN date_diff('second', q.start, q."end") * p.dearest ELSE 0 END) / 3600 AS sek
    FROM questioned AS q
    JOIN visits AS v USING (visit_id)
    LEFT JOIN price AS p USING (visit_id)
    LEFT JOIN home AS h ON h.client_id = q.client_id AND h.day = q.seen_on AND h.only_one
    LEFT JOIN charged AS c USING (visit_id)
    GROUP BY q.provider_id, q.worker_id
),
worked AS (
    SELECT org_id AS provider_id, worker_id, count(*) AS worker_visits FROM visits
    SEMI JOIN certain USING (worker_id) WHERE status = 'performed' GROUP BY org_id, worker_id
)

SELECT
    c.provider_id,
    [
        {'role': 'provider', 'kind': 'organisation', 'id': c.provider_id},
        {'role': 'worker', 'kind': 'person', 'id': c.worker_id}
    ] AS subjects,
    c.since, c.until, c.events, c.days, c.sek AS exposure_lower,
    CASE WHEN c.sek IS NOT NULL THEN r.sek END AS exposure_upper,
    r.evidence,
    CAST(c.seconds / 60 AS BIGINT) AS minutes,
    r.clients, c.other_providers, r.municipalities, c.across, c.unplaced, c.edges,
    r.visits, r.by_hand, w.worker_visits, r.registrations, c.pairs
FROM certain AS c
JOIN registered AS r USING (provider_id, worker_id)
JOIN worked AS w USING (provider_id, worker_id)

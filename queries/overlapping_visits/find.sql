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
        group_visit, end_method, planned_end, _file_sha256, _row,
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
        a.worker_id,
        a.visit_id AS a_id, b.visit_id AS b_id,
        a.client_id AS a_client, b.client_id AS b_client,
        a.org_id AS a_org, b.org_id AS b_org,
        b.start AS since,
        least(a.sure_end, b.sure_end) AS until,
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

lived AS (
    SELECT c.client_id, c.day, r.street, r.postcode, r.city, r.lat, r.lon
    FROM client AS c JOIN residences AS r ON r.person_id = c.client_id
    WHERE r.valid_from <= c.day AND (r.valid_to IS NULL OR c.day < r.valid_to)
),

address AS (
    SELECT * FROM lived
    UNION ALL
    SELECT c.client_id, c.day, p.street, p.postcode, p.city, p.lat, p.lon
    FROM client AS c JOIN persons AS p ON p.person_id = c.client_id
    ANTI JOIN lived AS l ON l.client_id = c.client_id AND l.day = c.day
),

home AS (
    SELECT
        client_id, day,
        CAST(lat AS DOUBLE) AS lat, CAST(lon AS DOUBLE) AS lon,
        coalesce(
            nullif(regexp_extract(
                regexp_replace(lower(trim(street)), '\s+', ' ', 'g'),
                '^(.*?\p{L}{3,}[^0-9]*[0-9]+)', 1
            ), ''),
            nullif(lower(trim(street)), '')
        ) AS building,
        nullif(regexp_replace(postcode, '[^0-9]', '', 'g'), '') AS postcode,
        nullif(lower(trim(city)), '') AS city
    FROM address
),

one_building AS (
    SELECT DISTINCT p.a_id, p.b_id
    FROM pair AS p
    JOIN home AS h ON h.client_id = p.a_client AND h.day = p.day
    JOIN home AS g ON g.client_id = p.b_client AND g.day = p.day
    WHERE (
            h.building = g.building
            AND coalesce(h.postcode = g.postcode, h.city = g.city, p.one_municipality)
        )
        -- degrees to metres: 111,320 a degree of latitude, less by its cosine eastwards
        OR sqrt(
            power((h.lat - g.lat) * 111320, 2)
            + power((h.lon - g.lon) * 111320 * cos(radians(h.lat)), 2)
        ) <= $same_building_m
),

-- Homes that can be compared: both by their building, or both by their spot.
compared AS (
    SELECT DISTINCT p.a_id, p.b_id
    FROM pair AS p
    JOIN home AS h ON h.client_id = p.a_client AND h.day = p.day
    JOIN home AS g ON g.client_id = p.b_client AND g.day = p.day
    WHERE (h.building IS NOT NULL AND g.building IS NOT NULL)
        OR (h.lat IS NOT NULL AND h.lon IS NOT NULL AND g.lat IS NOT NULL AND g.lon IS NOT NULL)
),

separate AS (
    SELECT
        p.*,
        c.a_id IS NULL AS unplaced,
        least(p.a_client, p.b_client) AS one, greatest(p.a_client, p.b_client) AS other
    FROM pair AS p
    ANTI JOIN one_building USING (a_id, b_id)
    LEFT JOIN compared AS c ON c.a_id = p.a_id AND c.b_id = p.b_id
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

-- What an hour cost: only contracts that pay for performed time price a registered minute.
price AS (
    SELECT v.visit_id, min(k.hourly_rate_sek) AS cheapest, max(k.hourly_rate_sek) AS dearest
    FROM reading AS v JOIN contracts AS k
        ON k.org_id = v.org_id AND k.municipality = v.municipality AND k.service = v.service
    WHERE k.valid_from <= CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE)
        AND (k.valid_to IS NULL OR CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) < k.valid_to)
    GROUP BY v.visit_id HAVING bool_and(k.reimbursement = 'performed')
),

-- Between two providers either may be the one that is right: nothing is certain of one alone.
-- Time in which somebody is in two places is counted once, however many visits meet in it.
fresh AS (
    SELECT
        c.*,
        CASE
            WHEN a_org <> b_org
                THEN 0 * CASE WHEN provider_id = a_org THEN a.cheapest ELSE b.cheapest END
            WHEN a.cheapest <= b.cheapest THEN a.cheapest
            WHEN b.cheapest < a.cheapest THEN b.cheapest
        END AS hourly,
        greatest(since, coalesce(max(until) OVER (
            PARTITION BY provider_id, worker_id ORDER BY since, until, a_id, b_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), since)) AS fresh_since
    FROM concern AS c
    LEFT JOIN price AS a ON a.visit_id = c.a_id
    LEFT JOIN price AS b ON b.visit_id = c.b_id
),

certain AS (
    SELECT
        provider_id, worker_id,
        count(*) AS events,
        count(DISTINCT day) AS days,
        min(day) AS since,
        max(day) AS until,
        count(DISTINCT CASE WHEN other_id <> provider_id THEN other_id END) AS other_providers,
        bool_or(unplaced) AS unplaced,
        bool_and(hourly IS NOT NULL) AS priced,
        sum(CASE WHEN until > fresh_since THEN date_diff('second', fresh_since, until) ELSE 0 END)
            AS seconds,
        sum(CASE WHEN until > fresh_since
            THEN date_diff('second', fresh_since, until) * hourly / 3600 ELSE 0 END) AS sek
    FROM fresh
    GROUP BY provider_id, worker_id
),

side AS (
    SELECT provider_id, worker_id, a_id AS visit_id FROM concern
    UNION
    SELECT provider_id, worker_id, b_id FROM concern
),

questioned AS (
    SELECT
        s.provider_id, s.worker_id,
        list({
            'table': 'visits', 'key': [v.visit_id], 'file_sha256': v._file_sha256, 'row': v._row
        }) AS evidence,
        count(DISTINCT v.client_id) AS clients,
        count(DISTINCT v.municipality) AS municipalities,
        sum(CASE WHEN v.org_id = s.provider_id
            THEN date_diff('second', v.start, v."end") * p.dearest / 3600 ELSE 0 END) AS sek
    FROM side AS s
    JOIN reading AS v USING (visit_id)
    LEFT JOIN price AS p ON p.visit_id = v.visit_id
    GROUP BY s.provider_id, s.worker_id
)

SELECT
    c.provider_id,
    [
        {'role': 'provider', 'kind': 'organisation', 'id': c.provider_id},
        {'role': 'worker', 'kind': 'person', 'id': c.worker_id}
    ] AS subjects,
    c.since, c.until, c.events, c.days,
    CASE WHEN c.priced THEN c.sek END AS exposure_lower,
    CASE WHEN c.priced THEN q.sek END AS exposure_upper,
    q.evidence,
    CAST(c.seconds / 60 AS BIGINT) AS minutes,
    q.clients, c.other_providers, q.municipalities,
    CASE WHEN c.unplaced THEN ['cohabitants', 'one_building', 'one_spot', 'one_stay'] END AS untested
FROM certain AS c
JOIN questioned AS q ON q.provider_id = c.provider_id AND q.worker_id = c.worker_id

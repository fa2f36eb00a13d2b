-- One row: a login, with the times that it went to and fro between devices, was in use on two at once, or outlived its holder's employment.
-- A login is personal: with one on loan nobody can tell who came, nor whether anybody did.
WITH signed_day AS (
    -- One pass: the days of each login, and whether it met several devices.
    SELECT
        origin, login_id, epoch_day, min(org_id) AS org_id,
        coalesce(min(device_id) <> max(device_id), false) AS several
    FROM (
        SELECT 'visits' AS origin, login_id, org_id, device_id, CAST(epoch(start) // 86400 AS INTEGER) AS epoch_day
        FROM visits WHERE login_id IS NOT NULL AND status = 'performed'
        UNION ALL
        SELECT 'login_events', login_id, NULL, device_id, CAST(epoch("at") // 86400 AS INTEGER)
        FROM login_events
    )
    GROUP BY origin, login_id, epoch_day
),
login AS (
    SELECT
        s.login_id, coalesce(l.org_id, min(s.org_id)) AS provider_id, l.person_id AS holder_id,
        l.valid_from, l.valid_to, count(DISTINCT s.epoch_day) AS active_days
    FROM signed_day AS s LEFT JOIN logins AS l USING (login_id)
    GROUP BY s.login_id, l.org_id, l.person_id, l.valid_from, l.valid_to
    HAVING coalesce(l.org_id, min(s.org_id)) IS NOT NULL
),

-- When the holder may use the login: while employed, and while it is valid.
stay AS (
    SELECT
        l.login_id, l.holder_id,
        greatest(coalesce(l.valid_from, e.valid_from), coalesce(e.valid_from, l.valid_from)) AS since,
        least(coalesce(l.valid_to, e.valid_to), coalesce(e.valid_to, l.valid_to)) AS until
    FROM login AS l
    LEFT JOIN employments AS e ON e.org_id = l.provider_id AND e.person_id = l.holder_id
    WHERE l.holder_id IS NOT NULL
),

-- By the day of Greenwich first, a day wider than asked.
outlived AS (
    SELECT DISTINCT s.login_id, s.epoch_day
    FROM (SELECT *, DATE '1970-01-01' + epoch_day AS day FROM signed_day) AS s
    SEMI JOIN stay AS h ON h.login_id = s.login_id
    ANTI JOIN stay AS t ON t.login_id = s.login_id AND (s.day > t.since - $grace_days) IS NOT false
        AND (s.day < t.until + $grace_days - 1) IS NOT false
),

-- What happens within an hour may lie on both sides of midnight.
watched AS (
    SELECT DISTINCT origin, login_id, unnest([epoch_day - 1, epoch_day, epoch_day + 1]) AS epoch_day
    FROM signed_day WHERE several
),

seen AS (
    SELECT
        visit_id, login_id, epoch_day, device_id, worker_id, start, start_method, end_method,
        CAST(floor(epoch(start)) AS BIGINT) AS start_s, CAST(floor(epoch("end")) AS BIGINT) AS end_s,
        CASE WHEN planned_end > planned_start THEN date_diff('second', planned_start, planned_end) END AS planned_s
    FROM (SELECT *, CAST(epoch(start) // 86400 AS INTEGER) AS epoch_day FROM visits)
    SEMI JOIN (SELECT login_id, epoch_day FROM watched WHERE origin = 'visits'
        UNION SELECT login_id, epoch_day FROM outlived) USING (login_id, epoch_day)
    WHERE status = 'performed' AND NOT coalesce(group_visit, false)
),

-- A time written by hand is no use of a device. An end is believed as far as it was planned, where
-- the check-out may have been forgotten; and two clocks differ.
held_visit AS (
    SELECT
        visit_id, login_id, device_id, start_s,
        CASE WHEN coalesce(start_method, '') NOT IN ('manual', 'admin') THEN start_s END AS in_s,
        CASE WHEN coalesce(end_method, '') NOT IN ('manual', 'admin') AND NOT overlong
            THEN greatest(start_s, end_s - $tolerance_s) END AS out_s,
        CASE WHEN overlong OR end_method IN ('manual', 'admin')
            THEN least(end_s, start_s + coalesce(planned_s, 0)) ELSE end_s END AS sure_s
    FROM (SELECT *, coalesce(end_s - start_s > $overlong_times * planned_s, false) AS overlong FROM seen)
    SEMI JOIN (SELECT login_id, epoch_day FROM watched WHERE origin = 'visits') USING (login_id, epoch_day)
    WHERE device_id IS NOT NULL
),
held_event AS (
    SELECT
        event_id, login_id, device_id, event, at_s, lead(event) OVER signed AS next,
        lead(event_id) OVER signed AS out_id, lead(at_s) OVER signed AS out_s
    FROM (
        SELECT *, CAST(floor(epoch("at")) AS BIGINT) AS at_s,
            CAST(epoch("at") // 86400 AS INTEGER) AS epoch_day
        FROM login_events WHERE device_id IS NOT NULL
    ) SEMI JOIN (SELECT login_id, epoch_day FROM watched WHERE origin = 'login_events')
        USING (login_id, epoch_day)
    WINDOW signed AS (PARTITION BY login_id, device_id, event = 'scan' ORDER BY at_s, event DESC, event_id)
),

-- Moments at which a login was used on a device. The log and the visits may name devices each in
-- their own way, so they are never mixed. A sign-out is not always somebody's act.
touch AS (
    SELECT login_id, origin, device_id, at_s, min(row_id) AS row_id
    FROM (
        SELECT login_id, 'visits' AS origin, device_id, unnest([in_s, out_s]) AS at_s, visit_id AS row_id
        FROM held_visit
        UNION ALL
        SELECT login_id, 'login_events', device_id, at_s, event_id
        FROM held_event WHERE event <> 'sign_out'
    )
    WHERE at_s IS NOT NULL GROUP BY login_id, origin, device_id, at_s
),

-- Back on a device, another one having been used in between: each change within the hour.
to_and_fro AS (
    SELECT b.*, t.row_id AS between_id, t.device_id AS between_device
    FROM (
        SELECT *, unnest(generate_series(own_s // 3600, at_s // 3600)) AS hour
        FROM (
            SELECT *, lag(at_s) OVER own AS own_s, lag(row_id) OVER own AS own_id,
                lag(upto) OVER own AS own_upto
            FROM (
                SELECT *, count(*) OVER (PARTITION BY login_id, origin ORDER BY at_s) AS upto,
                    count(*) OVER (PARTITION BY login_id, origin, at_s) AS together
                FROM touch
            )
            WINDOW own AS (PARTITION BY login_id, origin, device_id ORDER BY at_s)
        )
        WHERE at_s - own_s <= 2 * 60 * $within_min AND upto - together > own_upto
    ) AS b
    JOIN touch AS t ON t.login_id = b.login_id AND t.origin = b.origin AND t.at_s // 3600 = b.hour
        AND t.device_id <> b.device_id AND t.at_s > b.own_s AND t.at_s < b.at_s
        AND b.at_s - t.at_s <= 60 * $within_min
    QUALIFY row_number() OVER (
        PARTITION BY b.login_id, b.origin, b.device_id, b.at_s ORDER BY t.at_s DESC, t.row_id
    ) = 1
),

-- Stretches of use, cut by what two clocks or a late sign-out may explain.
span AS (
    SELECT login_id, 'visits' AS origin, device_id, start_s, sure_s - $tolerance_s AS end_s,
        visit_id AS row_id, visit_id AS last_id
    FROM held_visit WHERE start_s < sure_s - $tolerance_s
    UNION ALL
    SELECT login_id, 'login_events', device_id, at_s, out_s - 60 * $session_overlap_min, event_id, out_id
    FROM held_event
    WHERE event = 'sign_in' AND next = 'sign_out' AND out_s - at_s <= 3600 * $session_h
        AND at_s < out_s - 60 * $session_overlap_min
),
at_once AS (
    SELECT s.*, o.row_id AS other_id, o.last_id AS other_last_id, o.device_id AS other_device
    FROM (SELECT *, unnest(generate_series(start_s // 3600, end_s // 3600)) AS hour FROM span) AS o
    JOIN span AS s ON s.login_id = o.login_id AND s.origin = o.origin AND s.device_id <> o.device_id
        AND s.start_s // 3600 = o.hour AND o.start_s <= s.start_s AND s.start_s < o.end_s
),

-- The rows behind each such moment.
part AS (
    SELECT DISTINCT login_id, origin, device_id, at_s, once, piece.used AS used, piece.row_id AS row_id
    FROM (
        SELECT login_id, origin, device_id, at_s, false AS once, unnest([
            {'used': device_id, 'row_id': row_id}, {'used': device_id, 'row_id': own_id},
            {'used': between_device, 'row_id': between_id}
        ]) AS piece FROM to_and_fro
        UNION ALL
        SELECT login_id, origin, device_id, start_s, true, unnest([
            {'used': device_id, 'row_id': row_id}, {'used': device_id, 'row_id': last_id},
            {'used': other_device, 'row_id': other_id}, {'used': other_device, 'row_id': other_last_id}
        ]) FROM at_once
    )
),

-- In what building a device was: the street with its first number, without flat or stairs.
home AS (
    SELECT
        client_id, since, until, postcode, lat, lon, nullif(regexp_replace(lower(trim(street)), '^(.*?\p{L}{3,}[^0-9]*[0-9]+).*$', '\1'), '') AS building
    FROM (
        SELECT
            person_id AS client_id, street, postcode, lat, lon, valid_from AS since,
            coalesce(valid_to, DATE '9999-12-31') AS until
        FROM residences
        UNION ALL
        SELECT person_id, street, postcode, lat, lon, DATE '0001-01-01', DATE '9999-12-31'
        FROM persons ANTI JOIN residences USING (person_id)
    )
),

-- The buildings of a device's visits, whoever made them.
met AS (
    SELECT
        v.visit_id, v.device_id, v.login_id, min(coalesce(h.building, v.client_id)) AS building,
        bool_or(h.building IS NOT NULL) AS known
    FROM visits AS v
    SEMI JOIN (SELECT used AS device_id FROM part WHERE origin = 'visits') AS d
        ON d.device_id = v.device_id
    LEFT JOIN home AS h ON h.client_id = v.client_id
        AND h.since <= CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE)
        AND CAST(v.start AT TIME ZONE 'Europe/Stockholm' AS DATE) < h.until
    WHERE v.status = 'performed'
    GROUP BY v.visit_id, v.device_id, v.login_id
),

-- A tablet that never leaves one house is used by all who work there, beside their own phones;
-- and going to and fro within one house needs no second person.
moment AS (
    SELECT
        p.login_id, p.origin, p.device_id, p.at_s, p.once, bool_and(m.known) AS placed,
        CAST(p.at_s // 86400 AS INTEGER) AS epoch_day, max(d.logins) AS logins
    FROM part AS p
    LEFT JOIN met AS m ON p.origin = 'visits' AND m.visit_id = p.row_id
    LEFT JOIN (
        SELECT device_id, count(DISTINCT login_id) AS logins, count(DISTINCT building) AS buildings
        FROM met GROUP BY device_id
    ) AS d ON p.origin = 'visits' AND d.device_id = p.used
    GROUP BY p.login_id, p.origin, p.device_id, p.at_s, p.once
    HAVING bool_or(d.buildings = 1 AND d.logins >= $house_logins) IS NOT true AND (count(DISTINCT m.building) = 1) IS NOT true
),

-- Where nearly all of a provider's logins go to and fro, that is how its phones are used; where
-- nearly all met several devices on one day, they were registered anew: neither tells of a login.
kept AS (
    SELECT m.* FROM moment AS m JOIN login AS l USING (login_id)
    LEFT JOIN (
        SELECT origin, provider_id
        FROM (SELECT origin, login_id, count(*) AS days FROM signed_day GROUP BY ALL) JOIN login USING (login_id)
        LEFT JOIN (SELECT origin, login_id, count(DISTINCT epoch_day) AS turned FROM moment
            GROUP BY origin, login_id) USING (origin, login_id)
        WHERE days >= $days_min GROUP BY origin, provider_id
        HAVING count(CASE WHEN turned >= $days_min THEN 1 END)
            >= greatest($usual_logins, $usual_share * count(*))
    ) AS u ON u.origin = m.origin AND u.provider_id = l.provider_id
    LEFT JOIN (
        SELECT s.origin, p.provider_id, s.epoch_day FROM signed_day AS s JOIN login AS p USING (login_id)
        GROUP BY s.origin, p.provider_id, s.epoch_day
        HAVING count(CASE WHEN several THEN 1 END) >= greatest($usual_logins, $usual_share * count(*))
    ) AS c ON c.origin = m.origin AND c.provider_id = l.provider_id AND c.epoch_day = m.epoch_day
    WHERE (u.origin IS NULL AND c.origin IS NULL) OR (m.once AND m.origin = 'visits')
),
daily AS (
    SELECT login_id, origin, epoch_day, count(DISTINCT device_id || ' ' || at_s) AS moments
    FROM kept GROUP BY login_id, origin, epoch_day
),

-- A phone breaks once; a login on loan changes hands again and again.
switching AS (
    SELECT login_id, origin
    FROM (
        SELECT a.login_id, a.origin, a.epoch_day, count(*) AS days, sum(b.moments) AS moments
        FROM daily AS a JOIN daily AS b ON b.login_id = a.login_id AND b.origin = a.origin
            AND b.epoch_day <= a.epoch_day AND a.epoch_day - b.epoch_day < $close_days
        GROUP BY a.login_id, a.origin, a.epoch_day
    )
    WHERE days >= $days_min OR (days >= 2 AND moments >= $moments_min)
    GROUP BY login_id, origin
    QUALIFY row_number() OVER (PARTITION BY login_id ORDER BY max(days) DESC, origin DESC) = 1
),

-- What another worker registered before the holder came was done before the login was handed over.
outside AS (
    SELECT r.*
    FROM (
        SELECT 'visits' AS origin, login_id, visit_id AS row_id, worker_id,
            CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
        FROM seen SEMI JOIN outlived USING (login_id, epoch_day)
        WHERE coalesce(start_method, '') NOT IN ('manual', 'admin')
        UNION ALL
        SELECT 'login_events', login_id, event_id, NULL, CAST("at" AT TIME ZONE 'Europe/Stockholm' AS DATE)
        FROM (SELECT *, CAST(epoch("at") // 86400 AS INTEGER) AS epoch_day FROM login_events)
        SEMI JOIN outlived USING (login_id, epoch_day)
        WHERE event <> 'sign_out'
    ) AS r
    JOIN (SELECT login_id, holder_id, min(since) AS since FROM stay GROUP BY login_id, holder_id) AS f
        ON f.login_id = r.login_id
    ANTI JOIN stay AS t ON t.login_id = r.login_id AND (r.day >= t.since - $grace_days) IS NOT false
        AND (r.day < t.until + $grace_days) IS NOT false
    WHERE (r.day < f.since AND r.worker_id <> f.holder_id) IS NOT true
),
outdated AS (
    SELECT login_id, origin FROM outside
    GROUP BY login_id, origin HAVING count(DISTINCT day) >= $outside_days
    QUALIFY row_number() OVER (PARTITION BY login_id ORDER BY max(day) DESC, origin DESC) = 1
),
occasion AS (
    SELECT
        login_id, origin, p.row_id, p.used, k.at_s, k.device_id, k.once, k.placed, k.logins,
        CAST((TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL 1 SECOND * k.at_s)
            AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM kept AS k SEMI JOIN switching USING (login_id, origin)
    JOIN part AS p USING (login_id, origin, device_id, at_s, once)
    UNION ALL
    SELECT login_id, origin, row_id, NULL, NULL, NULL, false, true, NULL, day
    FROM outside SEMI JOIN outdated USING (login_id, origin)
),

theirs AS (
    SELECT
        visit_id, login_id, worker_id, client_id, org_id, municipality, service, start, "end",
        planned_start, planned_end, end_method, _file_sha256, _row,
        CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM visits SEMI JOIN (SELECT DISTINCT login_id FROM occasion) USING (login_id)
    WHERE status = 'performed' AND NOT coalesce(group_visit, false)
),

-- What an hour cost: only contracts that pay for performed time price a registered minute.
shown AS (
    SELECT
        v.login_id, 'visits' AS origin, v.visit_id AS row_id, [v.visit_id] AS key, v._file_sha256,
        v._row, v.worker_id, date_diff('second', v.start, v."end") * CASE
            WHEN bool_and(k.reimbursement = 'performed') THEN max(k.hourly_rate_sek) END AS sek_s
    FROM theirs AS v
    SEMI JOIN (SELECT row_id FROM occasion WHERE origin = 'visits') AS o ON o.row_id = v.visit_id
    LEFT JOIN contracts AS k
        ON k.org_id = v.org_id AND k.municipality = v.municipality AND k.service = v.service
        AND k.valid_from <= v.day AND (k.valid_to IS NULL OR v.day < k.valid_to)
    GROUP BY v.visit_id, v.login_id, v.worker_id, v.start, v."end", v._file_sha256, v._row
    UNION ALL
    SELECT login_id, 'login_events', event_id, [event_id], _file_sha256, _row, NULL, NULL
    FROM login_events
    SEMI JOIN (SELECT row_id AS event_id FROM occasion WHERE origin = 'login_events') USING (event_id)
    UNION ALL
    SELECT login_id, 'logins', NULL, [login_id], _file_sha256, _row, NULL, NULL
    FROM logins SEMI JOIN outdated USING (login_id)
    UNION ALL
    SELECT login_id, 'employments', NULL, [org_id, person_id, CAST(e.valid_from AS VARCHAR)], e._file_sha256,
        e._row, NULL, NULL
    FROM employments AS e JOIN login ON provider_id = org_id AND holder_id = person_id SEMI JOIN outdated USING (login_id)
),

-- All that was registered under the login, for the bound on persons.
registered AS (
    SELECT v.login_id, list({
        'id': v.visit_id, 'start': v.start, 'end': v."end", 'planned_start': v.planned_start,
        'planned_end': v.planned_end, 'end_method': v.end_method,
        'building': h.building || ' ' || h.postcode, 'lat': h.lat, 'lon': h.lon
    }) AS registrations
    FROM theirs AS v
    JOIN home AS h ON h.client_id = v.client_id AND h.since <= v.day AND v.day < h.until
    GROUP BY v.login_id
),
finding AS (
    SELECT
        login_id, min(day) AS since, max(day) AS until, count(DISTINCT day) AS days,
        count(DISTINCT coalesce(device_id || ' ' || at_s, row_id)) AS events,
        count(DISTINCT device_id || ' ' || at_s) AS switches,
        count(DISTINCT CASE WHEN once THEN device_id || ' ' || at_s END) AS at_once,
        count(DISTINCT CASE WHEN at_s IS NULL THEN day END) AS outside_days,
        count(DISTINCT used) AS devices, max(logins) AS logins_a_device,
        bool_and(coalesce(placed, false)) AS placed
    FROM occasion GROUP BY login_id
)

SELECT
    l.provider_id, list_concat([
        {'role': 'provider', 'kind': 'organisation', 'id': l.provider_id},
        {'role': 'shared', 'kind': 'login', 'id': l.login_id}
    ], list_transform(CASE WHEN l.holder_id IS NULL THEN s.workers ELSE [l.holder_id] END,
        lambda who: {'role': 'worker', 'kind': 'person', 'id': who})) AS subjects, f.since, f.until, f.events, f.days, s.evidence,
    CASE WHEN s.priced THEN 0 END AS exposure_lower, CASE WHEN s.priced THEN s.sek END AS exposure_upper,
    f.switches, f.at_once, f.outside_days, f.devices, f.logins_a_device, l.active_days,
    r.registrations, CASE WHEN NOT f.placed THEN ['one_house', 'house_tablet'] END AS untested
FROM finding AS f
JOIN login AS l ON l.login_id = f.login_id
JOIN (
    SELECT
        login_id, sum(sek_s) / 3600.0 AS sek, list(DISTINCT worker_id) AS workers,
        count(sek_s) > 0 AND count(sek_s) = count(CASE WHEN origin = 'visits' THEN 1 END) AS priced,
        list({'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row}) AS evidence
    FROM shown GROUP BY login_id
) AS s ON s.login_id = f.login_id
LEFT JOIN registered AS r ON r.login_id = f.login_id

-- One row of `bound_concurrent`: a registration of an identity, in a stretch of time whose
-- registrations one person cannot all have made. The rest of the year need not be looked at.

-- Where clients lived, by the population register or at present, as one number a home. Rows that
-- contradict each other say nothing, nor does a street without a postcode.
CREATE OR REPLACE TEMP TABLE bound_home AS
WITH told AS (
    SELECT
        person_id AS client_id, valid_from, valid_to, street, postcode, lat, lon,
        coalesce(valid_to > lead(valid_from) OVER known, lead(valid_from) OVER known IS NOT NULL)
        OR coalesce(
            lag(valid_to) OVER known > valid_from,
            lag(valid_from) OVER known IS NOT NULL
        ) AS contradicted,
        true AS dated
    FROM residences
    WINDOW known AS (PARTITION BY person_id ORDER BY valid_from)
    UNION ALL
    SELECT person_id, NULL, NULL, street, postcode, lat, lon, false, false
    FROM persons WHERE protection = 'none'
), keyed AS (
    SELECT
        client_id, dated,
        timezone('Europe/Stockholm', CAST(valid_from AS TIMESTAMP)) AS since,
        timezone('Europe/Stockholm', CAST(coalesce(valid_to, DATE '9999-12-31') AS TIMESTAMP))
            AS until,
        CASE WHEN NOT contradicted THEN
            -- the street with its first number, without flat or stairs
            coalesce(
                nullif(regexp_extract(
                    regexp_replace(lower(trim(street)), '\s+', ' ', 'g'),
                    '^(.*?\p{L}{3,}[^0-9]*[0-9]+)', 1
                ), ''),
                nullif(lower(trim(street)), '')
            ) || ' ' || nullif(regexp_replace(postcode, '[^0-9]', '', 'g'), '')
        END AS building,
        CASE WHEN NOT contradicted AND lon IS NOT NULL THEN CAST(lat AS DOUBLE) END AS lat,
        CASE WHEN NOT contradicted AND lat IS NOT NULL THEN CAST(lon AS DOUBLE) END AS lon
    FROM told
)
SELECT
    *,
    CASE WHEN building IS NOT NULL OR lat IS NOT NULL
        THEN dense_rank() OVER (ORDER BY building, lat, lon) END AS home_no
FROM keyed;

CREATE OR REPLACE TEMP TABLE bound_spot AS
SELECT DISTINCT home_no, building, lat, lon FROM bound_home WHERE home_no IS NOT NULL;

-- The longest way of all; a gap longer than it parts any two registrations.
CREATE OR REPLACE TEMP TABLE bound_way AS
SELECT coalesce(
    6371000 * (radians(max(lat) - min(lat)) + radians(max(lon) - min(lon))) / $metres_a_second, 0
) AS seconds
FROM bound_spot;

-- How long unplanned visits of a service usually are.
CREATE OR REPLACE TEMP TABLE bound_usual AS
SELECT municipality, service, median(epoch("end") - epoch(start)) AS usual_s
FROM visits
WHERE status = 'performed' AND start < "end"
    AND (planned_start IS NULL OR planned_end IS NULL OR planned_end <= planned_start)
GROUP BY municipality, service;

-- What a check-out that was forgotten, or written afterwards, leaves to believe: a visit half as
-- long again as planned or usual is believed for just that length; an end that somebody wrote,
-- for no more than the plan.
CREATE OR REPLACE TEMP MACRO bound_end(start, ended, planned_start, planned_end, method, usual_s) AS
    CASE
        WHEN planned_end > planned_start AND method IN ('manual', 'admin')
            THEN least(ended, start + (planned_end - planned_start))
        WHEN planned_end > planned_start AND ended - start > 1.5 * (planned_end - planned_start)
            THEN start + (planned_end - planned_start)
        WHEN (planned_end > planned_start) IS NOT true AND epoch(ended) - epoch(start) > 1.5 * usual_s
            THEN start + to_seconds(usual_s)
        ELSE ended
    END;

-- Seconds are widened to whole ones: what they let through is judged exactly afterwards.
CREATE OR REPLACE TEMP MACRO bound_registration(identified_by, tolerance_s) AS TABLE
SELECT
    v.*, CAST(floor(epoch(v.start)) AS BIGINT) AS start_s,
    CAST(ceil(epoch(v.ended) - tolerance_s) AS BIGINT) AS end_s,
    h.home_no, h.building IS NOT NULL AS housed, h.lat IS NOT NULL AS spotted
FROM (
    SELECT
        CASE identified_by WHEN 'login' THEN r.login_id ELSE r.worker_id END AS identity,
        r.visit_id, r.start,
        bound_end(r.start, r."end", r.planned_start, r.planned_end, r.end_method, u.usual_s)
            AS ended,
        coalesce(d.home_no, CASE WHEN d.client_id IS NULL THEN p.home_no END) AS home_no
    FROM visits AS r
    LEFT JOIN bound_usual AS u
        ON u.municipality IS NOT DISTINCT FROM r.municipality AND u.service = r.service
    LEFT JOIN (SELECT DISTINCT ON (client_id, since) * FROM bound_home WHERE dated) AS d
        ON d.client_id = r.client_id AND d.since <= r.start AND r.start < d.until
    LEFT JOIN (FROM bound_home WHERE NOT dated) AS p ON p.client_id = r.client_id
    WHERE r.status = 'performed' AND r.start < r."end" AND coalesce(r.group_visit, false) = false
) AS v
JOIN bound_spot AS h USING (home_no)
WHERE v.identity IS NOT NULL;

-- An identity's first impossible registration in a stretch is impossible beside the one that had
-- reached furthest before it: so one look back finds every stretch. Buildings and spots are two
-- looks, since either may be unknown.
CREATE OR REPLACE TEMP TABLE bound_suspect AS
WITH reaching AS (
    SELECT
        identity, start_s, home_no, housed, spotted,
        max(CASE WHEN housed THEN end_s * 16777216 + home_no END) OVER earlier AS housed_reach,
        max(CASE WHEN spotted THEN end_s * 16777216 + home_no END) OVER earlier AS spotted_reach
    FROM bound_registration($identity, $tolerance_s)
    WHERE start_s < end_s
    WINDOW earlier AS (
        PARTITION BY identity ORDER BY start_s, end_s DESC, home_no
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
), near AS (
    SELECT
        identity, start_s, home_no, spotted,
        housed AND start_s < housed_reach // 16777216 AND home_no <> housed_reach % 16777216
            AS overlaps,
        spotted_reach % 16777216 AS from_no,
        start_s - spotted_reach // 16777216 AS gap_s
    FROM reaching
    WHERE start_s < housed_reach // 16777216
        OR start_s - spotted_reach // 16777216 < (SELECT seconds + 3 FROM bound_way)
)
SELECT DISTINCT n.identity, n.start_s
FROM near AS n
LEFT JOIN bound_spot AS a ON a.home_no = n.from_no
LEFT JOIN bound_spot AS b ON b.home_no = n.home_no
WHERE n.overlaps
    OR (n.spotted AND n.from_no <> n.home_no AND (n.gap_s - 3) * $metres_a_second
        < 2 * $same_building_m + 2 * 6371000 * asin(least(1, sqrt(
            power(sin(radians(b.lat - a.lat) / 2), 2)
            + cos(radians(a.lat)) * cos(radians(b.lat)) * power(sin(radians(b.lon - a.lon) / 2), 2)
        ))));

-- A stretch ends where nothing of the identity runs or can reach into what follows. What touches
-- the hour that autumn repeats is read one way or the other, and so proves nothing.
CREATE OR REPLACE TEMP TABLE bound_concurrent AS
WITH reaching AS (
    SELECT
        *, max(end_s) OVER (
            PARTITION BY identity ORDER BY start_s, end_s DESC, visit_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reach_s
    FROM bound_registration($identity, $tolerance_s)
    SEMI JOIN bound_suspect USING (identity)
    WHERE start_s < end_s
), parted AS (
    SELECT
        *, count(CASE WHEN start_s - reach_s >= (SELECT seconds + 3 FROM bound_way) THEN 1 END)
            OVER (PARTITION BY identity ORDER BY start_s, end_s DESC, visit_id) AS stretch
    FROM reaching
)
SELECT
    p.identity, p.stretch, p.visit_id AS id, p.start, p.ended AS "end",
    h.building, h.lat, h.lon
FROM parted AS p
JOIN bound_spot AS h USING (home_no)
SEMI JOIN (
    SELECT DISTINCT identity, stretch FROM parted SEMI JOIN bound_suspect USING (identity, start_s)
) AS s ON s.identity = p.identity AND s.stretch = p.stretch
WHERE NOT (
    timezone('Europe/Stockholm', p.start)
        IN (timezone('Europe/Stockholm', p.start + INTERVAL 1 HOUR),
            timezone('Europe/Stockholm', p.start - INTERVAL 1 HOUR))
    OR timezone('Europe/Stockholm', p.ended)
        IN (timezone('Europe/Stockholm', p.ended + INTERVAL 1 HOUR),
            timezone('Europe/Stockholm', p.ended - INTERVAL 1 HOUR))
);

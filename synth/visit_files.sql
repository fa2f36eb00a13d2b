-- One row is a row of `visits.csv` or `login_events.csv`, in wall-clock time without offset.
-- A visit across the repeated hour of autumn would end before it began: it alone gets offsets.
CREATE OR REPLACE TEMP MACRO wall(a_day, seconds, turn_s, turned_s) AS
    a_day + to_seconds(CAST(
        seconds + CASE WHEN seconds >= turn_s THEN turned_s ELSE 0 END AS BIGINT
    ));

CREATE OR REPLACE TEMP MACRO spell(a_day, seconds, turn_s, turned_s, before, after, exact) AS
    CAST(wall(a_day, seconds, turn_s, turned_s) AS VARCHAR)
    || CASE WHEN NOT exact THEN '' WHEN seconds >= turn_s THEN after ELSE before END;

-- Groups meet for an hour and a half in the afternoon; everyone registers with the leader.
CREATE OR REPLACE TEMP TABLE met AS
SELECT
    day.day, circle.org_id, circle.client_id, circle.leader_id AS worker_id, circle.service,
    post.login_id, circle.org_id || '-g-' || post.post_no AS phone, TRUE AS grouped,
    1 AS member, CAST(post.post_no AS BIGINT) * 1000000 + row_number() OVER (
        PARTITION BY day.day, circle.leader_id ORDER BY circle.client_id
    ) AS slot_no,
    hash($seed, circle.client_id, day.day) AS chance,
    48600 AS planned_s, 5400 AS dur_s, 5400 AS took_s, 0 AS billed_s,
    48600 + CAST(hash($seed, circle.leader_id, day.day) % 300 AS BIGINT)
        + CAST(chance % 120 AS BIGINT) AS start_s,
    start_s + 5000 + CAST(chance // 120 % 500 AS BIGINT) AS end_s,
    CASE WHEN chance // 60000 % 100 < 6 THEN 'absent' ELSE 'performed' END AS status,
    FALSE AS double_staffed, FALSE AS forgotten
FROM day
JOIN circle ON circle.weekday = day.weekday
    AND circle.valid_from <= day.day AND day.day < circle.valid_to
JOIN post ON post.kind = 'leader' AND post.person_id = circle.leader_id
    AND post.valid_from <= day.day AND day.day < post.valid_to
WHERE day.day >= $since AND day.day < $until AND NOT EXISTS (
    FROM away WHERE away.client_id = circle.client_id AND away.since < day.day
    AND day.day < away.until
);

CREATE OR REPLACE TEMP TABLE visit AS
WITH mixed AS (
    FROM registered UNION ALL BY NAME FROM met
), corrected AS (
    SELECT
        *, start_s + took_s AS true_end_s,
        coalesce(forgotten, FALSE) AS open_end,
        coalesce(forgotten, FALSE) AND chance // 32 % 2 = 0 AS closed_later,
        NOT coalesce(forgotten, FALSE) AND chance // 11 % 1000 < 18 AS adjusted,
        chance // 13 % 1000 < 72 AS by_hand
    FROM mixed
), final AS (
    SELECT * REPLACE (CASE WHEN closed_later THEN true_end_s ELSE end_s END AS end_s),
        CASE WHEN closed_later THEN end_s
            WHEN adjusted THEN end_s - 240 + CAST(chance // 17 % 480 AS BIGINT) END AS original_s
    FROM corrected
)
SELECT
    final.*, day.* EXCLUDE (day, weekday, day_no),
    wall(day.day, start_s, turn_s, turned_s) > wall(day.day, end_s, turn_s, turned_s) AS exact,
    CASE WHEN grouped THEN 'G' ELSE 'V' END || strftime(day.day, '%y%m%d-') || slot_no || '-'
        || member AS visit_id
FROM final JOIN day USING (day);

COPY (
    SELECT
        visit_id, $municipality AS municipality, org_id, worker_id, client_id, service,
        spell(day, planned_s, turn_s, turned_s, offset_before, offset_after,
            wall(day, planned_s, turn_s, turned_s)
                > wall(day, planned_s + dur_s, turn_s, turned_s)) AS planned_start,
        spell(day, planned_s + dur_s, turn_s, turned_s, offset_before, offset_after,
            wall(day, planned_s, turn_s, turned_s)
                > wall(day, planned_s + dur_s, turn_s, turned_s)) AS planned_end,
        spell(day, start_s, turn_s, turned_s, offset_before, offset_after, exact) AS start,
        spell(day, end_s, turn_s, turned_s, offset_before, offset_after, exact) AS "end",
        CASE WHEN by_hand THEN 'manual' WHEN tag_id IS NULL THEN 'app' ELSE 'tag' END
            AS start_method,
        CASE WHEN open_end THEN 'admin' WHEN by_hand THEN 'manual'
            WHEN tag_id IS NULL THEN 'app' ELSE 'tag' END AS end_method,
        CASE WHEN NOT by_hand THEN tag_id END AS tag_id,
        phone AS device_id, login_id, status, double_staffed, grouped AS group_visit,
        CASE
            WHEN open_end THEN 'Glömd utcheckning, avslutad av systemet'
            WHEN by_hand THEN list_value(
                'Telefonen urladdad', 'Taggen gick inte att läsa', 'Ingen täckning',
                'Glömde checka in', 'Ny telefon, ej inloggad', 'Taggen saknas hos kunden'
            )[1 + CAST(chance // 19 % 6 AS BIGINT)]
            WHEN status = 'declined' THEN 'Kunden tackade nej'
        END AS note,
        CAST(wall(day, start_s + greatest(took_s, 0) + CASE
            WHEN by_hand THEN 1800 + CAST(chance // 23 % 20000 AS BIGINT) ELSE 3 END,
            turn_s, turned_s) AS VARCHAR) AS created_at,
        CASE WHEN original_s IS NOT NULL THEN CAST(
            wall(day, 115200 + CAST(chance // 29 % 20000 AS BIGINT), turn_s, turned_s) AS VARCHAR
        ) END AS edited_at,
        CASE WHEN original_s IS NOT NULL THEN 'planering-' || org_id END AS edited_by,
        CASE WHEN original_s IS NOT NULL THEN spell(
            day, start_s, turn_s, turned_s, offset_before, offset_after, TRUE) END
            AS original_start,
        CASE WHEN original_s IS NOT NULL THEN spell(
            day, original_s, turn_s, turned_s, offset_before, offset_after, TRUE) END
            AS original_end,
        NULL AS decision_id
    FROM visit
    ORDER BY day, start_s, slot_no, member, grouped
) TO $visits (FORMAT csv, HEADER false);

-- A phone is signed in on for a shift, from just before the first visit to just after the last.
COPY (
    WITH shift AS (
        SELECT
            day, login_id, phone, turn_s, turned_s, period = 4 AS night,
            min(start_s) - 180 AS first_s, max(end_s) + 120 AS last_s,
            hash($seed, login_id, day, phone) AS chance
        FROM visit GROUP BY ALL
    ), event AS (
        SELECT *, 'sign_in' AS event, first_s AS at_s FROM shift
        UNION ALL BY NAME
        SELECT *, 'sign_out' AS event, last_s AS at_s FROM shift
    )
    SELECT
        strftime(day, 'L%Y%m-') || row_number() OVER (
            PARTITION BY date_trunc('month', day)
            ORDER BY day, at_s, login_id, phone, night, event
        ) AS event_id,
        login_id, phone AS device_id, NULL AS tag_id,
        '198.51.100.' || (chance % 254 + 1) AS ip,
        CAST(wall(day, at_s, turn_s, turned_s) AS VARCHAR) AS at, event
    FROM event
    ORDER BY day, at_s, login_id, phone, night, event
) TO $login_events (FORMAT csv, HEADER false);

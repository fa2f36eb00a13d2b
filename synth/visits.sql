-- One row of `visit` is a visit of the month: who went to whom, planned and as it was registered.
-- A worker's visits form one chain a shift, each after the one before and the way between them.

-- Who is on duty. Rota of 14 days: DDD..EEE.DD... (days, evenings), nights NNN....NN.....;
-- no day follows an evening, so eleven hours of rest are kept. Eight of a hundred weeks are sick
-- leave, taken by relief staff as far as there are any.
CREATE OR REPLACE TEMP TABLE on_duty AS
WITH present AS (
    SELECT
        day.day, day.day_no, post.*,
        CASE post.kind
            WHEN 'rota' THEN substr('DDD..EEE.DD...', 1 + (day.day_no + post.phase) % 14, 1)
            WHEN 'night' THEN substr('NNN....NN.....', 1 + (day.day_no + post.phase) % 14, 1)
            WHEN 'service' THEN CASE WHEN day.weekday < 5 THEN 'S' ELSE '.' END
            WHEN 'second' THEN CASE WHEN day.day_no // 7 % 2 = post.phase THEN 'X' ELSE '.' END
            WHEN 'relief_D' THEN 'D'
            WHEN 'relief_E' THEN 'E'
            ELSE '.'
        END AS shift,
        post.kind = 'rota'
            AND hash($seed, post.post_no, day.day_no // 7, 'sick') % 100 < 8 AS sick
    FROM day JOIN post ON post.valid_from <= day.day AND day.day < post.valid_to
    WHERE day.day >= $since AND day.day < $until
), relief AS (
    SELECT *, row_number() OVER (PARTITION BY org_id, day, shift ORDER BY post_no) AS turn
    FROM present
    WHERE starts_with(kind, 'relief') AND (every_other IS NULL OR day_no % 2 = every_other)
), asked AS (
    SELECT *, row_number() OVER (PARTITION BY org_id, day, shift ORDER BY post_no) AS turn
    FROM present WHERE sick AND shift <> '.'
), staffed AS (
    SELECT day, day_no, org_id, team, shift, post_no, contact, person_id, login_id FROM present
    WHERE shift <> '.' AND NOT sick AND NOT starts_with(kind, 'relief')
    UNION ALL
    SELECT
        asked.day, asked.day_no, asked.org_id, asked.team, asked.shift, asked.post_no, FALSE,
        coalesce(relief.person_id, asked.person_id), coalesce(relief.login_id, asked.login_id)
    FROM asked LEFT JOIN relief USING (org_id, day, shift, turn)
)
SELECT
    staffed.day, staffed.org_id, staffed.team, staffed.shift, staffed.post_no,
    CASE WHEN lent.own_name THEN staffed.person_id
        ELSE coalesce(lent.lender_id, staffed.person_id) END AS worker_id,
    coalesce(lent.login_id, staffed.login_id) AS login_id,
    quirk.cause AS quirk,
    row_number() OVER (
        PARTITION BY staffed.org_id, staffed.team, staffed.shift, staffed.day
        ORDER BY
            CASE WHEN staffed.contact THEN staffed.post_no END NULLS LAST,
            hash($seed, staffed.post_no, staffed.day_no // 4), staffed.post_no
    ) - 1 AS route
FROM staffed
LEFT JOIN lent
    ON lent.org_id = staffed.org_id AND lent.borrower_id = staffed.person_id
    AND lent.since <= staffed.day AND staffed.day < lent.until
    AND hash($seed, lent.borrower_id, staffed.day, 'lent') % 100 < lent.percent
LEFT JOIN quirk ON quirk.org_id = staffed.org_id AND quirk.person_id = staffed.person_id;

CREATE OR REPLACE TEMP TABLE due AS
SELECT day.day, slot.*, hash($seed, slot.slot_no, day.day) AS chance
FROM day JOIN slot
    ON slot.valid_from <= day.day AND day.day < slot.valid_to
    AND (slot.weekdays >> day.weekday) % 2 = 1
WHERE day.day >= $since AND day.day < $until AND NOT EXISTS (
    FROM away WHERE away.client_id = slot.client_id AND away.since < day.day AND day.day < away.until
);

-- The partner of someone who is visited that day is helped in the same stay.
CREATE OR REPLACE TEMP TABLE same_stay AS
SELECT partner.day, partner.slot_no, head.slot_no AS head_no
FROM due AS partner JOIN due AS head
    ON head.day = partner.day AND head.client_id = partner.stays_with
    AND head.service = partner.service AND head.period = partner.period
    AND head.org_id = partner.org_id;

-- A team goes in as many routes as the fullest part of the shift asks, at most one a worker;
-- each part is cut along the walk through the town into routes of equal load.
CREATE OR REPLACE TEMP TABLE routed AS
WITH alone AS (
    SELECT * FROM due WHERE NOT EXISTS (
        FROM same_stay WHERE same_stay.day = due.day AND same_stay.slot_no = due.slot_no
    )
), loaded AS (
    SELECT
        *,
        sum(dur_s + 360) OVER part AS part_load,
        sum(dur_s + 360) OVER (part ORDER BY place, slot_no ROWS UNBOUNDED PRECEDING)
            - dur_s - 360 AS load_before
    FROM alone WINDOW part AS (PARTITION BY org_id, team, shift, day, period)
), crew AS (
    SELECT org_id, team, shift, day, count(*) AS people FROM on_duty GROUP BY ALL
), wanted AS (
    SELECT
        org_id, team, shift, day,
        max(ceil(part_load / CASE period
            WHEN 0 THEN 15120 WHEN 1 THEN 9000 WHEN 2 THEN 10080 WHEN 3 THEN 11520 ELSE 18000
        END)) AS routes
    FROM loaded GROUP BY ALL
), cut AS (
    SELECT
        org_id, team, shift, day,
        CAST(greatest(1, least(crew.people, wanted.routes)) AS BIGINT) AS routes
    FROM wanted JOIN crew USING (org_id, team, shift, day)
)
SELECT loaded.*, CAST(load_before * routes // part_load AS BIGINT) AS route
FROM loaded JOIN cut USING (org_id, team, shift, day);

-- Planned in steps of five minutes: each visit when it is wished, or when the one before allows.
CREATE OR REPLACE TEMP TABLE planned AS
WITH walked AS (
    SELECT
        *,
        CAST(45 + 1.3 / 7.0 * sqrt(
            (x - lead(x) OVER chain) * (x - lead(x) OVER chain)
            + (y - lead(y) OVER chain) * (y - lead(y) OVER chain)
        ) AS BIGINT) AS way_s
    FROM routed
    WINDOW chain AS (
        PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
    )
), stepped AS (
    SELECT
        *,
        sum(dur_s + CAST(ceil(coalesce(way_s, 0) / 300) * 300 AS BIGINT)) OVER (
            chain ROWS UNBOUNDED PRECEDING
        ) - dur_s - CAST(ceil(coalesce(way_s, 0) / 300) * 300 AS BIGINT) AS before_s
    FROM walked
    WINDOW chain AS (
        PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
    )
)
SELECT
    *,
    before_s + max(desired_s - before_s) OVER (
        PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
        ROWS UNBOUNDED PRECEDING
    ) AS planned_s
FROM stepped;

-- As it went: up to eight minutes early or fifteen late, shorter or longer, delays add up.
CREATE OR REPLACE TEMP TABLE went AS
WITH noisy AS (
    SELECT
        *,
        CASE WHEN chance % 1000 < 25 THEN 'declined' WHEN chance % 1000 < 36 THEN 'cancelled'
            WHEN chance % 1000 < 42 THEN 'absent' ELSE 'performed' END AS status,
        CAST(greatest(120, dur_s * (
            0.55 + 0.008 * ((chance // 1000 % 32) + (chance // 32000 % 32) + (chance // 1024000 % 32))
        )) AS BIGINT) AS took_s,
        planned_s - 480 + CAST(
            (chance // 32768000 % 700) + (chance // 22937600000 % 680) AS BIGINT
        ) AS ready_s,
        CAST(coalesce(way_s, 0) * (0.8 + 0.0005 * (chance // 15597568000000 % 1000)) AS BIGINT)
            + 20 AS drove_s
    FROM planned
), stepped AS (
    SELECT
        *,
        sum(took_s + drove_s) OVER (
            PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
            ROWS UNBOUNDED PRECEDING
        ) - took_s - drove_s AS before_a
    FROM noisy
), timed AS (
    SELECT
        *,
        before_a + max(ready_s - before_a) OVER (
            PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
            ROWS UNBOUNDED PRECEDING
        ) AS start_s
    FROM stepped
)
SELECT
    *,
    lead(start_s) OVER chain AS next_s,
    lead(building) OVER chain = building AS next_door,
    max(start_s + took_s) OVER (PARTITION BY org_id, team, shift, day, route) AS shift_end_s
FROM timed
WINDOW chain AS (
    PARTITION BY org_id, team, shift, day, route ORDER BY period, desired_s, place, slot_no
);

-- Who registered it, and how the registration differs from what happened: clocks that drift,
-- check-outs forgotten or made in a neighbour's hall, both partners of one stay, second workers.
CREATE OR REPLACE TEMP TABLE registered AS
WITH single AS (
    SELECT
        went.*, on_duty.worker_id, on_duty.login_id, 1 AS member, FALSE AS grouped,
        took_s AS billed_s, went.org_id || '-' || went.team || '-' || went.route
            || CASE WHEN change.back AND start_s // 2400 % 2 = 0 OR change.since IS NULL THEN ''
                ELSE '-b' END AS phone,
        CASE
            WHEN status <> 'performed' OR next_s IS NULL THEN start_s + took_s
            WHEN quirk = 'clock_drift' AND chance // 7 % 100 < 6
                THEN next_s + 20 + CAST(chance // 700 % 90 AS BIGINT)
            WHEN quirk = 'forgotten_check_out' AND chance // 7 % 1000 < 12 THEN shift_end_s + 240
            WHEN next_door AND service_house AND chance // 7 % 100 < 25
                THEN next_s + 60 + CAST(chance // 700 % 480 AS BIGINT)
            ELSE start_s + took_s
        END AS end_s,
        quirk = 'forgotten_check_out' AND chance // 7 % 1000 < 12
            AND status = 'performed' AND next_s IS NOT NULL AS forgotten
    FROM went JOIN on_duty USING (org_id, team, shift, day, route)
    LEFT JOIN phone_change AS change
        ON change.org_id = went.org_id AND change.since <= day AND day < change.until
        AND coalesce(change.person_id, on_duty.worker_id) = on_duty.worker_id
), partner AS (
    SELECT single.* REPLACE (
        due.client_id AS client_id, due.slot_no AS slot_no, due.tag_id AS tag_id,
        start_s + 15 AS start_s, start_s + took_s - 10 AS end_s, 2 AS member, FALSE AS forgotten
    )
    FROM single
    JOIN same_stay ON same_stay.head_no = single.slot_no AND same_stay.day = single.day
    JOIN due ON due.slot_no = same_stay.slot_no AND due.day = same_stay.day
), second AS (
    SELECT single.* REPLACE (
        on_duty.worker_id AS worker_id, on_duty.login_id AS login_id, 3 AS member,
        start_s + CAST(chance % 60 AS BIGINT) AS start_s,
        start_s + took_s - CAST(chance // 60 % 60 AS BIGINT) AS end_s,
        single.org_id || '-' || single.team || '-x' AS phone, FALSE AS forgotten
    )
    FROM single JOIN on_duty
        ON on_duty.org_id = single.org_id AND on_duty.team = single.team
        AND on_duty.day = single.day AND on_duty.shift = 'X' AND on_duty.route = 0
    WHERE single.double_staffed
)
SELECT
    * REPLACE (
        -- The time of a stay with both partners is split between them.
        CASE WHEN (day, slot_no) IN (SELECT (day, head_no) FROM same_stay) OR member = 2
            THEN billed_s // 2 ELSE billed_s END AS billed_s
    )
FROM (FROM single UNION ALL BY NAME FROM partner UNION ALL BY NAME FROM second);

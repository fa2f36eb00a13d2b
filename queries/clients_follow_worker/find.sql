-- One row: a worker who moved from one provider to another in a municipality, with counts of clients who followed.
-- Clients may follow whom they trust; many at once, against everyone else's habit, were led.
WITH tie AS (
    SELECT substr(source_id, 8) AS worker_id, substr(target_id, 8) AS client_id,
        provider_id AS org_id, municipality, first, last
    FROM edges WHERE type = 'VISITED'
),

-- How far each municipality's visits reach: another's later delivery ends nothing here.
reach AS (SELECT municipality, max(last) AS seen FROM tie GROUP BY municipality),
work AS (
    SELECT worker_id, org_id, municipality, min(first) AS first, max(last) AS last
    FROM tie GROUP BY worker_id, org_id, municipality
),

-- A worker begins at the first visit, or at an employment that started shortly before it.
begun AS (
    SELECT w.worker_id, w.org_id, w.municipality, least(w.first, coalesce(max(e.valid_from), w.first)) AS day
    FROM work AS w
    LEFT JOIN employments AS e
        ON e.person_id = w.worker_id AND e.org_id = w.org_id AND e.valid_from <= w.first
        AND date_diff('day', e.valid_from, w.first) <= $history_days
    GROUP BY w.worker_id, w.org_id, w.municipality, w.first
    UNION ALL
    SELECT e.person_id, e.org_id, NULL, min(e.valid_from)
    FROM employments AS e
    ANTI JOIN work AS w ON w.worker_id = e.person_id AND w.org_id = e.org_id
    GROUP BY e.person_id, e.org_id
),

near_move AS (
    SELECT a.worker_id, a.org_id AS from_id, b.org_id AS to_id, a.municipality, b.day
    FROM work AS a
    JOIN begun AS b
        ON b.worker_id = a.worker_id AND b.org_id <> a.org_id
        AND (b.municipality = a.municipality OR b.municipality IS NULL)
    WHERE a.first < b.day AND date_diff('day', a.last, b.day) <= $history_days
),

-- The visits of whoever may have moved, with both providers.
shift AS (
    SELECT
        worker_id, org_id, municipality, client_id, {'start': start, 'visit_id': visit_id} AS visit,
        CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM visits
    SEMI JOIN (
        SELECT worker_id, from_id AS org_id, municipality FROM near_move
        UNION SELECT worker_id, to_id, municipality FROM near_move
    ) USING (worker_id, org_id, municipality)
    WHERE status = 'performed'
),

-- Who really left: no shift at the old provider from a month after the new start, for a quarter.
move AS (
    SELECT
        m.*, m.worker_id || '|' || m.from_id || '|' || m.to_id || '|' || m.municipality AS move_id,
        max(CASE WHEN date_diff('day', m.day, s.day) <= $left_days THEN s.day END) AS last_day
    FROM near_move AS m
    JOIN reach AS r ON r.municipality = m.municipality
    JOIN shift AS s
        ON s.worker_id = m.worker_id AND s.org_id = m.from_id AND s.municipality = m.municipality
    GROUP BY m.worker_id, m.from_id, m.to_id, m.municipality, m.day, r.seen
    HAVING count(*) FILTER (WHERE date_diff('day', m.day, s.day) > $left_days
            AND date_diff('day', m.day, s.day) <= $left_days + $follow_days) = 0
        AND (max(s.day) < m.day OR date_diff('day', max(s.day), r.seen) > $left_days)
        AND count(DISTINCT CASE WHEN s.day < m.day
            AND date_diff('day', s.day, m.day) <= $history_days THEN s.client_id END) >= $clients_min
),

-- A client's stay with a provider: as enrolled, or from the first visit to the last.
given AS (
    SELECT
        client_id, org_id, municipality, min(first) AS first, max(last) AS last,
        CASE WHEN date_diff('day', max(last), seen) > $left_days THEN max(last) + 1
            ELSE DATE '9999-12-31' END AS until -- seen lately: not yet known to have left
    FROM tie JOIN reach USING (municipality) GROUP BY client_id, org_id, municipality, seen
),
stay AS (
    SELECT
        e.client_id, e.org_id, e.municipality, e.valid_from AS since,
        least(coalesce(e.valid_to, DATE '9999-12-31'), coalesce(g.until, DATE '9999-12-31')) AS until,
        e.end_reason,
        [e.client_id, e.org_id, e.service, CAST(e.valid_from AS VARCHAR)] AS key,
        e._file_sha256, e._row
    FROM enrolments AS e
    LEFT JOIN given AS g
        ON g.client_id = e.client_id AND g.org_id = e.org_id AND g.municipality = e.municipality
        AND g.last >= e.valid_from
    UNION ALL
    SELECT g.client_id, g.org_id, g.municipality, g.first, g.until, NULL, NULL, NULL, NULL
    FROM given AS g
    ANTI JOIN enrolments AS e
        ON e.client_id = g.client_id AND e.org_id = g.org_id AND e.municipality = g.municipality
),

-- Households: clients at one address, unless so many that it is a house with many homes.
home AS (
    SELECT substr(source_id, 8) AS client_id, min({'told': origin_table, 'address': target_id}).address AS address
    FROM edges WHERE type = 'RESIDES_AT' AND valid_to IS NULL GROUP BY source_id
),
household AS (
    SELECT client_id, municipality, CASE WHEN count(*) OVER here <= $household_max
        THEN min(client_id) OVER here ELSE client_id END AS unit
    FROM (SELECT DISTINCT client_id, municipality FROM stay) JOIN home USING (client_id)
    WINDOW here AS (PARTITION BY municipality, address)
),
unit_stay AS (
    SELECT coalesce(h.unit, s.client_id) AS unit, s.*
    FROM stay AS s LEFT JOIN household AS h USING (client_id, municipality)
),

-- What moves everyone at a provider, whoever works there.
ending AS (
    SELECT org_id, NULL AS municipality, deregistered_on AS day FROM organisations
    UNION ALL
    SELECT org_id, NULL, status_on FROM organisations
    WHERE status IN ('liquidation', 'bankruptcy', 'deregistered')
    UNION ALL
    SELECT r.org_id, NULL, r.valid_from FROM permits AS r
    ANTI JOIN permits AS g
        ON g.org_id = r.org_id AND g.permit_id <> r.permit_id AND g.status = 'granted'
        AND g.valid_from <= r.valid_from AND (g.valid_to IS NULL OR g.valid_to > r.valid_from)
    WHERE r.status IN ('revoked', 'lapsed')
    UNION ALL
    SELECT org_id, NULL, changed_on FROM organisation_changes WHERE what = 'owner'
    UNION ALL
    SELECT org_id, NULL, valid_from FROM owners WHERE owner_kind IS DISTINCT FROM 'person'
    UNION ALL
    SELECT k.org_id, k.municipality, k.valid_to FROM contracts AS k
    ANTI JOIN contracts AS l
        ON l.org_id = k.org_id AND l.municipality = k.municipality
        AND l.valid_from <= k.valid_to AND coalesce(l.valid_to > k.valid_to, true)
    UNION ALL
    SELECT org_id, municipality, valid_to FROM enrolments WHERE end_reason = 'provider_exit'
    UNION ALL
    SELECT org_id, municipality, max(until) FROM stay JOIN reach USING (municipality)
    GROUP BY org_id, municipality, seen HAVING date_diff('day', max(until), seen) > $exit_days
),

-- A switch: arrived at one provider, served by another until then, and gone from it soon after.
arrival AS (
    SELECT b.* FROM unit_stay AS b
    ANTI JOIN unit_stay AS c
        ON c.client_id = b.client_id AND c.org_id = b.org_id AND c.since < b.since
        AND date_diff('day', c.until, b.since) <= $history_days
),
switch AS (
    SELECT DISTINCT a.unit, a.client_id, a.org_id AS from_id, b.org_id AS to_id, a.municipality, b.since AS day
    FROM arrival AS b
    JOIN unit_stay AS a
        ON a.client_id = b.client_id AND a.org_id <> b.org_id AND a.municipality = b.municipality
        AND a.since < b.since AND date_diff('day', a.until, b.since) <= $history_days
        AND date_diff('day', b.since, a.until) <= $left_days
    ANTI JOIN ending AS x
        ON x.org_id = a.org_id AND coalesce(x.municipality, a.municipality) = a.municipality
        AND abs(date_diff('day', x.day, b.since)) <= $exit_days
    WHERE coalesce(a.end_reason, 'client_choice') NOT IN ('deceased', 'moved', 'provider_exit')
),

followed AS (
    SELECT m.*, s.unit, s.client_id, s.day AS switched, s.from_id = m.from_id AS from_here
    FROM move AS m JOIN switch AS s
        ON s.municipality = m.municipality AND s.to_id = m.to_id
        AND date_diff('day', m.day, s.day) BETWEEN -$before_days AND $follow_days
),

-- Only where enough clients of the old provider arrived is the worker's circle counted out.
promising AS (
    SELECT * FROM move
    SEMI JOIN (
        SELECT move_id FROM followed WHERE from_here
        GROUP BY move_id HAVING count(DISTINCT unit) >= $clients_min
    ) USING (move_id)
),

-- Whom the worker saw in the last quarter at the old provider.
own AS (
    SELECT
        p.move_id, p.from_id, p.to_id, p.municipality, p.last_day, s.client_id, count(*) AS own,
        max(s.visit) AS last_seen
    FROM promising AS p JOIN shift AS s
        ON s.worker_id = p.worker_id AND s.org_id = p.from_id AND s.municipality = p.municipality
    WHERE date_diff('day', s.day, p.last_day) BETWEEN 0 AND $history_days - 1
    GROUP BY ALL
),
-- These clients' visits with the two providers, whoever came.
nearby AS (
    SELECT
        org_id, municipality, client_id, {'start': start, 'visit_id': visit_id} AS visit,
        CAST(start AT TIME ZONE 'Europe/Stockholm' AS DATE) AS day
    FROM visits
    SEMI JOIN (
        SELECT client_id, from_id AS org_id, municipality FROM own
        UNION SELECT client_id, to_id, municipality FROM own
    ) USING (client_id, org_id, municipality)
    WHERE status = 'performed'
),
-- The worker's circle: near by share of the client's visits, or known by their number too.
acquaintance AS (
    SELECT o.move_id, o.client_id, o.municipality, o.own, o.last_seen, o.own >= $near_share * count(*) AS near
    FROM own AS o JOIN nearby AS v
        ON v.client_id = o.client_id AND v.org_id = o.from_id AND v.municipality = o.municipality
    WHERE date_diff('day', v.day, o.last_day) BETWEEN 0 AND $history_days - 1
    GROUP BY o.move_id, o.client_id, o.municipality, o.own, o.last_seen
),
known AS (
    SELECT a.*, coalesce(h.unit, a.client_id) AS unit, f.switched
    FROM acquaintance AS a
    LEFT JOIN household AS h USING (client_id, municipality)
    LEFT JOIN (
        SELECT move_id, client_id, min(switched) AS switched
        FROM followed WHERE from_here GROUP BY move_id, client_id
    ) AS f USING (move_id, client_id)
    WHERE a.near OR a.own >= $near_visits
),
circle AS (
    SELECT 'known' AS circle, * FROM known UNION ALL SELECT 'near', * FROM known WHERE near
),

-- Whom the worker went on seeing at the new provider, and the first visit there.
met AS (
    SELECT p.move_id, s.client_id, min(s.visit) AS first_seen
    FROM promising AS p JOIN shift AS s
        ON s.worker_id = p.worker_id AND s.org_id = p.to_id AND s.municipality = p.municipality
    GROUP BY p.move_id, s.client_id
),

counted AS (
    SELECT c.move_id, c.circle, count(DISTINCT c.unit) AS clients,
        count(DISTINCT CASE WHEN c.switched IS NOT NULL THEN c.unit END) AS moved,
        count(DISTINCT CASE WHEN c.switched IS NOT NULL AND g.client_id IS NOT NULL
            THEN c.unit END) AS met_again,
        count(DISTINCT CASE WHEN c.switched < p.day THEN c.unit END) AS ahead,
        min(c.switched) AS since, max(c.switched) AS until, count(DISTINCT c.switched) AS days
    FROM circle AS c
    JOIN promising AS p USING (move_id)
    LEFT JOIN met AS g USING (move_id, client_id)
    GROUP BY c.move_id, c.circle
),

-- Everyone else with a provider in the municipality, who might have gone there as well.
others AS (
    SELECT p.move_id, count(DISTINCT s.unit) AS others,
        count(DISTINCT f.unit) AS others_moved,
        count(DISTINCT CASE WHEN s.org_id = p.from_id THEN s.unit END) AS left_behind,
        count(DISTINCT CASE WHEN s.org_id = p.from_id THEN f.unit END) AS left_behind_moved
    FROM promising AS p
    JOIN unit_stay AS s
        ON s.municipality = p.municipality AND s.since < p.day
        AND date_diff('day', s.until, p.day) <= $history_days
    ANTI JOIN known AS c ON c.unit = s.unit AND c.move_id = p.move_id
    ANTI JOIN unit_stay AS t
        ON t.unit = s.unit AND t.org_id = p.to_id AND t.municipality = p.municipality
        AND date_diff('day', t.since, p.day) > $before_days
        AND date_diff('day', t.until, p.day) <= $before_days
    LEFT JOIN followed AS f ON f.unit = s.unit AND f.move_id = p.move_id
    GROUP BY p.move_id
),

exodus AS (
    SELECT p.move_id, count(DISTINCT s.unit) AS households,
        count(DISTINCT CASE WHEN x.unit IS NOT NULL THEN s.unit END) AS gone
    FROM promising AS p
    JOIN unit_stay AS s
        ON s.org_id = p.from_id AND s.municipality = p.municipality AND s.since < p.day
        AND date_diff('day', s.until, p.day) <= $history_days
    LEFT JOIN switch AS x
        ON x.unit = s.unit AND x.from_id = p.from_id AND x.municipality = p.municipality
        AND date_diff('day', p.day, x.day) BETWEEN -$before_days AND $follow_days
    GROUP BY p.move_id
),

-- What the registers tell of the old provider, though too far off to explain the moves.
far_ending AS (
    SELECT p.move_id, min(abs(date_diff('day', x.day, p.day))) AS ending_days
    FROM promising AS p JOIN ending AS x
        ON x.org_id = p.from_id AND coalesce(x.municipality, p.municipality) = p.municipality
    GROUP BY p.move_id
),

follower AS (
    SELECT p.*, c.circle, c.client_id, c.switched, c.last_seen
    FROM circle AS c JOIN promising AS p USING (move_id) WHERE c.switched IS NOT NULL
),

-- Evidence of a follower: the worker's last visit before, and both stays: as enrolled, or else the
-- first visit at the new provider. Of the worker: what dates the arrival there.
enrolled AS (
    SELECT f.move_id, f.circle, f.client_id, s.org_id, s.key, s._file_sha256, s._row
    FROM follower AS f JOIN stay AS s
        ON s.client_id = f.client_id AND s.municipality = f.municipality AND s.key IS NOT NULL
    WHERE (s.org_id = f.to_id AND s.since = f.switched)
        OR (s.org_id = f.from_id AND s.since < f.switched
            AND date_diff('day', s.until, f.switched) BETWEEN -$left_days AND $history_days)
),
hired AS (
    SELECT p.move_id, [e.org_id, e.person_id, CAST(e.valid_from AS VARCHAR)] AS key, e._file_sha256, e._row
    FROM promising AS p JOIN employments AS e
        ON e.person_id = p.worker_id AND e.org_id = p.to_id AND e.valid_from = p.day
),
shown_visit AS (
    SELECT move_id, circle, last_seen.visit_id AS visit_id FROM follower
    UNION
    SELECT f.move_id, f.circle, min(v.visit).visit_id
    FROM follower AS f JOIN nearby AS v
        ON v.client_id = f.client_id AND v.org_id = f.to_id AND v.municipality = f.municipality
        AND v.day >= f.switched
    ANTI JOIN enrolled AS e
        ON e.move_id = f.move_id AND e.client_id = f.client_id AND e.org_id = f.to_id
    GROUP BY f.move_id, f.circle, f.client_id
    UNION
    SELECT f.move_id, f.circle, min(m.first_seen).visit_id
    FROM follower AS f JOIN met AS m USING (move_id) ANTI JOIN hired AS h USING (move_id)
    GROUP BY f.move_id, f.circle
),
evidence AS (
    SELECT move_id, circle,
        list({'table': origin, 'key': key, 'file_sha256': _file_sha256, 'row': _row}) AS evidence
    FROM (
        SELECT move_id, circle, 'visits' AS origin, [visit_id] AS key, _file_sha256, _row
        FROM shown_visit JOIN visits USING (visit_id)
        UNION ALL
        SELECT move_id, circle, 'enrolments', key, _file_sha256, _row FROM enrolled
        UNION ALL
        SELECT move_id, circle, 'employments', key, _file_sha256, _row
        FROM counted JOIN hired USING (move_id)
    )
    GROUP BY move_id, circle
),

-- What the new provider has billed for the followers since they came.
billed AS (
    SELECT f.move_id, f.circle,
        CASE WHEN bool_and(i.currency = 'SEK') THEN greatest(0, sum(l.amount)) END AS sek
    FROM follower AS f JOIN invoices AS i ON i.org_id = f.to_id AND i.municipality = f.municipality
    JOIN invoice_lines AS l ON l.invoice_id = i.invoice_id AND l.client_id = f.client_id
    WHERE coalesce(l.day, i.period_from) >= f.switched
    GROUP BY f.move_id, f.circle
)

SELECT
    m.to_id AS provider_id,
    [
        {'role': 'provider', 'kind': 'organisation', 'id': m.to_id},
        {'role': 'other', 'kind': 'organisation', 'id': m.from_id},
        {'role': 'worker', 'kind': 'person', 'id': m.worker_id}
    ] AS subjects,
    c.since, c.until, c.moved AS events, c.days,
    CASE WHEN b.sek IS NOT NULL THEN 0 END AS exposure_lower,
    b.sek AS exposure_upper,
    e.evidence,
    m.municipality, m.move_id, c.circle, c.clients, c.met_again, c.ahead,
    o.others, o.others_moved, o.left_behind, o.left_behind_moved, x.households, x.gone, n.ending_days
FROM move AS m
LEFT JOIN counted AS c USING (move_id)
LEFT JOIN others AS o USING (move_id)
LEFT JOIN exodus AS x USING (move_id)
LEFT JOIN far_ending AS n USING (move_id)
LEFT JOIN evidence AS e ON e.move_id = c.move_id AND e.circle = c.circle
LEFT JOIN billed AS b ON b.move_id = c.move_id AND b.circle = c.circle

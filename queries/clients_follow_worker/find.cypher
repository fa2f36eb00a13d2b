// One row: a worker who moved from one provider to another in a municipality, with counts of clients who followed.
// Clients may follow whom they trust; many at once, against everyone else's habit, were led.
// :params {run: 1, history_days: 90, before_days: 30, follow_days: 90, left_days: 30, near_share: 0.2, near_visits: 10, household_max: 4, exit_days: 60, clients_min: 3}

// How far each municipality's visits reach: another's later delivery ends nothing here.
CALL () {
    MATCH ()-[v:VISITED]->() WHERE v.since <= $run < v.until
    WITH v.municipality AS municipality, max(v.last) AS seen
    RETURN collect({municipality: municipality, seen: seen}) AS reach
}

// Who left one provider for another: no shift at the old one from a month after the new start,
// for a quarter. Days are counted from that start.
CALL (reach) {
    MATCH (w:GraphService:Worker) WHERE w.since <= $run < w.until
    CALL (w) {
        MATCH (w)-[v:VISITED]->() WHERE v.since <= $run < v.until
        WITH v.provider_id AS org_id, v.municipality AS municipality,
            min(v.first) AS first, max(v.last) AS last
        RETURN collect({org_id: org_id, municipality: municipality, first: first, last: last}) AS work
    }
    // A worker begins at the first visit, or at an employment that started shortly before it.
    CALL (w, work) {
        UNWIND work AS shift
        OPTIONAL MATCH (w)-[e:EMPLOYED_BY]->(o:Organisation)
        WHERE e.since <= $run < e.until AND o.key = shift.org_id
            AND 0 <= duration.inDays(e.valid_from, shift.first).days <= $history_days
        WITH shift, max(e.valid_from) AS hired
        RETURN shift.org_id AS to_id, shift.municipality AS known_in, coalesce(hired, shift.first) AS day
        UNION ALL
        MATCH (w)-[e:EMPLOYED_BY]->(o:Organisation)
        WHERE e.since <= $run < e.until AND none(shift IN work WHERE shift.org_id = o.key)
        RETURN o.key AS to_id, null AS known_in, min(e.valid_from) AS day
    }
    UNWIND work AS old
    WITH reach, w, to_id, known_in, day, old
    WHERE old.org_id <> to_id AND coalesce(known_in, old.municipality) = old.municipality
        AND old.first < day AND duration.inDays(old.last, day).days <= $history_days
    CALL (w, old, day) {
        MATCH (w)-[v:VISITED]->(c)
        WHERE v.since <= $run < v.until
            AND v.provider_id = old.org_id AND v.municipality = old.municipality
        UNWIND v.days AS ahead
        WITH c, duration.inDays(day, v.first).days + ahead AS at
        RETURN max(at) AS last, max(CASE WHEN at <= $left_days THEN at END) AS last_before,
            count(CASE WHEN $left_days < at <= $left_days + $follow_days THEN 1 END) AS later,
            count(DISTINCT CASE WHEN -$history_days <= at < 0 THEN c END) AS clients
    }
    WITH w, to_id, day, old, last, last_before, later, clients,
        [r IN reach WHERE r.municipality = old.municipality | r.seen][0] AS seen
    WHERE later = 0 AND clients >= $clients_min
        AND (last < 0 OR duration.inDays(day, seen).days - last > $left_days)
    RETURN collect({
        worker: w, from_id: old.org_id, to_id: to_id, municipality: old.municipality,
        day: day, last_day: day + duration({days: last_before})
    }) AS moves
}

// A client's stay with a provider: as enrolled, or from the first visit to the last.
CALL (reach) {
    MATCH (c:GraphService:Client) WHERE c.since <= $run < c.until
    CALL (c, reach) {
        MATCH (c)<-[v:VISITED]-() WHERE v.since <= $run < v.until
        WITH v.provider_id AS org_id, v.municipality AS municipality,
            min(v.first) AS first, max(v.last) AS last
        WITH *, [r IN reach WHERE r.municipality = municipality | r.seen][0] AS seen
        WITH *, CASE WHEN duration.inDays(last, seen).days > $left_days
            THEN last + duration({days: 1})
            ELSE date('9999-12-31') END AS until // seen lately: not yet known to have left
        RETURN collect({
            org_id: org_id, municipality: municipality, first: first, last: last, until: until
        }) AS given
    }
    CALL (c, given) {
        MATCH (c)-[e:ENROLLED_WITH]->(o:Organisation) WHERE e.since <= $run < e.until
        WITH c, e, o, [g IN given WHERE g.org_id = o.key AND g.municipality = e.municipality
            AND g.last >= e.valid_from][0] AS g
        WITH c, e, o, CASE WHEN e.valid_to < g.until THEN e.valid_to
            ELSE coalesce(g.until, e.valid_to, date('9999-12-31')) END AS until
        RETURN {
            client: c, org_id: o.key, municipality: e.municipality, since: e.valid_from, until: until,
            end_reason: e.end_reason, ended_on: e.valid_to,
            key: [c.key, o.key, e.service, toString(e.valid_from)]
        } AS stay
        UNION ALL
        UNWIND given AS g
        WITH c, g
        WHERE NOT EXISTS {
            MATCH (c)-[e:ENROLLED_WITH]->(o:Organisation)
            WHERE e.since <= $run < e.until AND o.key = g.org_id AND e.municipality = g.municipality
        }
        RETURN {
            client: c, org_id: g.org_id, municipality: g.municipality, since: g.first, until: g.until
        } AS stay
    }
    // Households: clients at one address, unless so many that it is a house with many homes.
    OPTIONAL CALL (c) {
        MATCH (c)-[r:RESIDES_AT]->(a:Address)
        WHERE r.since <= $run < r.until AND r.valid_to IS NULL
        RETURN a.node_id AS home ORDER BY r.origin_table, home LIMIT 1
    }
    WITH stay.municipality AS municipality, home, collect(stay) AS here, count(DISTINCT c) AS people
    UNWIND here AS stay
    WITH stay, CASE WHEN people <= $household_max THEN home END AS household
    RETURN collect(stay {.*, unit: coalesce(household, stay.client.node_id)}) AS stays
}

// What moves everyone at a provider, whoever works there.
CALL (reach, stays) {
    UNWIND stays AS stay
    WITH DISTINCT stay.org_id AS org_id
    MATCH (o:GraphService {node_id: 'organisation:' + org_id}) WHERE o.since <= $run < o.until
    CALL (o) {
        RETURN null AS municipality, o.deregistered_on AS day
        UNION ALL
        WITH o WHERE o.status IN ['liquidation', 'bankruptcy', 'deregistered']
        RETURN null AS municipality, o.status_on AS day
        UNION ALL
        MATCH (o)-[r:HOLDS_PERMIT]->(p:Permit)
        WHERE r.since <= $run < r.until AND r.role IN ['revoked', 'lapsed'] AND NOT EXISTS {
            MATCH (o)-[g:HOLDS_PERMIT]->(other:Permit)
            WHERE g.since <= $run < g.until AND other.key <> p.key AND g.role = 'granted'
                AND g.valid_from <= r.valid_from AND (g.valid_to IS NULL OR g.valid_to > r.valid_from)
        }
        RETURN null AS municipality, r.valid_from AS day
        UNION ALL
        MATCH (o)-[r:CHANGED]->(change:Change {what: 'owner'}) WHERE r.since <= $run < r.until
        RETURN null AS municipality, change.changed_on AS day
        UNION ALL
        MATCH (o)<-[r:OWNS]-()
        WHERE r.since <= $run < r.until
            AND r.origin_table = 'owners' AND coalesce(r.owner_kind, 'unknown') <> 'person'
        RETURN null AS municipality, r.valid_from AS day
        UNION ALL
        MATCH (o)-[k:CONTRACTED_BY]->(m:Municipality)
        WHERE k.since <= $run < k.until AND NOT EXISTS {
            MATCH (o)-[l:CONTRACTED_BY]->(m)
            WHERE l.since <= $run < l.until
                AND l.valid_from <= k.valid_to AND (l.valid_to IS NULL OR l.valid_to > k.valid_to)
        }
        RETURN m.key AS municipality, k.valid_to AS day
    }
    RETURN collect({org_id: org_id, municipality: municipality, day: day}) AS told
}
CALL (reach, stays) {
    UNWIND stays AS stay
    WITH stay.org_id AS org_id, stay.municipality AS municipality, max(stay.until) AS day
    UNWIND reach AS r
    WITH org_id, municipality, day, r
    WHERE r.municipality = municipality AND duration.inDays(day, r.seen).days > $exit_days
    RETURN collect({org_id: org_id, municipality: municipality, day: day}) AS emptied
}
WITH moves, stays, [e IN told + emptied WHERE e.day IS NOT NULL] + [
    s IN stays WHERE s.end_reason = 'provider_exit' AND s.ended_on IS NOT NULL
    | {org_id: s.org_id, municipality: s.municipality, day: s.ended_on}
] AS endings

// A switch: arrived at one provider, served by another until then, and gone from it soon after.
CALL (stays, endings) {
    UNWIND stays AS stay
    WITH stay.client AS client, collect(stay) AS own
    UNWIND own AS b
    UNWIND own AS a
    WITH client, own, a, b
    WHERE a.org_id <> b.org_id AND a.municipality = b.municipality AND a.since < b.since
        AND -$left_days <= duration.inDays(a.until, b.since).days <= $history_days
        AND NOT coalesce(a.end_reason, 'client_choice') IN ['deceased', 'moved', 'provider_exit']
        AND none(c IN own WHERE c.org_id = b.org_id AND c.since < b.since
            AND duration.inDays(c.until, b.since).days <= $history_days)
        AND none(e IN endings WHERE e.org_id = a.org_id
            AND coalesce(e.municipality, a.municipality) = a.municipality
            AND abs(duration.inDays(e.day, b.since).days) <= $exit_days)
    RETURN collect(DISTINCT {
        client: client, unit: a.unit, from_id: a.org_id, to_id: b.org_id,
        municipality: a.municipality, day: b.since
    }) AS switches
}

UNWIND moves AS move
OPTIONAL CALL (move, stays, endings, switches) {
    WITH move.worker AS w,
        [s IN stays WHERE s.municipality = move.municipality] AS here,
        [s IN switches WHERE s.municipality = move.municipality
            AND -$before_days <= duration.inDays(move.day, s.day).days <= $follow_days] AS moving
    WITH w, here, moving, [s IN moving WHERE s.to_id = move.to_id] AS came,
        [s IN moving WHERE s.to_id = move.to_id AND s.from_id = move.from_id] AS followed

    // Only where enough clients of the old provider arrived is the worker's circle counted out.
    WHERE COUNT { UNWIND followed AS f RETURN DISTINCT f.unit } >= $clients_min

    // The worker's circle in the last quarter at the old provider: near by share of the client's
    // visits, whoever came, or known by their number too.
    CALL (move, w, here, followed) {
        MATCH (w)-[v:VISITED]->(c)
        WHERE v.since <= $run < v.until
            AND v.provider_id = move.from_id AND v.municipality = move.municipality
        WITH move, w, c, v.days AS days, duration.inDays(v.first, move.last_day).days AS ago
        WITH move, w, c, size([n IN days WHERE 0 <= ago - n <= $history_days - 1]) AS own
        WHERE own > 0
        MATCH (c)<-[v:VISITED]-()
        WHERE v.since <= $run < v.until
            AND v.provider_id = move.from_id AND v.municipality = move.municipality
        WITH move, w, c, own, v.days AS days, duration.inDays(v.first, move.last_day).days AS ago
        WITH w, c, own, sum(size([n IN days WHERE 0 <= ago - n <= $history_days - 1])) AS had
        WITH w, c, own, own >= $near_share * had AS near
        WHERE near OR own >= $near_visits
        WITH c, near, COLLECT {
            UNWIND followed AS f WITH f WHERE f.client = c
            RETURN f.day AS day ORDER BY day LIMIT 1
        }[0] AS switched, EXISTS {
            MATCH (w)-[v:VISITED]->(c)
            WHERE v.since <= $run < v.until
                AND v.provider_id = move.to_id AND v.municipality = move.municipality
        } AS met // whom the worker went on seeing at the new provider
        RETURN collect({
            client: c, unit: [s IN here WHERE s.client = c | s.unit][0],
            near: near, switched: switched, met: met
        }) AS known
    }

    // Everyone else with a provider in the municipality, who might have gone there as well.
    CALL (move, here, came, known) {
        WITH [k IN known | k.unit] AS known_units, [s IN came | s.unit] AS came_units,
            [s IN here WHERE s.org_id = move.to_id
                AND duration.inDays(s.since, move.day).days > $before_days
                AND duration.inDays(s.until, move.day).days <= $before_days | s.unit] AS there
        UNWIND here AS s
        WITH s, s.unit IN came_units AS moved, s.org_id = move.from_id AS behind
        WHERE s.since < move.day AND duration.inDays(s.until, move.day).days <= $history_days
            AND NOT s.unit IN known_units AND NOT s.unit IN there
        RETURN count(DISTINCT s.unit) AS others,
            count(DISTINCT CASE WHEN moved THEN s.unit END) AS others_moved,
            count(DISTINCT CASE WHEN behind THEN s.unit END) AS left_behind,
            count(DISTINCT CASE WHEN behind AND moved THEN s.unit END) AS left_behind_moved
    }
    CALL (move, here, moving) {
        WITH [s IN moving WHERE s.from_id = move.from_id | s.unit] AS gone_units
        UNWIND here AS s
        WITH s, s.unit IN gone_units AS left
        WHERE s.org_id = move.from_id AND s.since < move.day
            AND duration.inDays(s.until, move.day).days <= $history_days
        RETURN count(DISTINCT s.unit) AS households,
            count(DISTINCT CASE WHEN left THEN s.unit END) AS gone
    }

    // What the registers tell of the old provider, though too far off to explain the moves.
    CALL (move, endings) {
        UNWIND endings AS e
        WITH e
        WHERE e.org_id = move.from_id
            AND coalesce(e.municipality, move.municipality) = move.municipality
        RETURN min(abs(duration.inDays(e.day, move.day).days)) AS ending_days
    }

    UNWIND [
        {circle: 'known', clients: known},
        {circle: 'near', clients: [k IN known WHERE k.near]}
    ] AS looked_at
    CALL (move, looked_at) {
        UNWIND looked_at.clients AS k
        RETURN count(DISTINCT k.unit) AS clients,
            count(DISTINCT CASE WHEN k.switched IS NOT NULL THEN k.unit END) AS moved,
            count(DISTINCT CASE WHEN k.switched IS NOT NULL AND k.met THEN k.unit END) AS met_again,
            count(DISTINCT CASE WHEN k.switched < move.day THEN k.unit END) AS ahead,
            min(k.switched) AS since, max(k.switched) AS until, count(DISTINCT k.switched) AS days,
            collect(CASE WHEN k.switched IS NOT NULL THEN k END) AS followers
    }
    WITH * WHERE clients > 0

    // Evidence of a follower: the worker's last visit before, and both stays: as enrolled, or else
    // the first visit at the new provider. Of the worker: what dates the arrival there.
    CALL (move, w, here, followers) {
        UNWIND followers AS f
        CALL (move, w, here, f) {
            WITH f.client AS c, [s IN here WHERE s.client = f.client AND s.key IS NOT NULL AND (
                s.org_id = move.to_id AND s.since = f.switched
                OR s.org_id = move.from_id AND s.since < f.switched
                    AND -$left_days <= duration.inDays(s.until, f.switched).days <= $history_days
            )] AS enrolled
            WITH c, enrolled, EXISTS {
                MATCH (c)<-[v:VISITED]-()
                WHERE v.since <= $run < v.until AND v.provider_id = move.to_id
                    AND v.municipality = move.municipality AND v.last >= f.switched
            } AND none(s IN enrolled WHERE s.org_id = move.to_id) AS seen_there
            RETURN [s IN enrolled | {table: 'enrolments', key: s.key}] + [{
                table: 'visits', take: 'last', until: move.last_day, of: {
                    org_id: move.from_id, municipality: move.municipality,
                    worker_id: w.key, client_id: c.key
                }
            }] + CASE WHEN seen_there THEN [{
                table: 'visits', take: 'first', since: f.switched, of: {
                    org_id: move.to_id, municipality: move.municipality, client_id: c.key
                }
            }] ELSE [] END AS cited
        }
        UNWIND cited AS each
        RETURN collect(each) AS cited
    }
    CALL (move, w) {
        OPTIONAL MATCH (w)-[e:EMPLOYED_BY]->(o:Organisation)
        WHERE e.since <= $run < e.until AND o.key = move.to_id AND e.valid_from = move.day
        RETURN CASE WHEN e IS NULL
            THEN {
                table: 'visits', take: 'first',
                of: {org_id: move.to_id, municipality: move.municipality, worker_id: w.key}
            }
            ELSE {table: 'employments', key: [o.key, w.key, toString(e.valid_from)]}
        END AS arrival
    }

    // What the new provider has billed for the followers since they came, in ten-thousandths.
    CALL (move, followers) {
        UNWIND followers AS f
        WITH move, f.client AS c, f.switched AS switched
        MATCH (c)<-[b:BILLED_FOR]-(i:Invoice)<-[x:INVOICED]-(o:Organisation)
        WHERE b.since <= $run < b.until AND x.since <= $run < x.until
            AND o.key = move.to_id AND x.municipality = move.municipality
        UNWIND range(0, size(b.days) - 1) AS n
        WITH b, n WHERE b.first + duration({days: b.days[n]}) >= switched
        RETURN sum(toInteger(round(b.amounts[n] * 10000))) AS billed, count(*) AS bills,
            count(CASE WHEN b.currency <> 'SEK' THEN 1 END) AS foreign
    }
    RETURN looked_at.circle AS circle, clients, moved, met_again, ahead, since, until, days,
        others, others_moved, left_behind, left_behind_moved, households, gone, ending_days,
        cited + arrival AS evidence,
        CASE WHEN bills > 0 AND foreign = 0
            THEN CASE WHEN billed > 0 THEN billed / 10000.0 ELSE 0.0 END END AS sek
}
RETURN
    move.to_id AS provider_id,
    [
        {role: 'provider', kind: 'organisation', id: move.to_id},
        {role: 'other', kind: 'organisation', id: move.from_id},
        {role: 'worker', kind: 'person', id: move.worker.key}
    ] AS subjects,
    since, until, moved AS events, days,
    CASE WHEN sek IS NOT NULL THEN 0 END AS exposure_lower, sek AS exposure_upper, evidence,
    move.municipality AS municipality,
    move.worker.key + '|' + move.from_id + '|' + move.to_id + '|' + move.municipality AS move_id,
    circle, clients, met_again, ahead,
    others, others_moved, left_behind, left_behind_moved, households, gone, ending_days

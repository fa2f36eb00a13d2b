// One row: a provider that began about when another ended, with what it has from it and what may explain that.
// Firms change numbers, people do not: who lost a contract or a permit may come back under another.
// :params {run: 1, as_of: date('2025-12-31'), carry_days: 548, prepared_days: 180, stop_days: 60, gap_days: 14, staff_days: 180, owner_share: 0.25, common_max: 3, boards_max: 8, public_mail: '^(gmail|googlemail|hotmail|outlook|live|msn|yahoo|icloud|me|mac|aol|protonmail|proton|gmx|telia|tele2|comhem|bredband2?|bredband|spray|home|swipnet|passagen|algonet|mail|zoho|hushmail|fastmail|yandex|bahnhof|glocalnet|tutanota|pm)[.](com|se|net|org|nu|me|eu|de|ru|ch|co[.]uk)$'}

// Where each provider worked and when: best by visits (1), else by what was enrolled or placed (2), billed (3)
// or agreed (4); a permit (5) places only who is known by nothing else, in no municipality.
MATCH (o:Organisation)-[r:CARED_FOR_BY|ENROLLED_WITH|PLACED_WITH|INVOICED|CONTRACTED_BY|HOLDS_PERMIT]-(x)
WHERE o.since <= $run < o.until AND r.since <= $run < r.until
WITH o,
  CASE type(r) WHEN 'CONTRACTED_BY' THEN x.key ELSE coalesce(r.municipality, '') END AS municipality,
  CASE type(r)
    WHEN 'CARED_FOR_BY' THEN 1 WHEN 'INVOICED' THEN 3 WHEN 'CONTRACTED_BY' THEN 4 WHEN 'HOLDS_PERMIT' THEN 5 ELSE 2
  END AS kind,
  CASE type(r) WHEN 'INVOICED' THEN x.period_from ELSE coalesce(r.first, r.valid_from) END AS first,
  CASE type(r)
    WHEN 'INVOICED' THEN x.period_to ELSE coalesce(r.last, r.valid_to - duration({days: 1}), $as_of)
  END AS last
WITH o, municipality, kind, min(first) AS first, max(last) AS last
WITH o, min(kind) AS best, collect({municipality: municipality, kind: kind, first: first, last: last}) AS told
UNWIND [a IN told WHERE a.kind < 5 OR best = 5] AS a
WITH a.municipality AS municipality, collect({o: o, a: a}) AS told,
  min(CASE a.kind WHEN 1 THEN a.first END) AS opened,
  coalesce(max(CASE a.kind WHEN 1 THEN a.last END), $as_of) AS seen
UNWIND told AS each
WITH municipality, opened, seen, each.o AS o, each.a AS a
WITH municipality, opened, seen, o, min(a.kind) AS kind,
  coalesce(
    min(CASE WHEN a.kind < 3 THEN a.first END), min(CASE WHEN a.kind = 3 THEN a.first END), min(a.first)
  ) AS first,
  coalesce(
    max(CASE WHEN a.kind = 1 THEN a.last END), max(CASE WHEN a.kind < 4 THEN a.last END), max(a.last)
  ) AS last,
  min(CASE WHEN a.kind = 4 THEN a.first END) AS contracted,
  duration.inDays(opened, min(CASE WHEN a.kind < 3 THEN a.first END)).days AS after_opening,
  coalesce(duration.inDays(min(a.first), opened).days > $gap_days, false) AS known_before
// First seen about when all visits begin, as most are: when it really began is not known.
WITH municipality, seen, 2 * count(CASE WHEN known_before THEN 1 END) < count(*) AS few_known_before,
  collect({o: o, kind: kind, first: first, last: last, contracted: contracted, after_opening: after_opening}) AS here
UNWIND here AS place
WITH place.o AS o, municipality, seen, place,
  few_known_before AND -$gap_days <= place.after_opening <= $stop_days AS unseen_start

// Each row that tells of an end, for cause or not.
CALL (o, municipality, seen, place) {
  CALL (o, municipality, seen, place) {
    MATCH (o)-[k:CONTRACTED_BY]->(m {key: municipality})
    WHERE k.since <= $run < k.until AND k.valid_to IS NOT NULL
    WITH k, coalesce(k.end_reason IN ['terminated', 'revoked', 'bankruptcy'], false) AS cause,
      duration.inDays(k.valid_to, place.last).days AS went_on, // a contract ends when none goes on
      NOT EXISTS {
        MATCH (o)-[c:CONTRACTED_BY]->(m)
        WHERE c.since <= $run < c.until
          AND (c.valid_to IS NULL OR duration.inDays(k.valid_to, c.valid_to).days > $stop_days)
      } AS is_last
    WHERE CASE
      WHEN cause THEN is_last
        OR went_on <= $stop_days AND duration.inDays(place.last, seen).days >= $stop_days
      ELSE is_last AND went_on <= $gap_days AND duration.inDays(k.valid_to, seen).days >= $gap_days
    END
    RETURN k.valid_to AS day, coalesce(k.end_reason, 'ended') AS how, cause,
      {table: 'contracts', key: [k.reference]} AS cite
    UNION ALL // A revocation is in force, appealed or not, unless a court has inhibited it.
    MATCH (o)-[p:HOLDS_PERMIT]->(t)
    WHERE p.since <= $run < p.until AND p.role IN ['revoked', 'appealed'] AND NOT EXISTS {
      MATCH (o)-[g:HOLDS_PERMIT {role: 'granted'}]->(u)
      WHERE g.since <= $run < g.until AND coalesce(g.service, '') = coalesce(p.service, '')
        AND (g.valid_to IS NULL OR g.valid_to > p.valid_from) AND (u <> t OR g.valid_from > p.valid_from)
    }
    OPTIONAL MATCH (t)<-[i:HOLDS_PERMIT {role: 'inhibited'}]-()
    WHERE i.since <= $run < i.until AND i.valid_from >= p.valid_from
    WITH t, p, i WHERE i IS NULL OR i.valid_to IS NOT NULL
    RETURN CASE WHEN i.valid_to > p.valid_from THEN i.valid_to ELSE p.valid_from END AS day, 'revoked' AS how,
      true AS cause, {table: 'permits', key: [t.key, p.role, toString(p.valid_from)]} AS cite
    UNION ALL
    WITH o, duration.inDays(place.last, seen).days >= $gap_days AS left
    WHERE o.status = 'bankruptcy'
      OR left AND (o.status IN ['liquidation', 'deregistered'] OR o.deregistered_on IS NOT NULL)
    RETURN coalesce(o.status_on, o.deregistered_on, place.last) AS day,
      CASE o.status WHEN 'bankruptcy' THEN 'bankruptcy' ELSE 'closed' END AS how,
      coalesce(o.status = 'bankruptcy', false) AS cause, {table: 'organisations', key: [o.key]} AS cite
    UNION ALL
    MATCH (o)-[r:CHANGED]->(c {what: 'status'})
    WHERE r.since <= $run < r.until AND toLower(c.after) =~ '(?s).*(bankrupt|konkurs).*'
    RETURN c.changed_on AS day, 'bankruptcy' AS how, true AS cause,
      {table: 'organisation_changes', key: [c.key]} AS cite
    UNION ALL
    WITH o WHERE duration.inDays(place.last, seen).days >= $stop_days
    RETURN place.last AS day, 'stopped' AS how, false AS cause, CASE place.kind WHEN 1 THEN
      {table: 'visits', of: {org_id: o.key, municipality: municipality}, take: 'last'} END AS cite
  }
  // The first sign of an end dates it; a cause outweighs the rest, unless the contract had run out before.
  WITH collect({day: day, how: how, cause: cause, cite: cite}) AS marks,
    min(day) AS ended_on, min(CASE how WHEN 'expired' THEN day END) AS ran_out
  UNWIND marks AS mark
  WITH mark, ended_on ORDER BY
    NOT (mark.cause AND duration.inDays(ended_on, mark.day).days <= $carry_days
      AND (mark.cite.table = 'contracts' OR ran_out IS NULL OR mark.day < ran_out)),
    mark.how = 'stopped', mark.how = 'closed', mark.how = 'ended', mark.day, mark.how, mark.cite.key
  RETURN head(collect(mark {.*, ended_on: ended_on})) AS end
}
WITH o, collect(place {.*, municipality: municipality, end: end}) AS places,
  min(place.first) AS started, max(place.last) AS last, min(place.contracted) AS contracted,
  min(place.kind) AS kind, count(CASE WHEN unseen_start THEN 1 END) > 0 AS unseen_start,
  o.key =~ '2(12|22|32)[0-9]{7}' OR coalesce(toLower(o.legal_form) =~ '(?s)(kommun|region).*', false)
    OR EXISTS { MATCH (o)-[g:GOVERNS]->() WHERE g.since <= $run < g.until } AS municipal
WITH collect({
  o: o, places: places, started: started, last: last, contracted: contracted, kind: kind,
  unseen_start: unseen_start, municipal: municipal
}) AS firms
// An e-mail domain of many firms is a chain's or a mail service's.
CALL () {
  MATCH (f:Organisation)-[r:REACHED_AT]->(x:Email)
  WHERE f.since <= $run < f.until AND r.since <= $run < r.until
  WITH split(x.key, '@')[1] AS domain, count(DISTINCT f) AS many WHERE many > $common_max
  RETURN collect(domain) AS common_domains
}

// The pairs: the old one may not go on where the new one works.
UNWIND [f IN firms WHERE NOT f.municipal AND any(p IN f.places WHERE p.end IS NOT NULL)] AS old
UNWIND [f IN firms WHERE NOT f.municipal AND f.kind < 5 AND f.started > old.started] AS new
WITH firms, common_domains, old, new, [p IN new.places | p.municipality] AS there
WHERE new.o <> old.o AND none(p IN old.places WHERE p.end IS NULL AND p.municipality IN there)
CALL (old, new, there) {
  UNWIND old.places AS place
  WITH place, place.end AS end, duration.inDays(place.end.ended_on, new.started).days AS gap
  WHERE new.last > end.ended_on AND -$prepared_days <= gap <= $carry_days AND (
    NOT new.unseen_start OR duration.inDays(new.o.registered_on, end.ended_on).days <= $carry_days
  )
  RETURN place.municipality AS municipality, end, end.ended_on AS ended_on
  ORDER BY NOT municipality IN there, NOT end.cause, ended_on, municipality LIMIT 1
}
WITH firms, common_domains, old, new, municipality, end, ended_on,
  CASE WHEN new.started > ended_on THEN new.started ELSE ended_on END AS latest

// Staff and clients of the two, each spell with the row that tells it; in order of how well it does.
CALL (old, new, municipality, ended_on, latest) {
  UNWIND [old.o, new.o] AS o
  MATCH (o)<-[r:WORKED_FOR|EMPLOYED_BY|CARED_FOR_BY|ENROLLED_WITH|PLACED_WITH]-(p)
  WHERE r.since <= $run < r.until
  WITH o, r, p, o = new.o AS is_new, coalesce(r.first, r.valid_from) AS first,
    coalesce(r.last, r.valid_to - duration({days: 1}), $as_of) AS last,
    CASE WHEN type(r) IN ['WORKED_FOR', 'EMPLOYED_BY'] THEN 'workers' ELSE 'clients' END AS sign
  WHERE CASE WHEN is_new
    THEN duration.inDays(first, ended_on).days <= $staff_days AND duration.inDays(latest, first).days <= $staff_days
    ELSE first <= latest AND duration.inDays(last, ended_on).days <= $staff_days
      AND coalesce(r.municipality, municipality) = municipality
  END
  CALL (p) { // one person under two numbers, as identity resolution has linked them
    MATCH (p)-[links:SAME_AS*0..2]-(q) WHERE all(s IN links WHERE s.since <= $run < s.until)
    RETURN min(q.node_id) AS who
  }
  WITH *, r.origin_table = 'visits' AS by_visits, coalesce(r.end_reason IN ['deceased', 'moved'], false) AS gone,
    CASE type(r)
      WHEN 'EMPLOYED_BY' THEN {table: 'employments', key: [o.key, p.key, toString(r.valid_from)]}
      WHEN 'ENROLLED_WITH' THEN {table: 'enrolments', key: [p.key, o.key, r.service, toString(r.valid_from)]}
      WHEN 'PLACED_WITH' THEN {table: 'placements', key: [r.reference]}
      ELSE {table: 'visits', take: CASE WHEN is_new THEN 'first' ELSE 'last' END, of: {
        org_id: o.key, municipality: r.municipality,
        worker_id: CASE sign WHEN 'workers' THEN p.key END, client_id: CASE sign WHEN 'clients' THEN p.key END
      }}
    END AS cite
  ORDER BY by_visits, CASE WHEN is_new THEN first END, last DESC, cite.key, r.municipality, p.key
  RETURN collect({
    sign: sign, who: who, p: p, is_new: is_new, first: first, by_visits: by_visits, gone: gone,
    cite: cite {.*, sign: sign}
  }) AS spells
}
// Staff are those who made visits; the employments count where there are none.
CALL (spells) {
  UNWIND spells AS s
  WITH s.sign AS sign, s.who AS who, collect(CASE WHEN NOT s.is_new THEN s END) AS before,
    collect(CASE WHEN s.is_new THEN s END) AS after, min(CASE WHEN s.is_new THEN s.first END) AS day
  WHERE size(before) > 0 AND none(s IN before WHERE s.gone)
  WITH collect({
    sign: sign, day: day, came: size(after) > 0, by_visits: any(s IN before WHERE s.by_visits),
    rows: [head(before).cite, head(after).cite]
  }) AS all_of_them
  WITH all_of_them, any(m IN all_of_them WHERE m.sign = 'workers' AND m.by_visits) AS registered
  RETURN [m IN all_of_them WHERE m.sign = 'clients' OR m.by_visits OR NOT registered] AS people
}

// Where those who had to leave could go, and where others went who chose just then.
CALL (firms, old, new, municipality, ended_on, latest, spells) {
  UNWIND firms AS f
  WITH f.o AS o, [p IN f.places WHERE p.municipality = municipality][0] AS place
  WHERE o <> old.o AND place IS NOT NULL
  WITH o, place.kind < 4 AND place.last > ended_on
    AND duration.inDays(latest, place.first).days <= $staff_days AS open
  OPTIONAL MATCH (o)<-[r:CARED_FOR_BY|ENROLLED_WITH {municipality: municipality}]-(c)
  WHERE r.since <= $run < r.until
  WITH o, open, c, min(coalesce(r.first, r.valid_from)) AS first
  WITH o, open, 0 <= duration.inDays(latest, first).days <= $staff_days
    AND NOT c IN [s IN spells WHERE NOT s.is_new | s.p] AS chose
  RETURN count(DISTINCT CASE WHEN open THEN o END) AS alternatives, count(CASE WHEN chose THEN 1 END) AS newcomers,
    count(CASE WHEN chose AND o = new.o THEN 1 END) AS newcomers_here
}

// What each of the two has: people, contacts, accounts, and what its register tells. What many have is a
// switchboard, an office hotel, a mail service, a factor's account, a board member by trade.
CALL (old, new, common_domains) {
  UNWIND [old.o, new.o] AS o
  CALL (o, common_domains) {
    CALL (o) {
      MATCH (o)<-[r:OFFICER_OF]-(p)
      WHERE r.since <= $run < r.until AND NOT r.role IN ['auditor', 'liquidator'] // these serve many
      RETURN 'officers' AS sign, p, r.valid_from AS valid_from, r.valid_to AS valid_to,
        {table: 'officers', key: [o.key, p.key, r.role, toString(r.valid_from)]} AS cite
      UNION ALL // also through one firm between, with both rows
      MATCH (o)<-[stakes:OWNS*1..2]-(p)
      WHERE all(s IN stakes WHERE s.since <= $run < s.until
          AND (s.role IS NULL OR s.origin_table = 'organisations') // a sole trader by the register
          AND (coalesce(s.share, 1) >= $owner_share OR s.interest IN ['beneficial', 'control']))
        AND (size(stakes) = 1 OR p.key <> o.key)
      WITH p, stakes, head(stakes) AS a, last(stakes) AS b
      UNWIND stakes AS s
      RETURN 'owners' AS sign, p,
        CASE WHEN a.valid_from > b.valid_from THEN a.valid_from ELSE coalesce(b.valid_from, a.valid_from) END
          AS valid_from,
        CASE WHEN a.valid_to < b.valid_to THEN a.valid_to ELSE coalesce(b.valid_to, a.valid_to) END AS valid_to,
        CASE s.role
          WHEN 'sole_trader' THEN {table: 'organisations', key: [endNode(s).key]}
          ELSE {table: 'owners', key: [endNode(s).key, startNode(s).key, s.interest, toString(s.valid_from)]}
        END AS cite
    }
    WITH sign, p, valid_from, valid_to, cite WHERE NOT p:Person OR COUNT {
      MATCH (p)-[r:OFFICER_OF]->(b)
      WHERE r.since <= $run < r.until AND NOT r.role IN ['auditor', 'liquidator']
      RETURN b
      UNION
      MATCH (p)-[stakes:OWNS*1..2]->(b)
      WHERE all(s IN stakes WHERE s.since <= $run < s.until
          AND (s.role IS NULL OR s.origin_table = 'organisations') // a sole trader by the register
          AND (coalesce(s.share, 1) >= $owner_share OR s.interest IN ['beneficial', 'control']))
        AND (size(stakes) = 1 OR p.key <> b.key)
      RETURN b
    } <= $boards_max
    CALL (p) {
      MATCH (p)-[links:SAME_AS*0..2]-(q) WHERE all(s IN links WHERE s.since <= $run < s.until)
      RETURN min(q.node_id) AS value
    }
    RETURN sign, p.kind AS kind, value, p.key AS id, valid_from, valid_to, cite
    UNION ALL
    MATCH (o)-[r:REACHED_AT|REGISTERED_AT]->(x)
    WHERE r.since <= $run < r.until AND COUNT {
      MATCH (x)<-[s:REACHED_AT|REGISTERED_AT]-(f:Organisation) WHERE s.since <= $run < s.until RETURN DISTINCT f
    } <= $common_max
    RETURN x.kind AS sign, x.kind AS kind, x.node_id AS value, x.key AS id, null AS valid_from, null AS valid_to,
      {table: 'organisations', key: [o.key]} AS cite
    UNION ALL
    MATCH (o)-[r:REACHED_AT]->(x:Email) WHERE r.since <= $run < r.until
    WITH o, x, split(x.key, '@')[1] AS domain
    WHERE NOT domain IN common_domains AND NOT domain =~ ('(?s).*(' + $public_mail + ').*')
    RETURN 'email' AS sign, 'email' AS kind, domain AS value, x.key AS id, null AS valid_from, null AS valid_to,
      {table: 'organisations', key: [o.key]} AS cite
    UNION ALL
    CALL (o) {
      MATCH (o)-[h:HOLDS_ACCOUNT {role: 'registered'}]->(a) WHERE h.since <= $run < h.until
      RETURN a, ['accounts', a.key, o.key, toString(h.valid_from)] AS row
      UNION ALL
      MATCH (o)-[i:INVOICED]->(n)-[b:PAYABLE_TO]->(a) WHERE i.since <= $run < i.until AND b.since <= $run < b.until
      RETURN a, ['invoices', n.key] AS row
      UNION ALL
      MATCH (o)<-[b:PAID_TO]-(n)-[c:PAID_TO]->(a:Account)
      WHERE b.since <= $run < b.until AND c.since <= $run < c.until
      RETURN a, ['payments', n.key] AS row
    }
    WITH a, min(row) AS row
    WHERE NOT EXISTS {
      MATCH (a)<-[h:HOLDS_ACCOUNT {role: 'registered'}]-(:Organisation)
      WHERE h.since <= $run < h.until AND h.purpose <> 'own'
    } AND NOT EXISTS { MATCH (a)<-[b:PAYABLE_TO]-(n) WHERE b.since <= $run < b.until AND n.factoring } AND COUNT {
      MATCH (a)<-[h:HOLDS_ACCOUNT {role: 'registered'}]-(f:Organisation) WHERE h.since <= $run < h.until
      RETURN f.key AS holder
      UNION
      MATCH (a)<-[b:PAYABLE_TO]-()<-[i:INVOICED]-(f) WHERE b.since <= $run < b.until AND i.since <= $run < i.until
      RETURN f.key AS holder
      UNION
      MATCH (a)<-[b:PAID_TO]-()-[c:PAID_TO]->(f)
      WHERE b.since <= $run < b.until AND c.since <= $run < c.until AND NOT f:Account
      RETURN f.key AS holder
    } <= $common_max
    RETURN 'account' AS sign, 'account' AS kind, a.key AS value, a.key AS id, null AS valid_from, null AS valid_to,
      {table: row[0], key: row[1..]} AS cite
    UNION ALL
    MATCH (o)-[r:CHANGED]->(c) WHERE r.since <= $run < r.until
    RETURN 'change' AS sign, c.what AS kind, coalesce(c.after, '') AS value, c.key AS id,
      c.changed_on AS valid_from, null AS valid_to, null AS cite
    UNION ALL
    MATCH (o)-[r:HOLDS_PERMIT {role: 'granted'}]->(t) WHERE r.since <= $run < r.until
    RETURN 'permit' AS sign, r.role AS kind, t.key AS value, t.key AS id, r.valid_from AS valid_from,
      r.valid_to AS valid_to, null AS cite
    UNION ALL
    WITH o WHERE o.origin_table = 'organisations'
    RETURN 'self' AS sign, coalesce(o.legal_form, '') AS kind, coalesce(o.name, '') AS value, o.key AS id,
      null AS valid_from, null AS valid_to, null AS cite
  }
  RETURN collect({
    is_new: o = new.o, firm: o.key, sign: sign, kind: kind, value: value, id: id,
    valid_from: valid_from, valid_to: valid_to, table: cite.table, key: cite.key
  }) AS traits
}
CALL (new) {
  WITH new.o AS o
  MATCH (o)-[r:INVOICED]->() WHERE r.since <= $run < r.until
  WITH collect(DISTINCT r.currency) AS currencies, sum(toInteger(round(r.amount * 10000))) AS amount
  RETURN CASE WHEN currencies = ['SEK'] THEN CASE WHEN amount > 0 THEN amount / 10000.0 ELSE 0.0 END END AS sek
}
WITH *, [m IN people WHERE m.came] AS carried
RETURN new.o.key AS provider_id, old.o.key AS old_id, [] AS subjects, new.started AS since, new.started AS until,
  0 AS events, 0 AS days, CASE WHEN sek IS NOT NULL THEN 0 END AS exposure_lower, sek AS exposure_upper,
  reduce(rows = [], m IN carried | rows + m.rows) + [r IN [end.cite] WHERE r IS NOT NULL | r {.*, sign: 'end'}]
    AS evidence,
  municipality, ended_on, end.how AS ended_by, end.cause AS cause, old.contracted IS NOT NULL AS contracted,
  new.started AS started_on, coalesce(new.o.registered_on, new.contracted, new.started) AS known_since,
  size([m IN people WHERE m.sign = 'workers']) AS workers,
  size([m IN carried WHERE m.sign = 'workers']) AS workers_carried,
  size([m IN people WHERE m.sign = 'clients']) AS clients,
  size([m IN carried WHERE m.sign = 'clients']) AS clients_carried,
  [m IN carried | {sign: m.sign, day: m.day}] AS moves, alternatives, newcomers, newcomers_here, traits

// One row: two people or firms that share a phone, e-mail or address, each with another provider.
// Who answers the same phone or lives at the other's seat may be one hand behind two firms.
// :params {run: 1, as_of: date('2025-12-31'), offices: 5, neighbours: 1, crowd: 200, flats: 3, block_share: 0.1, handover_days: 60, stale_days: 365}

// Upwards from each firm: owners (rank 2), officers (3), who is the same, and all their agreements.
// Thrice up to three steps, where what is reached in two ways goes on once.
CALL () {
    MATCH (firm:GraphService:Organisation) WHERE firm.since <= $run < firm.until
    CALL (firm) {
        MATCH (firm) ((low)-[s:OWNS|OFFICER_OF|SAME_AS]-()
            WHERE s.since <= $run < s.until AND (type(s) = 'SAME_AS' OR endNode(s) = low)
                AND NOT coalesce(s.role, '') IN ['auditor', 'liquidator']){0,3} (x)
        WITH DISTINCT x,
            head([r IN reverse(s) WHERE type(r) <> 'SAME_AS'
                | CASE type(r) WHEN 'OWNS' THEN 2 ELSE 3 END]) AS rank,
            reduce(day = date('0001-01-01'), r IN s
                | CASE WHEN r.valid_from > day THEN r.valid_from ELSE day END) AS since,
            reduce(day = date('9999-12-31'), r IN s
                | CASE WHEN r.valid_to <= day THEN r.valid_to - duration('P1D') ELSE day END) AS until
        WHERE since <= until
        MATCH (x) ((low)-[s:OWNS|OFFICER_OF|SAME_AS]-()
            WHERE s.since <= $run < s.until AND (type(s) = 'SAME_AS' OR endNode(s) = low)
                AND NOT coalesce(s.role, '') IN ['auditor', 'liquidator']){0,3} (y)
        WITH DISTINCT y,
            coalesce(head([r IN reverse(s) WHERE type(r) <> 'SAME_AS'
                | CASE type(r) WHEN 'OWNS' THEN 2 ELSE 3 END]), rank) AS rank,
            reduce(day = since, r IN s
                | CASE WHEN r.valid_from > day THEN r.valid_from ELSE day END) AS since,
            reduce(day = until, r IN s
                | CASE WHEN r.valid_to <= day THEN r.valid_to - duration('P1D') ELSE day END) AS until
        WHERE since <= until
        MATCH (y) ((low)-[s:OWNS|OFFICER_OF|SAME_AS]-()
            WHERE s.since <= $run < s.until AND (type(s) = 'SAME_AS' OR endNode(s) = low)
                AND NOT coalesce(s.role, '') IN ['auditor', 'liquidator']){0,3} (z)
        WITH DISTINCT z,
            coalesce(head([r IN reverse(s) WHERE type(r) <> 'SAME_AS'
                | CASE type(r) WHEN 'OWNS' THEN 2 ELSE 3 END]), rank) AS rank,
            reduce(day = since, r IN s
                | CASE WHEN r.valid_from > day THEN r.valid_from ELSE day END) AS since,
            reduce(day = until, r IN s
                | CASE WHEN r.valid_to <= day THEN r.valid_to - duration('P1D') ELSE day END) AS until
        WHERE since <= until
        OPTIONAL MATCH (z)-[a:SUBCONTRACTS_TO]-() WHERE a.since <= $run < a.until
        RETURN
            collect(DISTINCT {node: z.node_id, rank: rank, since: since, until: until}) AS above,
            collect(DISTINCT CASE WHEN a IS NOT NULL THEN {
                node: a.edge_id,
                since: CASE WHEN a.valid_from > since THEN a.valid_from ELSE since END,
                until: CASE WHEN a.valid_to <= until THEN a.valid_to - duration('P1D') ELSE until END
            } END) AS agreements
    }
    RETURN collect({id: firm.node_id, above: above, ties: above + agreements}) AS firms
}

// What is told of each provider; what is open lasts to the last day that its own municipality
// tells of, not to the home's.
CALL () {
    MATCH (o:GraphService:Provider) WHERE o.since <= $run < o.until
    CALL (o) {
        MATCH (o)-[s:SERVED_IN]->(m) WHERE s.since <= $run < s.until
        RETURN m.key AS town, s.first AS since, s.last AS until, true AS told
        UNION ALL
        MATCH (o)-[b:INVOICED]->(i) WHERE b.since <= $run < b.until
        WITH b.municipality AS town, min(i.period_from) AS since, max(i.period_to) AS until
        RETURN town, since, CASE WHEN until > $as_of THEN $as_of ELSE until END AS until, true AS told
        UNION ALL
        MATCH (o)-[c:CONTRACTED_BY]->(m) WHERE c.since <= $run < c.until
        RETURN m.key AS town, c.valid_from AS since, c.valid_to - duration('P1D') AS until,
            false AS told
        UNION ALL
        MATCH (o)<-[e:ENROLLED_WITH|PLACED_WITH]-() WHERE e.since <= $run < e.until
        RETURN e.municipality AS town, e.valid_from AS since, e.valid_to - duration('P1D') AS until,
            false AS told
    }
    WITH collect({provider: o, town: town, since: since, until: until, told: told}) AS spells
    CALL (spells) {
        UNWIND [spell IN spells WHERE spell.told] AS spell
        WITH spell.town AS town, max(spell.until) AS day
        RETURN collect({town: town, day: day}) AS horizon
    }
    UNWIND spells AS spell
    WITH spell, head([h IN horizon WHERE h.town = spell.town | h.day]) AS day
    WITH spell.provider AS o, min(spell.since) AS since, max(day) AS told_until,
        max(coalesce(spell.until, day, $as_of)) AS until
    WITH o, since, told_until, coalesce(o.deregistered_on, $as_of) AS last, until
    RETURN collect({
        id: o.node_id, since: since, told_until: told_until,
        until: CASE WHEN until > last THEN last ELSE until END
    }) AS providers
}

// Who runs a provider: itself (rank 1), owners and officers, however far up.
CALL (firms, providers) {
    UNWIND providers AS provider
    UNWIND [firm IN firms WHERE firm.id = provider.id] AS firm
    UNWIND firm.above AS party
    WITH firm, party WHERE party.rank IS NOT NULL OR party.node = firm.id
    WITH firm.id AS firm, party.node AS party, min(coalesce(party.rank, 1)) AS rank,
        min(party.since) AS since, max(party.until) AS until
    RETURN collect({org: firm, party: party, rank: rank, since: since, until: until}) AS control
}

// Areas where a house number is often no home but a block of flats: many live behind one.
CALL () {
    MATCH (house:GraphService:Address)<-[r:RESIDES_AT]-(resident)
    WHERE house.key = house.house AND r.since <= $run < r.until AND r.valid_to IS NULL
    WITH house, count(DISTINCT resident) AS people
    WITH split(house.key, '|')[1] AS area, count(*) AS houses,
        sum(CASE WHEN people >= $flats THEN 1 ELSE 0 END) AS blocks
    WHERE toFloat(blocks) / houses > $block_share
    RETURN collect(area) AS areas
}

// Who gives a phone, e-mail or address that somebody else gives; homes of those who run a provider.
// Words that stand for "none", and officials (a matter of its own, T34), are left out.
WITH firms, providers, control, areas, [c IN control | c.party] AS runners
MATCH (value:GraphService&(Phone|Email|Address))
WHERE value.since <= $run < value.until
    AND COUNT { (value)<-[:REACHED_AT|REGISTERED_AT|RESIDES_AT]-() } > 1
    AND NOT value.node_id =~ ('phone:.*(0{6}|1{6}|2{6}|3{6}|4{6}|5{6}|6{6}|7{6}|8{6}|9{6}|1234567)'
        + '|email:(no-?reply|saknas|okand|ingen|none|test|dummy|x+)@.*')
MATCH (value)<-[r:REACHED_AT|REGISTERED_AT|RESIDES_AT]-(p)
WHERE r.since <= $run < r.until AND NOT p:Official
    AND (type(r) <> 'RESIDES_AT' OR p.node_id IN runners)
WITH firms, providers, control, areas, runners, value, p, r,
    coalesce(r.valid_from, date('0001-01-01')) AS since,
    CASE WHEN r.valid_to > p.deceased_on THEN p.deceased_on
        ELSE coalesce(r.valid_to - duration('P1D'), p.deceased_on, date('9999-12-31')) END AS until
ORDER BY until DESC, since DESC, r.origin_table
WITH firms, providers, control, areas, runners, value, p,
    head(collect({
        since: since, until: until,
        citation: {table: r.origin_table, key: CASE r.origin_table
            WHEN 'residences' THEN [p.key, toString(r.valid_from)] ELSE [p.key] END}
    })) AS told
WITH firms, providers, control, areas, value,
    collect(told {.*, id: p.node_id, party: p, is_firm: p:Organisation, runs: p.node_id IN runners})
        AS given
WHERE 1 < size(given) <= $crowd
    AND NOT (value:Address AND value.key = value.house AND split(value.key, '|')[1] IN areas)
    // Not what is meant for many. SNI: premises, law and accounts, head offices, associations.
    AND NOT EXISTS {
        UNWIND given AS g
        WITH g.party AS p
        WHERE NOT p:Provider AND (p.industry =~ '\\s*(68|69|70\\.?1|82\\.?[12]|94)(?s:.*)'
                OR EXISTS { (p)<-[s:SUBCONTRACTS_TO]-() WHERE s.since <= $run < s.until })
            OR EXISTS { (p)-[s:GOVERNS]->() WHERE s.since <= $run < s.until }
            OR EXISTS { (p)-[s:OFFICER_OF]->() WHERE s.since <= $run < s.until
                AND s.role IN ['auditor', 'liquidator'] }
        RETURN p
    }

// Each role that they are told to have: officer, worker (4), client (5), auditor and the like (6);
// what is known of them under another number ties them too.
UNWIND given AS g
WITH firms, providers, control, value, g, g.party AS p
CALL (p) {
    MATCH (p)-[s:SAME_AS]-{0,1}(q) WHERE all(r IN s WHERE r.since <= $run < r.until)
    CALL (q) {
        MATCH (q)-[r:OWNS|OFFICER_OF|EMPLOYED_BY|ENROLLED_WITH|PLACED_WITH]->(o)
        WHERE r.since <= $run < r.until
        RETURN o.node_id AS org,
            CASE
                WHEN type(r) = 'OWNS' THEN 2
                WHEN r.role IN ['auditor', 'liquidator'] THEN 6
                WHEN type(r) = 'OFFICER_OF' THEN 3
                WHEN type(r) = 'EMPLOYED_BY' THEN 4
                ELSE 5
            END AS rank,
            coalesce(r.valid_from, date('0001-01-01')) AS since,
            coalesce(r.valid_to - duration('P1D'), date('9999-12-31')) AS until,
            CASE WHEN NOT coalesce(r.role, '') = 'sole_trader' THEN {
                table: r.origin_table,
                key: CASE type(r)
                    WHEN 'OWNS' THEN [o.key, q.key, r.interest, toString(r.valid_from)]
                    WHEN 'OFFICER_OF' THEN [o.key, q.key, r.role, toString(r.valid_from)]
                    WHEN 'EMPLOYED_BY' THEN [o.key, q.key, toString(r.valid_from)]
                    WHEN 'ENROLLED_WITH' THEN [q.key, o.key, r.service, toString(r.valid_from)]
                    ELSE [r.reference]
                END
            } END AS citation
        UNION ALL
        MATCH (q)-[v:VISITED]->() WHERE v.since <= $run < v.until
        WITH q, v.provider_id AS org, min(v.first) AS since, max(v.last) AS until
        RETURN 'organisation:' + org AS org, 4 AS rank, since, until,
            {table: 'visits', of: {org_id: org, worker_id: q.key}, take: 'first'} AS citation
        UNION ALL
        MATCH (q)<-[v:VISITED]-() WHERE v.since <= $run < v.until
        WITH q, v.provider_id AS org, min(v.first) AS since, max(v.last) AS until
        RETURN 'organisation:' + org AS org, 5 AS rank, since, until,
            {table: 'visits', of: {org_id: org, client_id: q.key}, take: 'first'} AS citation
    }
    RETURN collect({
        own: q = p, org: org, rank: rank, since: since, until: until, citation: citation
    }) AS papers
}
// Where they sit: at a provider while it is one, by a role that still says where they are reached.
CALL (g, papers, providers, control) {
    CALL (g, papers, control) {
        UNWIND [c IN control WHERE c.party = g.id] AS c
        RETURN c.org AS org, c.rank AS rank, c.since AS since, c.until AS until, c.until AS newest
        UNION ALL
        UNWIND [paper IN papers WHERE paper.own AND paper.rank IN [4, 5]] AS paper
        WITH paper.rank AS rank, max(paper.until) AS newest, collect(paper) AS told
        UNWIND told AS paper
        RETURN paper.org AS org, rank, paper.since AS since, paper.until AS until, newest
    }
    UNWIND [o IN providers WHERE o.id = org] AS o
    // A person's number is the one of today: whom they left before has no part in it.
    WITH org, rank, o, g, since, until, newest
    WHERE duration.inDays(until, newest).days < $handover_days
        OR duration.inDays(until, o.told_until).days < $handover_days
    WITH org, rank,
        reduce(day = since, d IN [g.since, o.since] | CASE WHEN d > day THEN d ELSE day END) AS since,
        reduce(day = until, d IN [g.until, o.until] | CASE WHEN d < day THEN d ELSE day END) AS until
    WHERE since <= until
    RETURN collect({org: org, rank: rank, since: since, until: until}) AS seats
}
// What they stand for: themselves, their firms and all above these, mandates, homes.
CALL (p, papers, firms) {
    MATCH (p)-[s:SAME_AS]-{0,1}(q) WHERE all(r IN s WHERE r.since <= $run < r.until)
    WITH papers, firms, collect({
        org: q.node_id, since: date('0001-01-01'), until: date('9999-12-31')
    }) AS selves
    UNWIND selves + papers AS k
    WITH firms, k.org AS org,
        CASE WHEN k.rank > 3 THEN date('0001-01-01') ELSE k.since END AS since,
        CASE WHEN k.rank > 3 THEN date('9999-12-31') ELSE k.until END AS until
    WITH firms, [{node: org, since: since, until: until}] + [
        t IN coalesce(head([firm IN firms WHERE firm.id = org | firm.ties]), []) | {
            node: t.node,
            since: CASE WHEN t.since > since THEN t.since ELSE since END,
            until: CASE WHEN t.until < until THEN t.until ELSE until END
        }] AS ties
    UNWIND ties AS tie
    RETURN collect(DISTINCT tie) AS ties
}
CALL (p) {
    MATCH (p)-[r:RESIDES_AT|REGISTERED_AT]->(home) WHERE r.since <= $run < r.until
    RETURN max('address:' + home.house) AS door, collect({
        home: home.key, door: home.house, since: coalesce(r.valid_from, date('0001-01-01')),
        until: coalesce(r.valid_to - duration('P1D'), date('9999-12-31'))
    }) AS homes
}
WITH firms, value, collect(g {
    .*, papers: papers, seats: seats, ties: ties, homes: homes, door: door,
    mandates: COLLECT {
        MATCH (p)-[m:ACTS_FOR]-() WHERE m.since <= $run < m.until
        RETURN m.edge_id
    }
}) AS given

// How rare a value is: the houses that give it. Houses tied to one another count as one.
CALL (firms, given) {
    UNWIND given AS g
    UNWIND CASE WHEN g.is_firm AND NOT g.runs THEN [g.id] ELSE [seat IN g.seats | seat.org] END AS org
    WITH DISTINCT org, [f IN firms WHERE f.id = org | [a IN f.above | a.node]][0] AS above
    WITH collect({org: org, above: above}) AS houses
    RETURN size(houses) AS houses, CASE
        WHEN size(houses) < $offices OR size(houses) > 100 THEN size(houses)
        ELSE size([y IN houses WHERE none(x IN houses
            WHERE x.org < y.org AND any(node IN x.above WHERE node IN y.above))])
    END AS unrelated
}
WITH firms, value, given, houses WHERE unrelated < $offices

// Two of them, each in a house of its own at the same time.
UNWIND given AS a
UNWIND given AS b
WITH firms, value, given, houses, a, b WHERE a.id <> b.id
CALL (a, b) {
    UNWIND a.seats AS one
    UNWIND b.seats AS two
    WITH one, two, CASE WHEN one.since > two.since THEN one.since ELSE two.since END AS since,
        CASE WHEN one.until < two.until THEN one.until ELSE two.until END AS until
    WHERE one.org <> two.org AND since <= until AND (one.rank < 5 OR two.rank < 5)
        // One after the other: the earlier one stops about when the later one starts.
        AND NOT (duration.inDays(since, until).days < $handover_days
            AND ((one.since < two.since AND one.until < two.until)
                OR (one.since > two.since AND one.until > two.until)))
    RETURN one.org AS provider, two.org AS other, min(one.rank) AS rank,
        min(two.rank) AS stranger_rank, min(since) AS since, max(until) AS until
}
WITH firms, value, given, houses, a, b, provider, other, rank, stranger_rank, since, until,
    until - duration({days: $stale_days}) AS lately
// No firm, owner, agreement, mandate or home ties them. Registers lag: a tie that ended lately
// still explains.
WHERE NOT any(x IN a.ties WHERE x.since <= until AND x.until >= lately AND any(y IN b.ties
        WHERE y.node = x.node AND y.since <= until AND y.until >= lately))
    AND NOT any(m IN a.mandates WHERE m IN b.mandates)
    AND NOT any(x IN a.homes WHERE x.since <= until AND x.until >= lately AND any(y IN b.homes
        WHERE y.since <= until AND y.until >= lately AND (
            (y.home = x.home AND (rank > 3 OR stranger_rank > 3))
            OR (y.door = x.door AND (
                (rank = 5 AND b.is_firm) OR (stranger_rank = 5 AND a.is_firm))))))
    // Nor is an address told where others live as well, in the same or another flat.
    AND NOT (value:Address AND $neighbours < COUNT {
        MATCH (home:GraphService:Address)<-[r:RESIDES_AT]-(p)
        WHERE (home = value OR home.house = value.key) AND r.since <= $run < r.until
            AND r.valid_to IS NULL AND NOT p.node_id IN [g IN given | g.id]
        RETURN DISTINCT p
    })

// The papers of a party: the row that gives the contact, and the one that gives the role.
CALL (firms, a, provider, rank) {
    UNWIND a.papers AS paper
    WITH firms, provider, paper
    WHERE paper.own AND paper.rank = rank AND paper.citation IS NOT NULL AND paper.org IN
        head([firm IN firms WHERE firm.id = provider | [u IN firm.above | u.node]])
    WITH paper ORDER BY paper.org <> provider, paper.citation.table, paper.until DESC,
        paper.since DESC, paper.org, paper.citation.key LIMIT 1
    RETURN collect(paper.citation) AS proof
}
MATCH (p:GraphService {node_id: provider}) WHERE p.since <= $run < p.until
MATCH (o:GraphService {node_id: other}) WHERE o.since <= $run < o.until
RETURN
    p.key AS provider_id, [{role: 'shared', kind: 'value', id: value.node_id}] AS subjects,
    since, until, 1 AS events, 1 AS days, null AS exposure_lower, null AS exposure_upper,
    value.node_id AS value, houses, a.party.key AS party_id, a.is_firm AS is_firm, rank,
    o.key AS other_id, b.party.key AS stranger_id, b.is_firm AS stranger_firm, stranger_rank,
    a.door AS door, b.door AS stranger_door,
    size([g IN given WHERE NOT g.is_firm AND g.door = a.door]) AS residents,
    all(org IN [p, o] WHERE EXISTS {
        MATCH (org)<-[s:OWNS|OFFICER_OF]-() WHERE s.since <= $run < s.until
            AND NOT coalesce(s.role, '') IN ['auditor', 'liquidator']
    }) AS registered,
    any(org IN [p, o] WHERE EXISTS {
        MATCH (org)-[s:CHANGED]->(change) WHERE s.since <= $run < s.until
            AND change.what IN ['owner', 'name']
            AND abs(duration.inDays(change.changed_on, until).days) <= $stale_days
    }) AS changed,
    [a.citation] + proof AS evidence

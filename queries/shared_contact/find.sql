-- One row: two people or firms that share a phone, e-mail or address, each with another provider.
-- Who answers the same phone or lives at the other's seat may be one hand behind two firms.
WITH told AS (
    SELECT
        substr(source_id, 14) AS org_id, substr(target_id, 14) AS municipality, first AS since,
        last AS until
    FROM edges WHERE type = 'SERVED_IN'
    UNION ALL
    SELECT org_id, municipality, min(period_from), least(max(period_to), $as_of)
    FROM invoices GROUP BY org_id, municipality
),
-- What is open lasts to the last day that its own municipality tells of, not to the home's.
horizon AS (SELECT municipality, max(until) AS day FROM told GROUP BY municipality),
provider AS (
    SELECT
        concat('organisation:', s.org_id) AS org_id, min(s.since) AS since,
        least(max(coalesce(s.until, h.day, $as_of)), min(o.deregistered_on), $as_of) AS until,
        max(h.day) AS told_until
    FROM (
        SELECT * FROM told
        UNION ALL SELECT org_id, municipality, valid_from, valid_to - 1 FROM contracts
        UNION ALL SELECT org_id, municipality, valid_from, valid_to - 1 FROM enrolments
        UNION ALL SELECT org_id, NULL, start, "end" FROM placements
    ) AS s
    LEFT JOIN horizon AS h ON h.municipality = s.municipality
    LEFT JOIN organisations AS o ON o.org_id = s.org_id
    GROUP BY s.org_id
),
side AS (SELECT 1 AS side UNION ALL SELECT 2),
alias AS (
    SELECT
        CASE side WHEN 1 THEN source_id ELSE target_id END AS id,
        CASE side WHEN 2 THEN source_id ELSE target_id END AS known_as
    FROM edges CROSS JOIN side WHERE type = 'SAME_AS'
),
-- Upwards from a firm: owners (rank 2), officers (3), and who is the same. In all nine steps.
above_1 AS (
    SELECT
        target_id AS org_id, source_id AS node, CASE type WHEN 'OWNS' THEN 2 ELSE 3 END AS rank,
        coalesce(valid_from, DATE '0001-01-01') AS since,
        coalesce(valid_to - 1, DATE '9999-12-31') AS until
    FROM edges
    WHERE type IN ('OWNS', 'OFFICER_OF') AND coalesce(role, '') NOT IN ('auditor', 'liquidator')
    UNION
    SELECT id, known_as, NULL, DATE '0001-01-01', DATE '9999-12-31' FROM alias
    UNION
    SELECT node_id, node_id, NULL, DATE '0001-01-01', DATE '9999-12-31'
    FROM nodes WHERE kind IN ('organisation', 'person')
),
above_3 AS (
    SELECT DISTINCT
        l.org_id, u.node, coalesce(u.rank, m.rank, l.rank) AS rank,
        greatest(l.since, m.since, u.since) AS since, least(l.until, m.until, u.until) AS until
    FROM above_1 AS l JOIN above_1 AS m ON m.org_id = l.node JOIN above_1 AS u ON u.org_id = m.node
    WHERE greatest(l.since, m.since, u.since) <= least(l.until, m.until, u.until)
),
above AS (
    SELECT DISTINCT
        l.org_id, u.node, coalesce(u.rank, m.rank, l.rank) AS rank,
        greatest(l.since, m.since, u.since) AS since, least(l.until, m.until, u.until) AS until
    FROM above_3 AS l JOIN above_3 AS m ON m.org_id = l.node JOIN above_3 AS u ON u.org_id = m.node
    WHERE greatest(l.since, m.since, u.since) <= least(l.until, m.until, u.until)
        AND l.org_id LIKE 'organisation:%'
),
-- Who runs a provider: itself (rank 1), owners and officers, however far up.
control AS (
    SELECT
        org_id, node AS party_id, min(coalesce(rank, 1)) AS rank, min(since) AS since,
        max(until) AS until
    FROM above SEMI JOIN provider USING (org_id)
    WHERE rank IS NOT NULL OR node = org_id
    GROUP BY org_id, node
),
-- A door is a home without its flat.
lives AS (
    SELECT
        e.source_id AS party_id, e.type, e.target_id AS home, concat('address:', n.house) AS door,
        coalesce(e.valid_from, DATE '0001-01-01') AS since,
        coalesce(e.valid_to - 1, DATE '9999-12-31') AS until
    FROM edges AS e JOIN nodes AS n ON n.node_id = e.target_id
    WHERE e.type IN ('RESIDES_AT', 'REGISTERED_AT')
),
-- Words that stand for "none", and officials (a matter of its own, T34), are left out.
contact AS (
    SELECT
        e.target_id AS value, e.source_id AS party_id, n.key, n.kind = 'organisation' AS is_firm,
        e.type <> 'REACHED_AT' AS is_address, e.origin_table, e.valid_from AS told_from,
        coalesce(e.valid_from, DATE '0001-01-01') AS since,
        least(coalesce(e.valid_to - 1, DATE '9999-12-31'), n.deceased_on) AS until
    FROM edges AS e JOIN nodes AS n ON n.node_id = e.source_id
    LEFT JOIN (SELECT DISTINCT party_id FROM control) AS c ON c.party_id = n.node_id
    WHERE e.type IN ('REACHED_AT', 'REGISTERED_AT', 'RESIDES_AT')
        AND (e.type <> 'RESIDES_AT' OR c.party_id IS NOT NULL)
        AND NOT array_contains(n.labels, 'Official')
        AND NOT regexp_matches(
            e.target_id,
            '^phone:.*(0{6}|1{6}|2{6}|3{6}|4{6}|5{6}|6{6}|7{6}|8{6}|9{6}|1234567)$'
            || '|^email:(no-?reply|saknas|okand|ingen|none|test|dummy|x+)@'
        )
),
crowded AS (SELECT value FROM contact GROUP BY value HAVING count(DISTINCT party_id) > 1),
given AS (
    SELECT c.* FROM contact AS c SEMI JOIN crowded AS w ON w.value = c.value
    QUALIFY row_number() OVER (
        PARTITION BY c.value, c.party_id ORDER BY c.until DESC, c.since DESC, c.origin_table
    ) = 1
),
party AS (
    SELECT party_id FROM given
    UNION SELECT a.known_as FROM alias AS a JOIN given AS g ON g.party_id = a.id
),
-- Each role somebody is told to have: owner (2), officer (3), worker (4), client (5), auditor and
-- the like (6); and the row that tells it, but for the one behind a sole trader's firm.
paper AS (
    SELECT
        e.source_id AS party_id, e.target_id AS org_id,
        CASE
            WHEN e.type = 'OWNS' THEN 2
            WHEN e.role IN ('auditor', 'liquidator') THEN 6
            WHEN e.type = 'OFFICER_OF' THEN 3
            WHEN e.type = 'EMPLOYED_BY' THEN 4
            ELSE 5
        END AS rank,
        CASE WHEN coalesce(e.role, '') <> 'sole_trader' THEN e.origin_table END AS origin,
        CASE e.type
            WHEN 'OWNS' THEN [o.key, p.key, e.interest, CAST(e.valid_from AS VARCHAR)]
            WHEN 'OFFICER_OF' THEN [o.key, p.key, e.role, CAST(e.valid_from AS VARCHAR)]
            WHEN 'EMPLOYED_BY' THEN [o.key, p.key, CAST(e.valid_from AS VARCHAR)]
            WHEN 'ENROLLED_WITH' THEN [p.key, o.key, e.service, CAST(e.valid_from AS VARCHAR)]
            ELSE [e.reference]
        END AS key,
        coalesce(e.valid_from, DATE '0001-01-01') AS since,
        coalesce(e.valid_to - 1, DATE '9999-12-31') AS until
    FROM edges AS e SEMI JOIN party ON party.party_id = e.source_id
    JOIN nodes AS p ON p.node_id = e.source_id JOIN nodes AS o ON o.node_id = e.target_id
    WHERE e.type IN ('OWNS', 'OFFICER_OF', 'EMPLOYED_BY', 'ENROLLED_WITH', 'PLACED_WITH')
    UNION ALL
    SELECT
        party_id, concat('organisation:', provider_id), rank, 'visits', [provider_id, p.key],
        min(first), max(last)
    FROM (
        SELECT source_id AS party_id, 4 AS rank, provider_id, first, last
        FROM edges WHERE type = 'VISITED'
        UNION ALL
        SELECT target_id, 5, provider_id, first, last FROM edges WHERE type = 'VISITED'
    ) AS e SEMI JOIN party USING (party_id) JOIN nodes AS p ON p.node_id = e.party_id
    GROUP BY party_id, provider_id, rank, p.key
),
seat AS (
    SELECT
        g.value, g.party_id, g.is_firm, r.org_id, r.rank,
        greatest(g.since, r.since, p.since) AS since, least(g.until, r.until, p.until) AS until
    FROM given AS g
    JOIN (
        SELECT org_id, party_id, rank, since, until, until AS newest FROM control
        UNION ALL SELECT org_id, party_id, rank, since, until, max(until) OVER (PARTITION BY party_id, rank)
        FROM paper WHERE rank IN (4, 5)
    ) AS r ON r.party_id = g.party_id
    JOIN provider AS p ON p.org_id = r.org_id
    WHERE greatest(g.since, r.since, p.since) <= least(g.until, r.until, p.until)
        -- A person's number is the one of today: whom they left before has no part in it.
        AND (date_diff('day', r.until, r.newest) < $handover_days
            OR date_diff('day', r.until, p.told_until) < $handover_days)
),
-- How rare a value is: the houses that give it. Houses tied to one another count as one.
house AS (
    SELECT value, org_id, count(*) OVER (PARTITION BY value) AS houses
    FROM (
        SELECT value, org_id FROM seat
        UNION
        SELECT g.value, g.party_id FROM given AS g
        ANTI JOIN control AS c ON c.party_id = g.party_id WHERE g.is_firm
    )
),
kindred AS (
    SELECT DISTINCT y.value, y.org_id
    FROM house AS x JOIN house AS y ON y.value = x.value AND x.org_id < y.org_id
    JOIN above AS u ON u.org_id = x.org_id
    JOIN above AS w ON w.org_id = y.org_id AND w.node = u.node
    WHERE x.houses BETWEEN $offices AND 100
),
-- Who lives where now, and areas where a house number is often no home but a block of flats.
home AS (SELECT * FROM lives WHERE type = 'RESIDES_AT' AND until = DATE '9999-12-31'),
block AS (
    SELECT split_part(home, '|', 2) AS place
    FROM (SELECT home, count(DISTINCT party_id) AS people FROM home WHERE home = door GROUP BY home)
    GROUP BY place HAVING avg(CASE WHEN people >= $flats THEN 1 ELSE 0 END) > $block_share
),
-- Values that are meant for many. SNI: premises, law and accounts, head offices, associations.
common AS (
    SELECT g.value FROM given AS g
    JOIN (
        SELECT node_id AS party_id FROM nodes ANTI JOIN provider ON provider.org_id = node_id
        WHERE regexp_matches(industry, '^\s*(68|69|70\.?1|82\.?[12]|94)')
        UNION SELECT target_id FROM edges ANTI JOIN provider ON provider.org_id = target_id
        WHERE type = 'SUBCONTRACTS_TO'
        UNION SELECT source_id FROM edges WHERE type = 'GOVERNS'
        UNION SELECT party_id FROM paper WHERE rank = 6
    ) AS f ON f.party_id = g.party_id
    UNION
    SELECT value FROM house ANTI JOIN kindred USING (value, org_id)
    GROUP BY value HAVING count(*) >= $offices
    UNION
    SELECT g.value FROM (SELECT DISTINCT value FROM given WHERE is_address) AS g
    JOIN home AS l ON g.value IN (l.home, l.door)
    ANTI JOIN given AS o ON o.value = g.value AND o.party_id = l.party_id
    GROUP BY g.value HAVING count(DISTINCT l.party_id) > $neighbours
    UNION
    SELECT value FROM given GROUP BY value HAVING count(DISTINCT party_id) > $crowd
    UNION
    SELECT g.value FROM given AS g JOIN block AS b ON b.place = split_part(g.value, '|', 2)
    SEMI JOIN lives AS l ON l.home = g.value AND l.door = g.value
    WHERE g.is_address
),
pair AS (
    SELECT
        a.value, a.org_id AS provider_id, a.party_id, a.is_firm,
        b.org_id AS other_id, b.party_id AS stranger_id, b.is_firm AS stranger_firm,
        min(a.rank) AS rank, min(b.rank) AS stranger_rank,
        min(greatest(a.since, b.since)) AS since, max(least(a.until, b.until)) AS until
    FROM seat AS a ANTI JOIN common AS m ON m.value = a.value
    JOIN seat AS b ON b.value = a.value AND b.org_id <> a.org_id AND b.party_id <> a.party_id
    WHERE a.since <= b.until AND b.since <= a.until AND (a.rank < 5 OR b.rank < 5)
        -- One after the other: the earlier one stops about when the later one starts.
        AND NOT (
            date_diff('day', greatest(a.since, b.since), least(a.until, b.until)) < $handover_days
            AND sign(date_diff('day', a.since, b.since)) * sign(date_diff('day', a.until, b.until)) > 0
        )
    GROUP BY ALL
),
-- What ties a firm: all above it, and their agreements.
tie AS (
    SELECT org_id, node, since, until FROM above
    UNION ALL
    SELECT
        a.org_id, e.edge_id, greatest(a.since, e.valid_from),
        least(a.until, coalesce(e.valid_to - 1, DATE '9999-12-31'))
    FROM edges AS e CROSS JOIN side
    JOIN above AS a ON a.node = CASE side WHEN 1 THEN e.source_id ELSE e.target_id END
    WHERE e.type = 'SUBCONTRACTS_TO'
),
-- What a party stands for: itself, its firms and all above them, mandates, homes.
called AS (SELECT party_id, party_id AS name FROM party UNION SELECT id, known_as FROM alias),
known AS (
    SELECT
        c.party_id, p.org_id AS node,
        CASE WHEN p.rank IN (2, 3) THEN p.since ELSE DATE '0001-01-01' END AS since,
        CASE WHEN p.rank IN (2, 3) THEN p.until ELSE DATE '9999-12-31' END AS until
    FROM called AS c JOIN paper AS p ON p.party_id = c.name
    UNION
    SELECT party_id, name, DATE '0001-01-01', DATE '9999-12-31' FROM called
),
near AS (
    SELECT * FROM known
    UNION
    SELECT k.party_id, u.node, greatest(k.since, u.since), least(k.until, u.until)
    FROM known AS k JOIN tie AS u ON u.org_id = k.node
    UNION
    SELECT
        CASE side WHEN 1 THEN source_id ELSE target_id END, edge_id,
        DATE '0001-01-01', DATE '9999-12-31'
    FROM edges CROSS JOIN side WHERE type = 'ACTS_FOR'
    UNION
    SELECT
        l.party_id, CASE WHEN side = 1 THEN concat('home ', home) ELSE concat('door ', door) END,
        since, until
    FROM lives AS l SEMI JOIN party AS p ON p.party_id = l.party_id CROSS JOIN side
),
kin AS (
    SELECT p.value, p.provider_id, p.other_id, p.party_id, p.stranger_id
    FROM pair AS p JOIN near AS x ON x.party_id = p.party_id
    JOIN near AS y ON y.party_id = p.stranger_id AND y.node = x.node
    -- Registers lag: a tie that ended lately still explains.
    WHERE greatest(x.since, y.since) <= p.until
        AND date_diff('day', least(x.until, y.until), p.until) <= $stale_days
        AND CASE
            WHEN x.node LIKE 'home %' THEN p.rank > 3 OR p.stranger_rank > 3
            WHEN x.node LIKE 'door %'
                THEN (p.rank = 5 AND p.stranger_firm) OR (p.stranger_rank = 5 AND p.is_firm)
            ELSE true
        END
),
behind AS (SELECT party_id, max(door) AS door FROM lives GROUP BY party_id),
house_number AS (
    SELECT g.value, b.door, count(*) AS residents FROM given AS g JOIN behind AS b USING (party_id)
    WHERE NOT g.is_firm GROUP BY g.value, b.door
),
lead AS (
    SELECT p.*, h.door, g.door AS stranger_door, coalesce(n.residents, 0) AS residents
    FROM pair AS p ANTI JOIN kin USING (value, provider_id, other_id, party_id, stranger_id)
    LEFT JOIN behind AS h ON h.party_id = p.party_id
    LEFT JOIN behind AS g ON g.party_id = p.stranger_id
    LEFT JOIN house_number AS n ON n.value = p.value AND n.door = h.door
),
-- The papers of a party: the row that gives the contact, and the one that gives the role.
member AS (SELECT DISTINCT value, provider_id, party_id, rank FROM lead),
proof AS (
    SELECT m.*, p.origin, p.key
    FROM member AS m JOIN above AS a ON a.org_id = m.provider_id
    JOIN paper AS p ON p.party_id = m.party_id AND p.rank = m.rank AND p.org_id = a.node
    WHERE p.origin IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY m.value, m.provider_id, m.party_id, m.rank
        ORDER BY p.org_id <> m.provider_id, p.origin, p.until DESC, p.since DESC, p.org_id, p.key
    ) = 1
    UNION ALL
    SELECT
        m.*, g.origin_table, CASE g.origin_table
            WHEN 'residences' THEN [g.key, CAST(g.told_from AS VARCHAR)] ELSE [g.key]
        END
    FROM member AS m JOIN given AS g ON g.value = m.value AND g.party_id = m.party_id
),
source AS (
    SELECT 'owners' AS origin, [org_id, owner_id, interest, CAST(valid_from AS VARCHAR)] AS key,
        _file_sha256, _row FROM owners
    UNION ALL SELECT 'officers', [org_id, person_id, role, CAST(valid_from AS VARCHAR)],
        _file_sha256, _row FROM officers
    UNION ALL SELECT 'employments', [org_id, person_id, CAST(valid_from AS VARCHAR)],
        _file_sha256, _row FROM employments
    UNION ALL SELECT 'enrolments', [client_id, org_id, service, CAST(valid_from AS VARCHAR)],
        _file_sha256, _row FROM enrolments
    UNION ALL SELECT 'placements', [placement_id], _file_sha256, _row FROM placements
    UNION ALL SELECT 'residences', [person_id, CAST(valid_from AS VARCHAR)],
        _file_sha256, _row FROM residences
    UNION ALL SELECT 'persons', [person_id], _file_sha256, _row FROM persons
    UNION ALL SELECT 'organisations', [org_id], _file_sha256, _row FROM organisations
),
cited AS (
    SELECT p.*, s._file_sha256, s._row
    FROM proof AS p JOIN source AS s ON s.origin = p.origin AND s.key = p.key
    UNION ALL
    SELECT p.* REPLACE ([v.visit_id] AS key), v._file_sha256, v._row
    FROM proof AS p JOIN visits AS v ON v.org_id = p.key[1]
        AND p.key[2] = CASE p.rank WHEN 4 THEN v.worker_id ELSE v.client_id END
    WHERE p.origin = 'visits' AND v.status = 'performed'
    QUALIFY row_number() OVER (
        PARTITION BY p.value, p.provider_id, p.party_id, p.rank ORDER BY v.start, v.visit_id
    ) = 1
),
change AS (
    SELECT e.source_id AS org_id, n.changed_on FROM edges AS e JOIN nodes AS n ON n.node_id = e.target_id
    WHERE e.type = 'CHANGED' AND n.what IN ('owner', 'name')
)

SELECT
    substr(l.provider_id, 14) AS provider_id, [{'role': 'shared', 'kind': 'value', 'id': l.value}] AS subjects,
    l.since, l.until, 1 AS events, 1 AS days,
    CAST(NULL AS DOUBLE) AS exposure_lower, CAST(NULL AS DOUBLE) AS exposure_upper,
    l.value, h.houses, g.key AS party_id, l.is_firm, l.rank, substr(l.other_id, 14) AS other_id,
    t.key AS stranger_id, l.stranger_firm, l.stranger_rank, l.door, l.stranger_door, l.residents,
    r.org_id IS NOT NULL AND s.org_id IS NOT NULL AS registered, count(a.changed_on) > 0 AS changed,
    list({'table': c.origin, 'key': c.key, 'file_sha256': c._file_sha256, 'row': c._row}) AS evidence
FROM lead AS l JOIN cited AS c USING (value, provider_id, party_id, rank)
JOIN (SELECT DISTINCT value, houses FROM house) AS h USING (value)
JOIN nodes AS g ON g.node_id = l.party_id JOIN nodes AS t ON t.node_id = l.stranger_id
LEFT JOIN (SELECT DISTINCT org_id FROM above_1 WHERE rank > 0) AS r ON r.org_id = l.provider_id
LEFT JOIN (SELECT DISTINCT org_id FROM above_1 WHERE rank > 0) AS s ON s.org_id = l.other_id
LEFT JOIN change AS a ON a.org_id IN (l.provider_id, l.other_id)
    AND abs(date_diff('day', a.changed_on, l.until)) <= $stale_days
GROUP BY ALL

-- One row: two people or firms that share a phone, e-mail or address, each with another provider.
-- Who answers the same phone or lives at the other's seat may be one hand behind two firms.
WITH told AS (
    SELECT
        org_id, municipality, CAST(min(start) AT TIME ZONE 'Europe/Stockholm' AS DATE) AS since,
        CAST(max(start) AT TIME ZONE 'Europe/Stockholm' AS DATE) AS until
    FROM visits GROUP BY org_id, municipality
    UNION ALL
    SELECT org_id, municipality, min(period_from), least(max(period_to), $as_of)
    FROM invoices GROUP BY org_id, municipality
),

-- What is open lasts to the last day that its own municipality tells of, not to the home's.
horizon AS (SELECT municipality, max(until) AS day FROM told GROUP BY municipality),
provider AS (
    SELECT
        s.org_id, min(s.since) AS since,
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
        regexp_replace(CASE side WHEN 1 THEN source_id ELSE target_id END, '^[a-z]+:', '') AS id,
        regexp_replace(CASE side WHEN 2 THEN source_id ELSE target_id END, '^[a-z]+:', '') AS known_as
    FROM edges CROSS JOIN side WHERE type = 'SAME_AS'
),

-- Upwards from a firm: owners (rank 2), officers (3), agreements told, and who is the same.
step AS (
    SELECT
        org_id, owner_id AS node, 2 AS rank,
        coalesce(valid_from, DATE '0001-01-01') AS since,
        coalesce(valid_to - 1, DATE '9999-12-31') AS until
    FROM owners
    UNION ALL
    SELECT org_id, person_id, 3, valid_from, coalesce(valid_to - 1, DATE '9999-12-31')
    FROM officers WHERE role NOT IN ('auditor', 'liquidator')
    UNION ALL
    SELECT
        CASE WHEN side = 1 THEN org_id ELSE subcontractor_id END,
        concat('agreement ', org_id, ' ', subcontractor_id), NULL,
        valid_from, coalesce(valid_to - 1, DATE '9999-12-31')
    FROM subcontracts CROSS JOIN side
    UNION ALL
    SELECT id, known_as, NULL, DATE '0001-01-01', DATE '9999-12-31' FROM alias
),

above_1 AS (
    SELECT org_id, node, min(rank) AS rank, min(since) AS since, max(until) AS until
    FROM step GROUP BY org_id, node
    UNION ALL
    SELECT id, id, NULL, DATE '0001-01-01', DATE '9999-12-31'
    FROM (SELECT org_id AS id FROM step UNION SELECT node FROM step UNION SELECT org_id FROM provider)
),
above_3 AS (
    SELECT
        l.org_id, u.node, min(coalesce(u.rank, m.rank, l.rank)) AS rank,
        min(greatest(l.since, m.since, u.since)) AS since,
        max(least(l.until, m.until, u.until)) AS until
    FROM above_1 AS l JOIN above_1 AS m ON m.org_id = l.node JOIN above_1 AS u ON u.org_id = m.node
    WHERE greatest(l.since, m.since, u.since) <= least(l.until, m.until, u.until)
    GROUP BY l.org_id, u.node
),
above AS (
    SELECT
        l.org_id, u.node, min(coalesce(u.rank, m.rank, l.rank)) AS rank,
        min(greatest(l.since, m.since, u.since)) AS since,
        max(least(l.until, m.until, u.until)) AS until
    FROM above_3 AS l JOIN above_3 AS m ON m.org_id = l.node JOIN above_3 AS u ON u.org_id = m.node
    WHERE greatest(l.since, m.since, u.since) <= least(l.until, m.until, u.until)
    GROUP BY l.org_id, u.node
),

-- Who runs a provider: itself (rank 1), owners and officers, however far up.
control AS (
    SELECT org_id, node AS party_id, coalesce(rank, 1) AS rank, since, until
    FROM above SEMI JOIN provider USING (org_id)
    WHERE rank IS NOT NULL OR node = org_id
),

-- A door is a home without its flat.
lives AS (
    SELECT
        regexp_replace(source_id, '^[a-z]+:', '') AS party_id, type, target_id AS home,
        regexp_replace(target_id, '([0-9][a-z]?)(lgh|lagenhet|apt)[0-9 ]*\|', '\1|') AS door,
        coalesce(valid_from, DATE '0001-01-01') AS since,
        coalesce(valid_to - 1, DATE '9999-12-31') AS until
    FROM edges WHERE type IN ('RESIDES_AT', 'REGISTERED_AT')
),

-- Words that stand for "none", and officials (a matter of its own, T34), are left out.
contact AS (
    SELECT
        e.target_id AS value, n.key AS party_id, n.kind = 'organisation' AS is_firm,
        e.type <> 'REACHED_AT' AS is_address, e.origin_table, e.valid_from AS told_from,
        coalesce(e.valid_from, DATE '0001-01-01') AS since,
        least(coalesce(e.valid_to - 1, DATE '9999-12-31'), n.deceased_on) AS until
    FROM edges AS e JOIN nodes AS n ON n.node_id = e.source_id
    LEFT JOIN (SELECT DISTINCT party_id FROM control) AS c ON c.party_id = n.key
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
met AS (
    SELECT org_id, worker_id AS party_id, 4 AS rank, visit_id, start
    FROM visits SEMI JOIN party ON party.party_id = worker_id WHERE status = 'performed'
    UNION ALL
    SELECT org_id, client_id, 5, visit_id, start
    FROM visits SEMI JOIN party ON party.party_id = client_id WHERE status = 'performed'
),

-- Each row that gives somebody a role: worker (4), client (5), auditor and the like (6).
paper AS (
    SELECT
        org_id, person_id AS party_id, 4 AS rank, 'employments' AS origin,
        [org_id, person_id, CAST(valid_from AS VARCHAR)] AS key, _file_sha256, _row,
        valid_from AS since, coalesce(valid_to - 1, DATE '9999-12-31') AS until
    FROM employments SEMI JOIN party ON party.party_id = person_id
    UNION ALL
    SELECT
        org_id, client_id, 5, 'enrolments',
        [client_id, org_id, service, CAST(valid_from AS VARCHAR)], _file_sha256, _row,
        valid_from, coalesce(valid_to - 1, DATE '9999-12-31')
    FROM enrolments SEMI JOIN party ON party.party_id = client_id
    UNION ALL
    SELECT
        org_id, person_id, CASE WHEN role IN ('auditor', 'liquidator') THEN 6 ELSE 3 END,
        'officers', [org_id, person_id, role, CAST(valid_from AS VARCHAR)], _file_sha256, _row,
        valid_from, coalesce(valid_to - 1, DATE '9999-12-31')
    FROM officers SEMI JOIN party ON party.party_id = person_id
    UNION ALL
    SELECT
        org_id, owner_id, 2, 'owners', [org_id, owner_id, interest, CAST(valid_from AS VARCHAR)],
        _file_sha256, _row, coalesce(valid_from, DATE '0001-01-01'),
        coalesce(valid_to - 1, DATE '9999-12-31')
    FROM owners SEMI JOIN party ON party.party_id = owner_id
    UNION ALL
    SELECT
        org_id, client_id, 5, 'placements', [placement_id], _file_sha256, _row, start,
        coalesce("end", DATE '9999-12-31')
    FROM placements SEMI JOIN party ON party.party_id = client_id
    UNION ALL
    SELECT
        org_id, party_id, rank, 'visits', [min(visit_id)], NULL, NULL,
        CAST(min(start) AT TIME ZONE 'Europe/Stockholm' AS DATE),
        CAST(max(start) AT TIME ZONE 'Europe/Stockholm' AS DATE)
    FROM met GROUP BY org_id, party_id, rank
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
    WHERE x.houses BETWEEN $offices AND 100 AND u.node NOT LIKE 'agreement %'
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
        SELECT org_id FROM organisations ANTI JOIN provider USING (org_id)
        WHERE regexp_matches(industry, '^\s*(68|69|70\.?1|82\.?[12]|94)')
        UNION SELECT subcontractor_id FROM subcontracts
        ANTI JOIN provider ON provider.org_id = subcontractor_id
        UNION SELECT party_id FROM paper WHERE rank = 6
        UNION SELECT org_id FROM municipalities
    ) AS f ON f.org_id = g.party_id
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
    WHERE g.is_address AND g.value IN (SELECT door FROM lives)
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
-- What a party stands for: itself, its firms and all above them, mandates, homes.
link AS (
    SELECT
        party_id, org_id AS node,
        CASE WHEN rank IN (2, 3) THEN since ELSE DATE '0001-01-01' END AS since,
        CASE WHEN rank IN (2, 3) THEN until ELSE DATE '9999-12-31' END AS until
    FROM paper
    UNION
    SELECT party_id, party_id, DATE '0001-01-01', DATE '9999-12-31' FROM party
),
known AS (
    SELECT * FROM link
    UNION
    SELECT a.id, l.node, l.since, l.until FROM alias AS a JOIN link AS l ON l.party_id = a.known_as
),
near AS (
    SELECT * FROM known
    UNION
    SELECT k.party_id, u.node, greatest(k.since, u.since), least(k.until, u.until)
    FROM known AS k JOIN above AS u ON u.org_id = k.node
    UNION
    SELECT
        CASE WHEN side = 1 THEN person_id ELSE client_id END,
        concat('mandate ', person_id, ' ', client_id), DATE '0001-01-01', DATE '9999-12-31'
    FROM mandates CROSS JOIN side
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
    SELECT p.*, h.door, g.door AS stranger_door, n.residents
    FROM pair AS p ANTI JOIN kin USING (value, provider_id, other_id, party_id, stranger_id)
    LEFT JOIN behind AS h ON h.party_id = p.party_id
    LEFT JOIN behind AS g ON g.party_id = p.stranger_id
    LEFT JOIN house_number AS n ON n.value = p.value AND n.door = h.door
),
-- The papers of a party: the row that gives the contact, and the one that gives the role.
member AS (SELECT DISTINCT value, provider_id, party_id, rank FROM lead),
proof AS (
    SELECT m.*, p.origin, p.key, p._file_sha256, p._row
    FROM member AS m JOIN above AS a ON a.org_id = m.provider_id
    JOIN paper AS p ON p.party_id = m.party_id AND p.rank = m.rank AND p.org_id = a.node
    QUALIFY row_number() OVER (
        PARTITION BY m.value, m.provider_id, m.party_id, m.rank
        ORDER BY p.org_id <> m.provider_id, p.origin, p.until DESC, p.since DESC, p.key
    ) = 1
),
cited AS (
    SELECT * FROM proof WHERE origin <> 'visits'
    UNION ALL
    SELECT p.* REPLACE (v._file_sha256 AS _file_sha256, v._row AS _row)
    FROM proof AS p JOIN visits AS v ON v.visit_id = p.key[1] WHERE p.origin = 'visits'
    UNION ALL
    SELECT m.*, g.origin_table, [m.party_id], r._file_sha256, r._row
    FROM member AS m JOIN given AS g ON g.value = m.value AND g.party_id = m.party_id
    JOIN (
        SELECT person_id, 'persons' AS origin, _file_sha256, _row FROM persons
        UNION ALL
        SELECT org_id, 'organisations', _file_sha256, _row FROM organisations
    ) AS r ON r.person_id = m.party_id AND r.origin = g.origin_table
    UNION ALL
    SELECT m.*, 'residences', [m.party_id, CAST(g.told_from AS VARCHAR)], r._file_sha256, r._row
    FROM member AS m JOIN given AS g ON g.value = m.value AND g.party_id = m.party_id
    JOIN residences AS r ON r.person_id = m.party_id AND r.valid_from = g.told_from
    WHERE g.origin_table = 'residences'
)

SELECT
    l.provider_id, [{'role': 'shared', 'kind': 'value', 'id': l.value}] AS subjects,
    l.since, l.until, 1 AS events, 1 AS days,
    CAST(NULL AS DOUBLE) AS exposure_lower, CAST(NULL AS DOUBLE) AS exposure_upper,
    l.value, h.houses, l.party_id, l.is_firm, l.rank, l.other_id, l.stranger_id, l.stranger_firm, l.residents,
    l.stranger_rank, l.door, l.stranger_door, r.org_id IS NOT NULL AND s.org_id IS NOT NULL AS registered,
    count(a.changed_on) > 0 AS changed,
    list({'table': c.origin, 'key': c.key, 'file_sha256': c._file_sha256, 'row': c._row}) AS evidence
FROM lead AS l JOIN cited AS c USING (value, provider_id, party_id, rank)
JOIN (SELECT DISTINCT value, houses FROM house) AS h USING (value)
LEFT JOIN (SELECT DISTINCT org_id FROM step WHERE rank > 0) AS r ON r.org_id = l.provider_id
LEFT JOIN (SELECT DISTINCT org_id FROM step WHERE rank > 0) AS s ON s.org_id = l.other_id
LEFT JOIN organisation_changes AS a ON a.org_id IN (l.provider_id, l.other_id)
    AND a.what IN ('owner', 'name') AND abs(date_diff('day', a.changed_on, l.until)) <= $stale_days
GROUP BY ALL

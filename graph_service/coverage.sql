-- One row: a source of data and a provider about whom it says something, with the provider's
-- municipality and size. What is not covered is named as not assessed, never as low.
WITH served AS (
    SELECT org_id, municipality, client_id FROM visits
    UNION
    SELECT org_id, municipality, client_id FROM enrolments
    UNION
    SELECT org_id, NULL, client_id FROM placements
),

seen AS (
    SELECT org_id, municipality FROM served
    UNION
    SELECT org_id, municipality FROM contracts
    UNION
    SELECT org_id, municipality FROM invoices
),

home AS (
    SELECT s.org_id, s.municipality, count(DISTINCT c.client_id) AS clients
    FROM seen AS s
    LEFT JOIN served AS c ON c.org_id = s.org_id AND c.municipality IS NOT DISTINCT FROM s.municipality
    GROUP BY s.org_id, s.municipality
),

-- Peers are those of the municipality in which a provider has most of its clients.
provider AS (
    SELECT h.org_id AS provider_id, h.municipality, t.clients
    FROM home AS h
    JOIN (SELECT org_id, count(DISTINCT client_id) AS clients FROM served GROUP BY org_id
        UNION ALL
        SELECT DISTINCT s.org_id, 0 FROM seen AS s ANTI JOIN served AS c ON c.org_id = s.org_id
    ) AS t ON t.org_id = h.org_id
    QUALIFY row_number() OVER (
        PARTITION BY h.org_id ORDER BY h.municipality IS NULL, h.clients DESC, h.municipality
    ) = 1
),

told AS (
    SELECT DISTINCT 'visits' AS source, org_id FROM visits
    UNION ALL
    SELECT DISTINCT 'signed_visits', org_id FROM visits
    WHERE login_id IS NOT NULL AND device_id IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'enrolments', org_id FROM enrolments
    UNION ALL
    SELECT DISTINCT 'employments', org_id FROM employments
    UNION ALL
    SELECT DISTINCT 'contracts', org_id FROM contracts
    UNION ALL
    SELECT DISTINCT 'permits', org_id FROM permits
    UNION ALL
    SELECT DISTINCT 'organisations', org_id FROM organisations
    UNION ALL
    SELECT DISTINCT 'officers', org_id FROM officers
    UNION ALL
    SELECT DISTINCT 'owners', org_id FROM owners
    UNION ALL
    SELECT DISTINCT 'invoices', org_id FROM invoices
    UNION ALL
    SELECT DISTINCT 'invoice_lines', i.org_id FROM invoices AS i JOIN invoice_lines USING (invoice_id)
    UNION ALL
    SELECT DISTINCT 'placements', org_id FROM placements
    UNION ALL
    SELECT DISTINCT 'logins', org_id FROM logins
    UNION ALL
    SELECT DISTINCT 'login_events', l.org_id FROM logins AS l JOIN login_events USING (login_id)
    UNION ALL
    SELECT DISTINCT 'decisions', v.org_id
    FROM (SELECT DISTINCT org_id, client_id FROM enrolments
        UNION SELECT DISTINCT org_id, client_id FROM visits
        UNION SELECT DISTINCT i.org_id, l.client_id FROM invoices AS i JOIN invoice_lines AS l
            USING (invoice_id)) AS v
    JOIN decisions AS d ON d.client_id = v.client_id
    -- A contact is known of a provider by its own row, or by those who run it or work there.
    UNION ALL
    SELECT DISTINCT 'contacts', r.org_id
    FROM (SELECT org_id, org_id AS party_id FROM organisations
        UNION SELECT org_id, person_id FROM employments
        UNION SELECT org_id, person_id FROM officers
        UNION SELECT org_id, owner_id FROM owners) AS r
    JOIN (SELECT org_id AS party_id, phone, email, street FROM organisations
        UNION ALL SELECT person_id, phone, email, NULL FROM persons) AS c USING (party_id)
    WHERE coalesce(c.phone, c.email, c.street) IS NOT NULL
    -- An account is known of a provider by holding it, by an invoice or by a payment.
    UNION ALL
    SELECT 'accounts', org_id FROM (
        SELECT holder_id AS org_id FROM accounts WHERE holder_kind = 'organisation'
        UNION SELECT org_id FROM invoices WHERE account IS NOT NULL
        UNION SELECT payee_id FROM payments WHERE payee_account IS NOT NULL
    )
)

SELECT p.provider_id, p.municipality, p.clients, list(t.source) AS sources
FROM provider AS p LEFT JOIN told AS t ON t.org_id = p.provider_id
GROUP BY p.provider_id, p.municipality, p.clients
ORDER BY p.provider_id

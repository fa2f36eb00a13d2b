-- One row is one organisation or person, one table and column that mentions it, and its role.
-- It matters because who acts in the records is a node, also when no register row tells of it.
CREATE OR REPLACE TEMP TABLE organisation_mentions AS
SELECT DISTINCT org_id, origin_table, origin_column, provider
FROM (
    SELECT org_id, 'organisations' AS origin_table, 'org_id' AS origin_column, false AS provider
    FROM organisations
    UNION ALL SELECT org_id, 'organisation_changes', 'org_id', false FROM organisation_changes
    UNION ALL SELECT org_id, 'officers', 'org_id', false FROM officers
    UNION ALL SELECT org_id, 'owners', 'org_id', false FROM owners
    UNION ALL
    SELECT owner_id, 'owners', 'owner_id', false
    FROM owners WHERE party_kind(owner_id, owner_kind) = 'organisation'
    UNION ALL SELECT org_id, 'permits', 'org_id', false FROM permits
    UNION ALL SELECT org_id, 'contracts', 'org_id', true FROM contracts
    UNION ALL SELECT org_id, 'subcontracts', 'org_id', false FROM subcontracts
    UNION ALL SELECT subcontractor_id, 'subcontracts', 'subcontractor_id', false FROM subcontracts
    UNION ALL SELECT org_id, 'municipalities', 'org_id', false FROM municipalities
    UNION ALL
    SELECT holder_id, 'accounts', 'holder_id', false
    FROM accounts WHERE holder_kind = 'organisation'
    UNION ALL SELECT org_id, 'employments', 'org_id', false FROM employments
    UNION ALL SELECT org_id, 'logins', 'org_id', false FROM logins
    UNION ALL SELECT org_id, 'enrolments', 'org_id', true FROM enrolments
    UNION ALL SELECT org_id, 'visits', 'org_id', true FROM visit_months
    UNION ALL SELECT org_id, 'placements', 'org_id', true FROM placements
    UNION ALL SELECT org_id, 'invoices', 'org_id', true FROM invoices
    UNION ALL SELECT org_id, 'incidents', 'org_id', false FROM incidents
    UNION ALL
    SELECT about_id, 'tips', 'about_id', false FROM tips WHERE about_kind = 'organisation'
    UNION ALL SELECT org_id, 'quality_reviews', 'org_id', false FROM quality_reviews
    UNION ALL SELECT org_id, 'background_checks', 'org_id', false FROM background_checks
)
WHERE org_id IS NOT NULL;

-- A payment does not say what its parties are: 12 digits are a firm if a sole trader has them.
CREATE OR REPLACE TEMP TABLE payment_parties AS
WITH sole_traders AS (
    SELECT DISTINCT org_id FROM organisation_mentions
    WHERE regexp_full_match(org_id, '[0-9]{12}')
),
parties AS (
    SELECT payer_id AS id, 'payer_id' AS origin_column FROM payments
    UNION
    SELECT payee_id, 'payee_id' FROM payments
)
SELECT
    id,
    origin_column,
    CASE WHEN org_id IS NULL THEN party_kind(id, NULL) ELSE 'organisation' END AS kind
FROM parties
LEFT JOIN sole_traders ON org_id = id
WHERE id IS NOT NULL;

INSERT INTO organisation_mentions
SELECT id, 'payments', origin_column, false FROM payment_parties WHERE kind = 'organisation';

CREATE OR REPLACE TEMP TABLE person_mentions AS
SELECT DISTINCT person_id, origin_table, origin_column, label
FROM (
    SELECT person_id, 'persons' AS origin_table, 'person_id' AS origin_column, NULL AS label
    FROM persons
    UNION ALL SELECT person_id, 'residences', 'person_id', NULL FROM residences
    UNION ALL SELECT person_id, 'mandates', 'person_id', NULL FROM mandates
    UNION ALL SELECT client_id, 'mandates', 'client_id', 'Client' FROM mandates
    UNION ALL SELECT person_id, 'officers', 'person_id', 'Officer' FROM officers
    UNION ALL
    SELECT owner_id, 'owners', 'owner_id', 'Owner'
    FROM owners WHERE party_kind(owner_id, owner_kind) = 'person'
    UNION ALL
    SELECT org_id, origin_table, origin_column, 'Owner'
    FROM organisation_mentions WHERE regexp_full_match(org_id, '[0-9]{12}')
    UNION ALL SELECT person_id, 'trading_bans', 'person_id', NULL FROM trading_bans
    UNION ALL
    SELECT holder_id, 'accounts', 'holder_id', NULL FROM accounts WHERE holder_kind = 'person'
    UNION ALL SELECT person_id, 'employments', 'person_id', 'Worker' FROM employments
    UNION ALL SELECT person_id, 'logins', 'person_id', NULL FROM logins
    UNION ALL SELECT client_id, 'tags', 'client_id', 'Client' FROM tags
    UNION ALL SELECT client_id, 'decisions', 'client_id', 'Client' FROM decisions
    UNION ALL SELECT official_id, 'decisions', 'official_id', 'Official' FROM decisions
    UNION ALL SELECT client_id, 'enrolments', 'client_id', 'Client' FROM enrolments
    UNION ALL SELECT worker_id, 'visits', 'worker_id', 'Worker' FROM visit_months
    UNION ALL SELECT client_id, 'visits', 'client_id', 'Client' FROM visit_months
    UNION ALL SELECT client_id, 'absences', 'client_id', 'Client' FROM absences
    UNION ALL SELECT client_id, 'placements', 'client_id', 'Client' FROM placements
    UNION ALL SELECT client_id, 'fees', 'client_id', 'Client' FROM fees
    UNION ALL SELECT ordered_by, 'invoices', 'ordered_by', 'Official' FROM invoices
    UNION ALL SELECT received_by, 'invoices', 'received_by', 'Official' FROM invoices
    UNION ALL SELECT approved_by, 'invoices', 'approved_by', 'Official' FROM invoices
    UNION ALL SELECT client_id, 'invoice_lines', 'client_id', 'Client' FROM invoice_lines
    UNION ALL
    SELECT id, 'payments', origin_column, NULL FROM payment_parties WHERE kind = 'person'
    UNION ALL SELECT client_id, 'payments', 'client_id', 'Client' FROM payments
    UNION ALL SELECT person_id, 'officials', 'person_id', 'Official' FROM officials
    UNION ALL SELECT official_id, 'incidents', 'official_id', 'Official' FROM incidents
    UNION ALL SELECT about_id, 'tips', 'about_id', NULL FROM tips WHERE about_kind = 'person'
    UNION ALL SELECT person_id, 'background_checks', 'person_id', NULL FROM background_checks
)
WHERE person_id IS NOT NULL;

CREATE OR REPLACE TEMP TABLE protected_persons AS
SELECT person_id FROM persons WHERE protection <> 'none';

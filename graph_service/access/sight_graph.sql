-- One row is one entity, or one relationship between two, as this reach may see it: a person, and
-- what only persons have, by reference alone.
-- It matters because look-ups read these tables and nothing else.
CREATE TABLE nodes AS
SELECT node.* EXCLUDE (number) REPLACE (
    seen.ref AS node_id,
    seen.shown AS key,
    list_filter(
        node.labels,
        lambda label: CASE label
            WHEN 'Official' THEN $insiders
            WHEN 'Client' THEN seen.cared_within OR NOT seen.in_care
            WHEN 'Worker' THEN seen.cared_within OR NOT seen.in_care
            ELSE true
        END
    ) AS labels,
    CASE WHEN NOT seen.personal THEN node.name END AS name,
    CASE WHEN seen.personal THEN search_lines(NULL, seen.ref) ELSE node.search END AS search,
    CAST(NULL AS VARCHAR) AS origin_table,
    CAST(NULL AS VARCHAR) AS origin_key,
    CASE WHEN NOT seen.personal THEN deceased_on END AS deceased_on,
    CAST(NULL AS VARCHAR) AS care_of,
    CASE WHEN NOT seen.personal THEN street END AS street,
    CASE WHEN NOT seen.personal THEN postcode END AS postcode,
    CASE WHEN NOT seen.personal THEN city END AS city,
    CASE WHEN NOT seen.personal THEN house END AS house,
    CASE WHEN NOT seen.personal THEN lat END AS lat,
    CASE WHEN NOT seen.personal THEN lon END AS lon,
    invoice.shown AS invoice_id,
    -- What a board or a name became may name a person.
    CAST(NULL AS VARCHAR) AS "after"
)
FROM whole.nodes AS node
JOIN seen ON seen.node_id = node.node_id
LEFT JOIN seen AS invoice ON invoice.node_id = 'invoice:' || node.invoice_id
ORDER BY seen.ref;

-- A relationship that happened under a provider who is hidden is hidden too.
CREATE OR REPLACE TEMP TABLE ties AS
SELECT
    edge.*,
    source.ref AS source_ref,
    target.ref AS target_ref,
    under.shown AS provider_shown
FROM whole.edges AS edge
JOIN seen AS source ON source.node_id = edge.source_id
JOIN seen AS target ON target.node_id = edge.target_id
LEFT JOIN seen AS under ON under.node_id = 'organisation:' || edge.provider_id
WHERE edge.provider_id IS NULL OR under.node_id IS NOT NULL;

-- What was summed over many rows is summed again over those that are seen: else a difference
-- would tell what is hidden.
CREATE OR REPLACE TEMP TABLE retold AS
WITH visited AS (
    SELECT
        source_id AS worker, target_id AS client, 'organisation:' || provider_id AS provider,
        municipality, visits, first, last
    FROM ties
    WHERE type = 'VISITED'
)
SELECT
    'WORKED_FOR' AS type, worker AS source_id, provider AS target_id, municipality AS part,
    sum(visits) AS visits, NULL AS payments, NULL AS amount, min(first) AS first, max(last) AS last
FROM visited
GROUP BY ALL
UNION ALL
SELECT
    'CARED_FOR_BY', client, provider, municipality,
    sum(visits), NULL, NULL, min(first), max(last)
FROM visited
GROUP BY ALL
UNION ALL
SELECT
    'TRANSFERRED_TO', ends.source_id, ends.target_id, currency,
    NULL, count(*), sum(amount), min(paid_on), max(paid_on)
FROM whole.scope_payments AS ends
JOIN seen ON seen.node_id = ends.node_id
JOIN whole.nodes AS payment ON payment.node_id = ends.node_id
GROUP BY ALL;

CREATE TABLE edges AS
SELECT ties.* EXCLUDE (
    number, source_ref, target_ref, provider_shown, whole_reach, summed, part
) REPLACE (
    ties.type || ':' || base32_letters(keyed(edge_id)) AS edge_id,
    source_ref AS source_id,
    target_ref AS target_id,
    CAST(NULL AS VARCHAR) AS origin_table,
    CAST(NULL AS VARCHAR) AS origin_key,
    provider_shown AS provider_id,
    CAST(NULL AS VARCHAR) AS title,
    CASE
        WHEN ties.type = 'CONTRACTED_BY' AND NOT holds_personal_number(reference) THEN reference
    END AS reference,
    CASE WHEN ties.type = 'VISITED' THEN ties.visits ELSE CAST(retold.visits AS BIGINT) END AS visits,
    CAST(NULL AS BIGINT) AS events,
    CAST(retold.payments AS BIGINT) AS payments,
    CASE WHEN ties.type = 'TRANSFERRED_TO' THEN retold.amount ELSE ties.amount END AS amount,
    CASE
        WHEN retold.type IS NOT NULL THEN retold.first
        WHEN whole_reach OR NOT summed THEN ties.first
    END AS first,
    CASE
        WHEN retold.type IS NOT NULL THEN retold.last
        WHEN whole_reach OR NOT summed THEN ties.last
    END AS last
)
FROM (
    SELECT
        *,
        CAST($units AS VARCHAR[]) IS NULL AS whole_reach,
        type IN ('SERVED_IN', 'ACTIVE_IN', 'USES_LOGIN', 'SIGNED_IN_ON', 'HOLDS_ACCOUNT') AS summed,
        CASE type WHEN 'TRANSFERRED_TO' THEN currency ELSE municipality END AS part
    FROM ties
) AS ties
LEFT JOIN retold USING (type, source_id, target_id, part)
WHERE ties.type NOT IN ('WORKED_FOR', 'CARED_FOR_BY', 'TRANSFERRED_TO') OR retold.type IS NOT NULL
ORDER BY ties.type, source_ref, target_ref, edge_id;

CREATE TABLE links AS
SELECT link.* REPLACE (one.shown AS a, other.shown AS b, CAST(NULL AS VARCHAR) AS reason)
FROM whole.links AS link
JOIN seen AS one ON one.node_id = link.kind || ':' || link.a
JOIN seen AS other ON other.node_id = link.kind || ':' || link.b;

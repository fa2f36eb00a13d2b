-- One row of scope_nodes is one entity of the run: whose data it is, and which units it belongs to.
-- It matters because who may see what is decided from the records, and the run file has them not.

-- Whose identity is protected, and every likely second record of the same person (SAME_AS, or a
-- sole trader's firm): a second number would give the home away all the same.
CREATE OR REPLACE TEMP TABLE scope_protected AS
WITH RECURSIVE one_person AS (
    SELECT source_id AS one, target_id AS other
    FROM edges
    WHERE type = 'SAME_AS' AND starts_with(source_id, 'person:') AND starts_with(target_id, 'person:')
    UNION
    SELECT source_id, target_id FROM edges WHERE type = 'OWNS' AND role = 'sole_trader'
),
hidden AS (
    SELECT node_id, 'person:' || key AS protector
    FROM nodes
    WHERE protected
    UNION
    SELECT
        CASE WHEN one = hidden.node_id THEN other ELSE one END,
        hidden.protector
    FROM hidden
    JOIN one_person ON hidden.node_id IN (one, other)
)
SELECT node_id, list_sort(list(DISTINCT protector)) AS protectors FROM hidden GROUP BY node_id;

CREATE OR REPLACE TEMP TABLE scope_client_units AS
SELECT client_id, unit FROM decisions WHERE unit IS NOT NULL
UNION
SELECT client_id, invoices.unit
FROM invoice_lines
JOIN invoices USING (invoice_id)
WHERE client_id IS NOT NULL AND invoices.unit IS NOT NULL;

-- Who receives care, gives it, acts or pays for somebody; and for whom. A firm is nobody.
CREATE OR REPLACE TEMP TABLE scope_care AS
WITH clients AS (
    SELECT client_id FROM mandates
    UNION SELECT client_id FROM tags
    UNION SELECT client_id FROM decisions
    UNION SELECT client_id FROM enrolments
    UNION SELECT client_id FROM visits
    UNION SELECT client_id FROM absences
    UNION SELECT client_id FROM placements
    UNION SELECT client_id FROM fees
    UNION SELECT client_id FROM invoice_lines
    UNION SELECT client_id FROM payments
),
told AS (
    SELECT client_id AS person_id, client_id FROM clients WHERE client_id IS NOT NULL
    UNION SELECT worker_id, client_id FROM visits
    UNION SELECT person_id, client_id FROM mandates
    UNION SELECT payer_id, client_id FROM payments WHERE client_id IS NOT NULL
    UNION SELECT payee_id, client_id FROM payments WHERE client_id IS NOT NULL
)
SELECT node_id, client_id
FROM told
JOIN nodes ON node_id = 'person:' || person_id;

CREATE OR REPLACE TEMP TABLE scope_units AS
SELECT node_id, unit FROM scope_care JOIN scope_client_units USING (client_id)
UNION SELECT 'decision:' || decision_id, unit FROM decisions WHERE unit IS NOT NULL
UNION SELECT 'invoice:' || invoice_id, unit FROM invoices WHERE unit IS NOT NULL;

-- A payment is of its invoice's unit; of one without an invoice, of its client's, else of theirs
-- whom it pays or who pay it.
INSERT INTO scope_units
WITH told AS (
    SELECT payment_id, unit, 1 AS rank FROM payments JOIN invoices USING (invoice_id)
    UNION
    SELECT payment_id, unit, 2 FROM payments JOIN scope_client_units USING (client_id)
    UNION
    SELECT payment_id, unit, 3 FROM payments JOIN scope_units ON node_id = 'person:' || payee_id
    UNION
    SELECT payment_id, unit, 3 FROM payments JOIN scope_units ON node_id = 'person:' || payer_id
)
SELECT 'payment:' || payment_id, unit
FROM (FROM told QUALIFY rank = min(rank) OVER (PARTITION BY payment_id))
WHERE unit IS NOT NULL;

-- Which persons, firms and papers a thing hangs on.
CREATE OR REPLACE TEMP TABLE scope_holders AS
WITH held AS (
    SELECT target_id AS node_id, source_id AS holder
    FROM edges
    WHERE type IN (
        'HAS_TAG', 'HOLDS_ACCOUNT', 'RESIDES_AT', 'REGISTERED_AT', 'REACHED_AT', 'USES_LOGIN',
        'HOLDS_PERMIT', 'CHANGED', 'REVIEWED', 'UNDER_BAN', 'INVOICED'
    )
    UNION SELECT source_id, target_id FROM edges WHERE type = 'DECIDED_FOR'
    UNION SELECT 'tag:' || tag_id, 'person:' || client_id FROM visits WHERE tag_id IS NOT NULL
    UNION SELECT 'login:' || login_id, 'person:' || worker_id FROM visits WHERE login_id IS NOT NULL
    UNION
    SELECT 'device:' || device_id, 'person:' || worker_id FROM visits WHERE device_id IS NOT NULL
    UNION
    SELECT 'device:' || device_id, 'person:' || person_id
    FROM login_events
    JOIN logins USING (login_id)
    WHERE device_id IS NOT NULL
),
paid AS (
    SELECT 'account:' || payer_account AS node_id, 'payment:' || payment_id AS holder
    FROM payments WHERE payer_account IS NOT NULL
    UNION ALL
    SELECT 'account:' || payee_account, 'payment:' || payment_id
    FROM payments WHERE payee_account IS NOT NULL
    UNION ALL
    SELECT 'account:' || account, 'invoice:' || invoice_id FROM invoices WHERE account IS NOT NULL
)
SELECT node_id, holder FROM held
UNION
SELECT node_id, holder FROM paid WHERE node_id NOT IN (SELECT node_id FROM held);

-- A paper is hidden with all whom it names, except that an invoice of many clients stays.
INSERT INTO scope_protected
WITH named AS (
    SELECT 'payment:' || payment_id AS node_id, 'person:' || unnest([client_id, payer_id, payee_id])
        AS holder
    FROM payments
    UNION SELECT node_id, holder FROM scope_holders WHERE starts_with(node_id, 'decision:')
    UNION SELECT node_id, holder FROM scope_holders WHERE starts_with(node_id, 'invoice:')
),
protectors AS (
    SELECT named.node_id, unnest(protectors) AS protector
    FROM named
    JOIN scope_protected AS hidden ON hidden.node_id = holder
    UNION
    SELECT node_id, unnest(protectors)
    FROM (
        SELECT source_id AS node_id, flatten(list(protectors)) AS protectors
        FROM edges
        LEFT JOIN scope_protected AS hidden ON hidden.node_id = target_id
        WHERE type = 'BILLED_FOR'
        GROUP BY source_id
        HAVING count(*) = count(protectors)
    )
)
SELECT node_id, list_sort(list(DISTINCT protector)) FROM protectors GROUP BY node_id;

INSERT INTO scope_protected
SELECT source_id, list_sort(list_distinct(flatten(list(hidden.protectors))))
FROM edges
JOIN scope_protected AS hidden ON hidden.node_id = target_id
WHERE type = 'SETTLES' AND source_id NOT IN (SELECT node_id FROM scope_protected)
GROUP BY source_id;

-- Whom only the municipality's own affairs tell of: officials, incidents, tips.
CREATE OR REPLACE TEMP TABLE scope_insiders AS
WITH told AS (
    SELECT node_id
    FROM nodes
    WHERE kind IN ('person', 'organisation')
        AND (list_contains(labels, 'Official') OR origin_table IN ('incidents', 'tips'))
)
FROM told
ANTI JOIN (
    SELECT source_id AS node_id FROM edges SEMI JOIN told ON told.node_id = source_id
    UNION ALL
    SELECT target_id FROM edges SEMI JOIN told ON told.node_id = target_id
) USING (node_id);

-- The persons, firms and papers; what hangs on them comes after.
CREATE OR REPLACE TABLE scope_nodes AS
SELECT
    node_id,
    reference_of(node_id) AS ref,
    kind,
    key,
    kind IN ('person', 'ban', 'login', 'tag')
        OR (kind = 'organisation' AND regexp_full_match(key, '[0-9]{12}'))
        OR holds_personal_number(key) AS personal,
    CASE
        WHEN kind IN ('decision', 'invoice', 'payment') THEN true
        WHEN kind = 'person' THEN node_id IN (SELECT node_id FROM scope_care)
            AND node_id NOT IN (
                SELECT source_id FROM edges WHERE type IN ('OWNS', 'OFFICER_OF', 'UNDER_BAN')
            )
        ELSE false
    END AS restricted,
    node_id IN (SELECT node_id FROM scope_care) AS in_care,
    node_id IN (SELECT node_id FROM scope_insiders) AS insider,
    coalesce(units, []) AS units,
    coalesce(protectors, []) AS protectors
FROM nodes
LEFT JOIN (
    SELECT node_id, list_sort(list(DISTINCT unit)) AS units FROM scope_units GROUP BY node_id
) USING (node_id)
LEFT JOIN scope_protected USING (node_id)
WHERE kind NOT IN ('account', 'address', 'phone', 'email', 'device', 'login', 'tag');

-- A thing is of the units of those it hangs on, and free where one of them is; of nobody's where
-- none is known. A tag or login is hidden with any of them, what people share with all of them.
INSERT INTO scope_nodes
SELECT
    thing.node_id,
    reference_of(thing.node_id),
    any_value(thing.kind),
    any_value(thing.key),
    any_value(thing.kind) IN ('login', 'tag')
        OR (
            any_value(thing.kind) <> 'device'
            AND NOT coalesce(bool_or(holder.kind = 'organisation' AND NOT holder.personal), false)
        )
        OR holds_personal_number(any_value(thing.key)),
    coalesce(bool_and(holder.restricted), true),
    false,
    false,
    list_sort(list_distinct(flatten(coalesce(list(holder.units), [])))),
    CASE
        WHEN any_value(thing.kind) IN ('login', 'tag')
            OR count(*) = count(*) FILTER (len(holder.protectors) > 0)
            THEN list_sort(list_distinct(flatten(coalesce(list(holder.protectors), []))))
        ELSE []
    END
FROM nodes AS thing
LEFT JOIN scope_holders USING (node_id)
LEFT JOIN scope_nodes AS holder ON holder.node_id = scope_holders.holder
WHERE thing.kind IN ('account', 'address', 'phone', 'email', 'device', 'login', 'tag')
GROUP BY thing.node_id;

-- What hangs on one holder alone goes with it.
UPDATE scope_nodes
SET protectors = hidden.protectors
FROM scope_holders
JOIN scope_protected AS hidden ON hidden.node_id = scope_holders.holder
WHERE scope_nodes.node_id = scope_holders.node_id
    AND scope_nodes.kind IN ('permit', 'change', 'review', 'ban');

-- One row is one payment and the two ends between which it is told, so that what passed between
-- two parties can be told again of the payments that somebody may see.
CREATE OR REPLACE TABLE scope_payments AS
SELECT
    'payment:' || payment_id AS node_id,
    coalesce('account:' || payer_account, payer.node_id, 'person:' || payer_id) AS source_id,
    coalesce('account:' || payee_account, payee.node_id, 'person:' || payee_id) AS target_id
FROM payments
LEFT JOIN nodes AS payer ON payer.node_id = 'organisation:' || payer_id
LEFT JOIN nodes AS payee ON payee.node_id = 'organisation:' || payee_id;

CREATE INDEX scope_nodes_ref ON scope_nodes (ref);

DROP TABLE scope_protected;
DROP TABLE scope_client_units;
DROP TABLE scope_care;
DROP TABLE scope_insiders;
DROP TABLE scope_units;
DROP TABLE scope_holders;

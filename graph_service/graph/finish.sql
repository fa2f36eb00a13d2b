-- One row is one node, and one row is one edge: sorted, so that a neighbourhood lies together,
-- and the same records give the same tables. What was needed on the way is dropped.
CREATE OR REPLACE TABLE nodes AS
SELECT
    kind || ':' || key AS node_id,
    * REPLACE (
        coalesce(protected, false) AS protected,
        search_lines(name, key) AS search
    )
FROM new_nodes
ORDER BY node_id;

CREATE OR REPLACE TABLE edges AS
SELECT
    type || ':' || md5(concat_ws(chr(31), source_id, target_id, origin_table, origin_key))
        AS edge_id,
    *
FROM new_edges
ORDER BY type, source_id, target_id, edge_id;

DROP TABLE new_nodes;
DROP TABLE new_edges;
DROP TABLE phone_keys;
DROP TABLE visit_months;
DROP TABLE visit_tools;
DROP TABLE organisation_mentions;
DROP TABLE payment_parties;
DROP TABLE person_mentions;
DROP TABLE protected_persons;
DROP TABLE person_addresses;
DROP TABLE organisation_addresses;

-- One row is one client, provider and municipality with all the performed visits between them.
-- It matters because clients that pass from one provider to another are a lead.
INSERT INTO new_edges BY NAME
SELECT
    'CARED_FOR_BY' AS type,
    'person:' || client_id AS source_id,
    'organisation:' || org_id AS target_id,
    municipality,
    sum(visits) AS visits,
    min(first) AS first,
    max(last) AS last,
    'visits' AS origin_table,
    to_json(struct_pack(client_id, org_id, municipality, status := 'performed')) AS origin_key
FROM visit_months
WHERE visits > 0
GROUP BY client_id, org_id, municipality;

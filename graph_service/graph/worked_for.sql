-- One row is one worker, provider and municipality with all the performed visits between them.
-- It matters because who works somewhere is told by the work, also where nobody told of staff.
INSERT INTO new_edges BY NAME
SELECT
    'WORKED_FOR' AS type,
    'person:' || worker_id AS source_id,
    'organisation:' || org_id AS target_id,
    municipality,
    sum(visits) AS visits,
    min(first) AS first,
    max(last) AS last,
    'visits' AS origin_table,
    to_json(struct_pack(worker_id, org_id, municipality, status := 'performed')) AS origin_key
FROM visit_months
WHERE visits > 0
GROUP BY worker_id, org_id, municipality;

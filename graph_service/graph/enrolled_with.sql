-- One row is one service that a provider gives a client for a time.
-- It matters because clients that move in step with a worker are a lead.
INSERT INTO new_edges BY NAME
SELECT
    'ENROLLED_WITH' AS type,
    'person:' || client_id AS source_id,
    'organisation:' || org_id AS target_id,
    valid_from,
    valid_to,
    municipality,
    service,
    end_reason,
    'enrolments' AS origin_table,
    to_json(struct_pack(client_id, org_id, service, valid_from)) AS origin_key
FROM enrolments;

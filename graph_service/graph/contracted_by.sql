-- One row is one contract of a provider with a municipality.
-- It matters because a contract tells who may do the work, and its end moves clients.
INSERT INTO new_edges BY NAME
SELECT
    'CONTRACTED_BY' AS type,
    'organisation:' || org_id AS source_id,
    'municipality:' || municipality AS target_id,
    valid_from,
    valid_to,
    service,
    end_reason,
    contract_id AS reference,
    'contracts' AS origin_table,
    to_json(struct_pack(contract_id)) AS origin_key
FROM contracts;

-- One row is one trading ban and the person.
-- It matters because who may not trade may not run a provider.
INSERT INTO new_edges BY NAME
SELECT
    'UNDER_BAN' AS type,
    'person:' || person_id AS source_id,
    'ban:' || person_id || ' ' || valid_from AS target_id,
    valid_from,
    valid_to,
    'trading_bans' AS origin_table,
    to_json(struct_pack(person_id, valid_from)) AS origin_key
FROM trading_bans;

-- One row is one change in the register, one follow-up of quality or one trading ban.
-- It matters because signs are read in the order in which things happened. What an address became
-- stands in no change, since it may be a home.
INSERT INTO new_nodes BY NAME
SELECT
    'change' AS kind,
    change_id AS key,
    ['Change'] AS labels,
    what,
    CASE WHEN what <> 'address' THEN "after" END AS "after",
    changed_on,
    'organisation_changes' AS origin_table,
    to_json(struct_pack(change_id)) AS origin_key
FROM organisation_changes;

INSERT INTO new_nodes BY NAME
SELECT
    'review' AS kind,
    review_id AS key,
    ['Review'] AS labels,
    reviewed_on,
    outcome,
    'quality_reviews' AS origin_table,
    to_json(struct_pack(review_id)) AS origin_key
FROM quality_reviews;

INSERT INTO new_nodes BY NAME
SELECT
    'ban' AS kind,
    person_id || ' ' || valid_from AS key,
    ['TradingBan'] AS labels,
    valid_from,
    valid_to,
    'trading_bans' AS origin_table,
    to_json(struct_pack(person_id, valid_from)) AS origin_key
FROM trading_bans;

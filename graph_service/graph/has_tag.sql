-- One row is one tag on one client's door post for a time.
-- It matters because a tag that is scanned elsewhere has left its home.
INSERT INTO new_edges BY NAME
SELECT
    'HAS_TAG' AS type,
    'person:' || client_id AS source_id,
    'tag:' || tag_id AS target_id,
    valid_from,
    valid_to,
    'tags' AS origin_table,
    to_json(struct_pack(tag_id, client_id, valid_from)) AS origin_key
FROM tags;

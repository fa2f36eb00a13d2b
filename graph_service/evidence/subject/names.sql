-- One row is a word by which somebody else is called, or the street where they live, in lower case.
-- It matters because a text that holds such a word may tell of them, and so is not told.
WITH said AS (
    SELECT person_id AS id, unnest([given_name, family_name, street]) AS told FROM kept.persons
    UNION ALL
    SELECT person_id, street FROM kept.residences
    UNION ALL
    SELECT org_id, unnest([name, street])
    FROM kept.organisations
    WHERE regexp_full_match(org_id, '[0-9]{12}')
    UNION ALL
    -- A c/o names another one, whoever's address it stands in.
    SELECT NULL, care_of FROM kept.persons
    UNION ALL
    SELECT NULL, care_of FROM kept.residences
),
words AS (
    SELECT id, unnest(regexp_split_to_array(lower(told), '[^\pL\pM\pN_]+')) AS word
    FROM said
    WHERE told IS NOT NULL
)
SELECT DISTINCT word
FROM words
WHERE id IS DISTINCT FROM $number
    AND length(word) > 1
    AND NOT regexp_full_match(word, '[0-9]+[a-z]?|co')
    AND word NOT IN (SELECT word FROM words WHERE id = $number);

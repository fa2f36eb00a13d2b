-- One row is one person as compared; below, one pair of them that is worth comparing.
-- It matters because a person under two numbers is two to every query. Persons with protected
-- identity take no part: a link gives an identity away.
CREATE OR REPLACE TEMP TABLE cards AS
WITH number AS (
    SELECT
        person_id AS id,
        regexp_full_match(person_id, '[0-9]{12}') AS numbered,
        TRY_CAST(substr(person_id, 7, 2) AS INTEGER) AS day,
        coalesce(folded(given_name), lower(trim(given_name))) AS given,
        coalesce(folded(family_name), lower(trim(family_name))) AS family,
        name_words(given_name) AS given_words,
        name_words(family_name) AS family_words
    FROM persons
    WHERE person_id NOT IN (SELECT key FROM nodes WHERE kind = 'person' AND protected)
)
SELECT
    id,
    CASE
        WHEN NOT numbered THEN split_part(id, ':', 1)
        WHEN day > 60 THEN 'samordningsnummer'
        ELSE 'personnummer'
    END AS register,
    NOT numbered AS opaque,
    -- Whole dates only: a samordningsnummer may leave the month or the day open.
    CASE WHEN numbered THEN strftime(
        try_strptime(left(id, 6) || format('{:02d}', day % 60), '%Y%m%d'), '%Y%m%d'
    ) END AS born,
    nullif(given, '') AS given,
    nullif(family, '') AS family,
    given_words,
    family_words,
    count(*) OVER (PARTITION BY given) AS namesakes,
    coalesce(homes_near, []) AS homes_near,
    coalesce(homes_far, []) AS homes_far,
    phone_near,
    phone_far,
    email_near,
    coalesce(tells_phone, false) AS tells_phone,
    coalesce(tells_email, false) AS tells_email,
    coalesce(tells_home, false) AS tells_home
FROM number
LEFT JOIN reach USING (id);

CREATE OR REPLACE TEMP TABLE keys AS
SELECT DISTINCT id, key
FROM (
    SELECT id, concat_ws('|', 'born', born, unnest(list_concat(given_words, family_words))) AS key
    FROM cards WHERE born IS NOT NULL
    UNION ALL SELECT id, 'phone|' || phone_near FROM cards WHERE phone_near IS NOT NULL
    UNION ALL SELECT id, 'email|' || email_near FROM cards WHERE email_near IS NOT NULL
    UNION ALL SELECT id, 'home|' || unnest(homes_near) FROM cards
    UNION ALL
    SELECT id, concat_ws('|', 'house', unnest(homes_far), given, family) FROM cards
    WHERE given IS NOT NULL AND family IS NOT NULL
);

CREATE OR REPLACE TEMP TABLE pairs AS
WITH narrow AS (
    SELECT id, key FROM keys
    QUALIFY count(*) OVER (PARTITION BY key) BETWEEN 2 AND $most_on_a_key
),
met AS (
    SELECT DISTINCT a.id AS a_id, b.id AS b_id
    FROM narrow AS a
    INNER JOIN narrow AS b ON a.key = b.key AND a.id < b.id
)
SELECT 0 AS match_key, a_id AS join_key_l, b_id AS join_key_r
FROM met
INNER JOIN cards AS a ON a.id = a_id
INNER JOIN cards AS b ON b.id = b_id
WHERE
    -- Two dates of birth are two persons, but for one slip of the key.
    coalesce(damerau_levenshtein(a.born, b.born) <= 1, true)
    -- Whoever gives the numbers tells its own persons apart: two of one register are one person
    -- only if birth and given name are the same to the letter. An issuer's ids tell no birth.
    AND (a.register <> b.register OR (a.born = b.born AND a.given = b.given))
    -- Another given name is another person: twins and couples have all else in common. One slip of
    -- the key is forgiven where it made a name that hardly anybody has.
    AND (
        a.given = b.given
        OR (a.given = b.family AND a.family = b.given)
        OR (len(a.given_words) > 0 AND list_has_all(b.given_words, a.given_words))
        OR (len(b.given_words) > 0 AND list_has_all(a.given_words, b.given_words))
        OR (
            least(length(a.given), length(b.given)) >= 4
            AND NOT regexp_matches(a.given || b.given, '[0-9]')
            AND least(a.namesakes, b.namesakes) <= 2
            AND (
                damerau_levenshtein(a.given, b.given) <= 1
                OR jaro_winkler_similarity(a.given, b.given) >= 0.94
            )
        )
    );

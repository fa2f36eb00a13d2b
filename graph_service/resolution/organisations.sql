-- One row is one firm as compared; below, one pair of them that is worth comparing.
-- It matters because a foreign firm has its own country's number and may have a Swedish one too.
CREATE OR REPLACE TEMP TABLE cards AS
WITH worded AS (
    SELECT
        org_id AS id,
        CASE
            WHEN regexp_full_match(org_id, '[0-9]{10}') THEN 'SE'
            ELSE split_part(org_id, ':', 1)
        END AS register,
        country,
        list_filter(
            string_split_regex(lower(strip_accents(name)), '[^\pL\pM\pN]+'),
            lambda word: word <> ''
        ) AS words,
        coalesce(legal_form, '') AS legal_form
    FROM organisations
    -- A sole trader is a person, and linked as one.
    WHERE NOT regexp_full_match(org_id, '[0-9]{12}')
),
named AS (
    SELECT
        *,
        list_filter(words, lambda word: NOT contains(
            ' ab aktiebolag aktiebolaget publ hb handelsbolag kb kommanditbolag ekonomisk forening '
            || 'ltd limited llc llp inc plc gmbh ag ou as aps oy oyj sarl sa bv nv sia uab srl spa kft '
            || 'doo ood eood zoo sp filial branch sverige sweden i in of ',
            ' ' || word || ' '
        )) AS own_words
    FROM worded
)
SELECT
    id,
    register,
    nullif(array_to_string(CASE WHEN len(own_words) > 0 THEN own_words ELSE words END, ''), '')
        AS name,
    list_sort(list_distinct(CASE WHEN len(own_words) > 0 THEN own_words ELSE words END))
        AS name_words,
    -- The register's country, and the foreign one that a Swedish row tells.
    nullif(register, 'XX') AS land,
    CASE WHEN register = 'SE' THEN nullif(country, 'SE') END AS abroad,
    -- A company of Swedish law has no second number: its namesake abroad is a parent or a sister.
    register = 'SE' AND (
        regexp_matches(
            lower(strip_accents(legal_form)),
            '^(ab|hb|kb)\b|aktiebolag|handelsbolag|kommanditbolag|forening|stiftelse|kommun|region'
        )
        OR (
            legal_form = ''
            AND list_has_any(
                words,
                ['ab', 'aktiebolag', 'aktiebolaget', 'hb', 'handelsbolag', 'kb', 'kommanditbolag',
                 'forening', 'stiftelse', 'stiftelsen', 'kommun', 'region']
            )
            AND NOT list_contains(words, 'filial')
        )
    ) AS swedish,
    coalesce(homes_near, []) AS homes_near,
    coalesce(homes_far, []) AS homes_far,
    phone_near,
    phone_far,
    email_near,
    domain_near,
    coalesce(tells_phone, false) AS tells_phone,
    coalesce(tells_email, false) AS tells_email,
    coalesce(tells_home, false) AS tells_home
FROM named
LEFT JOIN reach USING (id);

CREATE OR REPLACE TEMP TABLE keys AS
SELECT DISTINCT id, key
FROM (
    SELECT id, 'name|' || name AS key FROM cards WHERE name IS NOT NULL
    UNION ALL SELECT id, 'phone|' || phone_near FROM cards WHERE phone_near IS NOT NULL
    UNION ALL SELECT id, 'email|' || email_near FROM cards WHERE email_near IS NOT NULL
    UNION ALL SELECT id, 'domain|' || domain_near FROM cards WHERE domain_near IS NOT NULL
    UNION ALL SELECT id, 'home|' || unnest(homes_near) FROM cards
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
    -- Two numbers of one register are two firms by law, also when all else is the same. So are those
    -- of two foreign registers, unless the country is unknown (XX).
    a.register <> b.register
    AND ('SE' IN (a.register, b.register) OR 'XX' IN (a.register, b.register))
    AND NOT a.swedish AND NOT b.swedish
    AND coalesce(a.abroad = b.land, true) AND coalesce(b.abroad = a.land, true)
    -- A firm does not own itself.
    AND NOT EXISTS (
        SELECT 1 FROM owners WHERE owners.org_id IN (a_id, b_id) AND owners.owner_id IN (a_id, b_id)
    )
    AND (
        jaro_winkler_similarity(a.name, b.name) >= 0.94
        OR (len(a.name_words) > 1 AND list_has_all(b.name_words, a.name_words))
        OR (len(b.name_words) > 1 AND list_has_all(a.name_words, b.name_words))
    );

-- One row is where one person or firm lives, is registered and is reached: what few share stands
-- in *_near, what several share in *_far, and what a crowd shares nowhere.
-- It matters because a home tells who somebody is, and an office hotel does not. Those with
-- protected identity have no such edges.
CREATE OR REPLACE TEMP MACRO id_of(node) AS substr(node, strpos(node, ':') + 1);

-- The words of a name: lower case, without accents; names in other letters as they stand.
CREATE OR REPLACE TEMP MACRO name_words(name) AS list_sort(list_distinct(list_filter(
    list_transform(
        string_split_regex(lower(name), '[^\pL\pM\pN''’]+'),
        lambda word: coalesce(folded(word), word)
    ),
    lambda word: word <> ''
)));

CREATE OR REPLACE TEMP TABLE reach AS
WITH home AS (
    SELECT DISTINCT
        id_of(source_id) AS id,
        -- The door counts beside the flat: one source writes its number, another does not.
        unnest([
            id_of(target_id), regexp_replace(id_of(target_id), '(lgh|lagenhet) ?[0-9]+', '')
        ]) AS home
    FROM edges
    WHERE type IN ('RESIDES_AT', 'REGISTERED_AT') AND starts_with(source_id, $kind || ':')
),
homes AS (
    SELECT
        id,
        list(home) FILTER (WHERE holders <= $household) AS homes_near,
        list(home) FILTER (WHERE holders BETWEEN $household + 1 AND $crowd) AS homes_far
    FROM (SELECT *, count(*) OVER (PARTITION BY home) AS holders FROM home)
    GROUP BY id
),
contact AS (
    SELECT
        id_of(source_id) AS id,
        split_part(target_id, ':', 1) AS channel,
        id_of(target_id) AS contact,
        count(*) OVER (PARTITION BY target_id) AS holders
    FROM (SELECT DISTINCT source_id, target_id FROM edges WHERE type = 'REACHED_AT')
    WHERE starts_with(source_id, $kind || ':')
),
contacts AS (
    SELECT
        id,
        max(contact) FILTER (WHERE channel = 'phone' AND holders <= $household) AS phone_near,
        max(contact) FILTER (
            WHERE channel = 'phone' AND holders BETWEEN $household + 1 AND $crowd
        ) AS phone_far,
        max(contact) FILTER (WHERE channel = 'email' AND holders <= $household) AS email_near,
        max(split_part(contact, '@', 2)) FILTER (WHERE channel = 'email') AS domain,
        bool_or(channel = 'phone') AS tells_phone,
        bool_or(channel = 'email') AS tells_email
    FROM contact
    GROUP BY id
),
domains AS (
    SELECT domain AS domain_near
    FROM contacts
    GROUP BY domain
    HAVING count(*) <= $household
)
SELECT
    id,
    coalesce(homes_near, []) AS homes_near,
    coalesce(homes_far, []) AS homes_far,
    phone_near,
    phone_far,
    email_near,
    domain_near,
    coalesce(tells_phone, false) AS tells_phone,
    coalesce(tells_email, false) AS tells_email,
    homes.id IS NOT NULL AS tells_home
FROM homes
FULL JOIN contacts USING (id)
LEFT JOIN domains ON domain_near = domain;

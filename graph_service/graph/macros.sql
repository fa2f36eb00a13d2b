-- One row is nothing: these are the words that the other files share.
-- They matter because a day, a party and an origin must mean the same in every derivation.
CREATE OR REPLACE TEMP MACRO stockholm_day(moment) AS
    CAST(timezone('Europe/Stockholm', moment) AS DATE);

-- The kind said beside an identifier, or the kind that its form tells.
CREATE OR REPLACE TEMP MACRO party_kind(id, said) AS
    CASE
        WHEN said IN ('person', 'organisation') THEN said
        WHEN regexp_full_match(id, '[0-9]{10}|[A-Z]{2}:.*') THEN 'organisation'
        ELSE 'person'
    END;

CREATE OR REPLACE TEMP MACRO party(id, said) AS party_kind(id, said) || ':' || id;

-- A text as a search compares it: lower-case words without accents, a blank between them.
CREATE OR REPLACE TEMP MACRO search_words(v) AS trim(regexp_replace(
    replace(replace(lower(strip_accents(v)), 'æ', 'ae'), 'ø', 'o'), '[^\p{L}\p{N}]+', ' ', 'g'
));
-- What a node is found by: a line each, so that a whole line and its start can be told apart.
CREATE OR REPLACE TEMP MACRO search_lines(name, key) AS concat_ws(
    chr(10),
    '',
    nullif(search_words(name), ''),
    nullif(search_words(key), ''),
    nullif(replace(search_words(key), ' ', ''), search_words(key)),
    ''
);

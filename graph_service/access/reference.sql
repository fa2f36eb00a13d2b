-- One reference is a kind and 26 letters: 130 bits of HMAC-SHA256 (RFC 2104) in base32 (RFC 4648).
-- It matters because it stands where an identifier may not, and only the home's key leads back.
CREATE OR REPLACE TEMP MACRO keyed(message) AS sha256(
    getvariable('outer_key') || unhex(sha256(getvariable('inner_key') || encode(message)))
);

-- Twelve letters are sixty bits, which an integer holds; the letters of `to_base` are others.
CREATE OR REPLACE TEMP MACRO base32_letters(digest) AS translate(
    lower(
        to_base(CAST('0x' || substr(digest, 1, 15) AS BIGINT), 32, 12)
        || to_base(CAST('0x' || substr(digest, 16, 15) AS BIGINT), 32, 12)
        || left(to_base(CAST('0x' || substr(digest, 31, 5) AS BIGINT), 32, 4), 2)
    ),
    '0123456789abcdefghijklmnopqrstuv',
    'abcdefghijklmnopqrstuvwxyz234567'
);

CREATE OR REPLACE TEMP MACRO reference_of(node_id) AS
    split_part(node_id, ':', 1) || '-' || base32_letters(keyed(node_id));

-- As `holds_personal_number` of graph_service/stores/search.py reads one, however it is written.
CREATE OR REPLACE TEMP MACRO holds_personal_number(v) AS coalesce(regexp_matches(
    v,
    '(^|[^0-9])(18|19|20)?[0-9]{2}(0[0-9]|1[0-2])([0-2][0-9]|3[01]|[6-9][0-9])'
    || '[-+ ]?[0-9TRSUWXJKLMN][0-9]{3}([^0-9]|$)'
), false);

CREATE OR REPLACE TEMP MACRO passes_luhn(digits) AS list_sum(list_transform(
    range(1, 11),
    lambda i: (CAST(digits[i] AS INTEGER) * (1 + i % 2)) // 10
        + (CAST(digits[i] AS INTEGER) * (1 + i % 2)) % 10
)) % 10 = 0;

-- As `names_somebody` of graph_service/stores/search.py, or more: what follows may be a digit here.
CREATE OR REPLACE TEMP MACRO names_somebody(v) AS coalesce(list_bool_or(list_transform(
    regexp_extract_all(
        v,
        '(^|[^0-9])((18|19|20)?[0-9]{2}(0[0-9]|1[0-2])([0-2][0-9]|3[01]|[6-9][0-9])'
        || '[-+ ]?[0-9TRSUWXJKLMN][0-9]{3})',
        2
    ),
    lambda found: CASE
        WHEN regexp_matches(found, '[A-Z]') THEN true
        ELSE passes_luhn(right(regexp_replace(found, '[^0-9]', '', 'g'), 10))
    END
)), false);

-- An issuer may have made a row's id of somebody's number.
CREATE OR REPLACE TEMP MACRO nameless(row_key) AS CASE
    WHEN NOT names_somebody(CAST(row_key AS VARCHAR)) THEN row_key
    ELSE to_json(map_from_entries(list_transform(
        json_keys(row_key),
        lambda name: (
            name,
            CASE
                WHEN names_somebody(row_key ->> name) THEN CAST('null' AS JSON)
                ELSE json_extract(row_key, name)
            END
        )
    )))
END;

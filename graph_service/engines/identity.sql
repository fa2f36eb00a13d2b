-- A macro judges an identifier of the contract (NULL is good) or makes a value's key in the graph.
-- A wrong number hurts someone innocent, a split one lets a thief go; millions of rows pass here.

-- Luhn (ISO/IEC 7812-1) of the last ten digits. Modulo 10 the digit at 10^k is n // 10^k, and a
-- doubled digit d counts 2d, plus 1 when d >= 5: n // (5 * 10^k) - 2 * (n // 10^(k + 1)).
CREATE OR REPLACE TEMP MACRO luhn_holds(n) AS (
    n
    + 2 * (n // 10) + n // 50 - n // 100
    + 2 * (n // 1000) + n // 5000 - n // 10000
    + 2 * (n // 100000) + n // 500000 - n // 1000000
    + 2 * (n // 10000000) + n // 50000000 - n // 100000000
    + 2 * (n // 1000000000) + n // 5000000000 - 2 * (n // 10000000000)
) % 10 = 0;

-- The centuries are 18, 19 and 20 (SKV M 2010:3), and nobody is born after today.
CREATE OR REPLACE TEMP MACRO birth_in_time(n, today) AS
    n BETWEEN 180000000000 AND CAST(strftime(today, '%Y%m%d9999') AS BIGINT);

-- The date in YYYYMMDDNNNC, the commonest days first. A samordningsnummer has 60 added to its day;
-- an unknown month is 00, an unknown day 60, and Skatteverket's own test numbers go beyond the end
-- of a month.
CREATE OR REPLACE TEMP MACRO birth_date_holds(n, today) AS CASE
    WHEN n // 10000 % 100 BETWEEN 1 AND 28 AND n // 1000000 % 100 BETWEEN 1 AND 12
        THEN birth_in_time(n, today)
    WHEN n // 10000 % 100 BETWEEN 60 AND 91
        THEN n // 1000000 % 100 <= 12 AND birth_in_time(n - 600000, today)
    WHEN n // 10000 % 10000 = 229
        THEN n // 100000000 % 4 = 0
            AND (n // 100000000 % 100 <> 0 OR n // 100000000 % 400 = 0)
            AND birth_in_time(n, today)
    WHEN n // 1000000 % 100 IN (4, 6, 9, 11)
        THEN n // 10000 % 100 BETWEEN 29 AND 30 AND birth_in_time(n, today)
    WHEN n // 1000000 % 100 BETWEEN 1 AND 12 AND n // 1000000 % 100 <> 2
        THEN n // 10000 % 100 BETWEEN 29 AND 31 AND birth_in_time(n, today)
    ELSE false
END;

-- Personnummer and samordningsnummer as an integer; the birth number runs from 001.
CREATE OR REPLACE TEMP MACRO person_number_holds(n, today) AS
    luhn_holds(n) AND n % 10000 >= 10 AND birth_date_holds(n, today);

CREATE OR REPLACE TEMP MACRO organisation_number_holds(n) AS
    n // 10000000 % 10 >= 2 AND luhn_holds(n);

-- <issuer>:<id>, and <COUNTRY>:<id> of a foreign organisation: opaque, but an id there must be.
CREATE OR REPLACE TEMP MACRO issued_person_holds(v) AS
    regexp_full_match(v, '(?s)[a-z][a-z0-9-]*:[^ \t\n\r\f\v\x{a0}].*');

-- XX is the unknown country. The countries stand in one text: a long IN list becomes a join, and a
-- join gives the rows back in another order. A Swedish number behind SE: would split one firm in two.
CREATE OR REPLACE TEMP MACRO foreign_organisation_holds(v) AS
    regexp_full_match(v, '(?s)[A-Z]{2}:[^ \t\n\r\f\v\x{a0}].*')
    AND NOT regexp_full_match(v, 'SE:(?:16)?[0-9]{6}-?[0-9]{4}')
    AND contains(
        ' AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL '
        || 'BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV '
        || 'CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD '
        || 'GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM '
        || 'IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK '
        || 'LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW '
        || 'MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR '
        || 'PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS '
        || 'ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY '
        || 'UZ VA VC VE VG VI VN VU WF WS XX YE YT ZA ZM ZW ',
        ' ' || left(v, 2) || ' '
    );

-- What a spreadsheet (E+11) or its library (1.99E11) makes of a long number.
CREATE OR REPLACE TEMP MACRO refused_identifier(v) AS CASE
    WHEN regexp_full_match(v, '[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+|[0-9][.,][0-9]+[eE][0-9]+')
        THEN 'scientific_notation'
    WHEN v IS NOT NULL THEN 'bad_identifier'
END;

-- The digits of a 10- or 12-digit number, cast once; else null.
CREATE OR REPLACE TEMP MACRO number_of(v) AS
    CASE WHEN regexp_full_match(v, '[0-9]{10}(?:[0-9]{2})?') THEN TRY_CAST(v AS BIGINT) END;

-- The judgements. `number` is number_of(v): a query that makes it a column in an inner SELECT and
-- calls these takes half the time of the forms without it.
CREATE OR REPLACE TEMP MACRO person_number_fault(v, number, today) AS CASE
    WHEN person_number_holds(number, today) THEN NULL
    WHEN issued_person_holds(v) THEN NULL
    ELSE refused_identifier(v)
END;

CREATE OR REPLACE TEMP MACRO organisation_number_fault(v, number, today) AS CASE
    WHEN strlen(v) = 10 AND organisation_number_holds(number) THEN NULL
    WHEN person_number_holds(number, today) THEN NULL
    WHEN foreign_organisation_holds(v) THEN NULL
    ELSE refused_identifier(v)
END;

CREATE OR REPLACE TEMP MACRO party_number_fault(v, number, today) AS CASE
    WHEN strlen(v) = 10 AND organisation_number_holds(number) THEN NULL
    WHEN person_number_holds(number, today) THEN NULL
    WHEN issued_person_holds(v) OR foreign_organisation_holds(v) THEN NULL
    ELSE refused_identifier(v)
END;

-- The same for one column. A list of one binds the number, so that the text is cast once wherever
-- the macro stands; the underscore keeps clear of the caller's columns.
CREATE OR REPLACE TEMP MACRO person_fault(v, today) AS
    list_transform([number_of(v)], lambda _number: person_number_fault(v, _number, today))[1];
CREATE OR REPLACE TEMP MACRO organisation_fault(v, today) AS
    list_transform([number_of(v)], lambda _number: organisation_number_fault(v, _number, today))[1];
CREATE OR REPLACE TEMP MACRO party_fault(v, today) AS
    list_transform([number_of(v)], lambda _number: party_number_fault(v, _number, today))[1];

-- Identifiers of their issuer alone: refused only when a spreadsheet has unmistakably ruined them.
CREATE OR REPLACE TEMP MACRO id_fault(v) AS CASE
    WHEN regexp_full_match(v, '[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+') THEN 'scientific_notation'
END;

-- The IBAN structure of each country, as in the registry that schwifty carries.
CREATE OR REPLACE TEMP MACRO iban_structure() AS
       '(BL|FR|GF|GP|MC|MF|MQ|NC|PF|PM|RE|TF|WF|YT)[0-9]{2}[0-9]{10}[A-Z0-9]{11}[0-9]{2}'
    || '|(BI|CF|CG|CM|DJ|GA|GQ|KM|MG|MR|TD)[0-9]{2}[0-9]{23}'
    || '|(AX|DK|FI|FO|GL|SD)[0-9]{2}[0-9]{14}'
    || '|(AT|BA|EE|LT|MN|XK)[0-9]{2}[0-9]{16}'
    || '|(AO|CV|LY|MZ|PT|ST)[0-9]{2}[0-9]{21}'
    || '|(CR|DE|ME|RS|VA)[0-9]{2}[0-9]{18}'
    || '|(CZ|ES|SE|SK|TN)[0-9]{2}[0-9]{20}'
    || '|(GB|GG|IE|IM|JE)[0-9]{2}[A-Z]{4}[0-9]{14}'
    || '|(AE|IL|SO|TL)[0-9]{2}[0-9]{19}'
    || '|(CI|NE|SN|TG)[0-9]{2}[A-Z]{2}[0-9]{22}'
    || '|(DZ|IR|IS)[0-9]{2}[0-9]{22}'
    || '|(HU|MA|PL)[0-9]{2}[0-9]{24}'
    || '|(BF|BJ|ML)[0-9]{2}[A-Z0-9]{2}[0-9]{22}'
    || '|(HN|NI|SV)[0-9]{2}[A-Z]{4}[0-9]{20}'
    || '|(KZ|LU)[0-9]{2}[0-9]{3}[A-Z0-9]{13}'
    || '|(CH|LI)[0-9]{2}[0-9]{5}[A-Z0-9]{12}'
    || '|(AL|CY)[0-9]{2}[0-9]{8}[A-Z0-9]{16}'
    || '|(IT|SM)[0-9]{2}[A-Z]{1}[0-9]{10}[A-Z0-9]{12}'
    || '|(JO|YE)[0-9]{2}[A-Z]{4}[0-9]{4}[A-Z0-9]{18}'
    || '|(PK|RO)[0-9]{2}[A-Z]{4}[A-Z0-9]{16}'
    || '|(PS|QA)[0-9]{2}[A-Z]{4}[A-Z0-9]{21}'
    || '|(NO)[0-9]{2}[0-9]{11}'
    || '|(BE)[0-9]{2}[0-9]{12}'
    || '|(RU)[0-9]{2}[0-9]{14}[A-Z0-9]{15}'
    || '|(SI)[0-9]{2}[0-9]{15}'
    || '|(HR)[0-9]{2}[0-9]{17}'
    || '|(EG)[0-9]{2}[0-9]{25}'
    || '|(SA)[0-9]{2}[0-9]{2}[A-Z0-9]{18}'
    || '|(MK)[0-9]{2}[0-9]{3}[A-Z0-9]{10}[0-9]{2}'
    || '|(OM)[0-9]{2}[0-9]{3}[A-Z0-9]{16}'
    || '|(LB)[0-9]{2}[0-9]{4}[A-Z0-9]{20}'
    || '|(TR)[0-9]{2}[0-9]{6}[A-Z0-9]{16}'
    || '|(UA)[0-9]{2}[0-9]{6}[A-Z0-9]{19}'
    || '|(GR)[0-9]{2}[0-9]{7}[A-Z0-9]{16}'
    || '|(AD)[0-9]{2}[0-9]{8}[A-Z0-9]{12}'
    || '|(MD)[0-9]{2}[A-Z0-9]{20}'
    || '|(GT)[0-9]{2}[A-Z0-9]{24}'
    || '|(GW)[0-9]{2}[A-Z0-9]{2}[0-9]{19}'
    || '|(DO)[0-9]{2}[A-Z0-9]{4}[0-9]{20}'
    || '|(BY)[0-9]{2}[A-Z0-9]{4}[0-9]{4}[A-Z0-9]{16}'
    || '|(BR)[0-9]{2}[A-Z0-9]{8}[0-9]{15}[A-Z0-9]{2}'
    || '|(FK)[0-9]{2}[A-Z]{2}[0-9]{12}'
    || '|(GE)[0-9]{2}[A-Z]{2}[0-9]{16}'
    || '|(NL)[0-9]{2}[A-Z]{4}[0-9]{10}'
    || '|(IQ)[0-9]{2}[A-Z]{4}[0-9]{15}'
    || '|(VG)[0-9]{2}[A-Z]{4}[0-9]{16}'
    || '|(MU)[0-9]{2}[A-Z]{4}[0-9]{19}[A-Z]{3}'
    || '|(SC)[0-9]{2}[A-Z]{4}[0-9]{20}[A-Z]{3}'
    || '|(MT)[0-9]{2}[A-Z]{4}[0-9]{5}[A-Z0-9]{18}'
    || '|(BG)[0-9]{2}[A-Z]{4}[0-9]{6}[A-Z0-9]{8}'
    || '|(LV)[0-9]{2}[A-Z]{4}[A-Z0-9]{13}'
    || '|(BH)[0-9]{2}[A-Z]{4}[A-Z0-9]{14}'
    || '|(GI)[0-9]{2}[A-Z]{4}[A-Z0-9]{15}'
    || '|(AZ)[0-9]{2}[A-Z]{4}[A-Z0-9]{20}'
    || '|(KW)[0-9]{2}[A-Z]{4}[A-Z0-9]{22}'
    || '|(LC)[0-9]{2}[A-Z]{4}[A-Z0-9]{24}';

-- ISO 13616: letters count 10 to 35, the first four characters go last, and the whole is 1 modulo
-- 97; check digits are 02 to 98. An account number in digits alone fits one integer.
CREATE OR REPLACE TEMP MACRO iban_letters(v) AS
    (ascii(v) - 55)::VARCHAR || (ascii(substr(v, 2, 1)) - 55)::VARCHAR || substr(v, 3, 2);
CREATE OR REPLACE TEMP MACRO iban_holds(v) AS
    regexp_full_match(v, iban_structure())
    AND substr(v, 3, 2) BETWEEN '02' AND '98'
    AND CASE
        WHEN regexp_full_match(v, '[A-Z]{2}[0-9]+')
            THEN TRY_CAST(substr(v, 5) || iban_letters(v) AS HUGEINT) % 97 = 1
        ELSE list_reduce(
            list_transform(
                string_split(substr(v, 5) || left(v, 4), ''), lambda _letter: ascii(_letter)
            ),
            lambda _sum, _code: CASE
                WHEN _code >= 65 THEN _sum * 100 + _code - 55
                ELSE _sum * 10 + _code - 48
            END % 97,
            0
        ) = 1
    END;

CREATE OR REPLACE TEMP MACRO account_fault(v) AS CASE
    WHEN regexp_full_match(v, 'BG:[0-9]{7,8}|PG:[0-9]{2,8}')
        THEN CASE WHEN NOT luhn_holds(TRY_CAST(substr(v, 4) AS BIGINT)) THEN 'bad_identifier' END
    WHEN regexp_full_match(v, '[0-9]{4,5}-[0-9]{1,12}') THEN NULL
    WHEN iban_holds(v) THEN NULL
    ELSE refused_identifier(v)
END;

-- The keys of the graph. Their oracle: email, postcode and address_key of graph_service.identity.
CREATE OR REPLACE TEMP MACRO email_key(v) AS CASE
    WHEN strlen(v) <= 254 AND regexp_full_match(
        v,
        '[\w.!#$%&''*+/=?^`{|}~ÅÄÖÉÜåäöéü-]{1,64}@'
        || '(?:[A-Za-z0-9ÅÄÖÉÜåäöéü](?:[A-Za-z0-9ÅÄÖÉÜåäöéü-]{0,61}[A-Za-z0-9ÅÄÖÉÜåäöéü])?\.)+'
        || '[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])'
    ) THEN lower(v)
END;

CREATE OR REPLACE TEMP MACRO postcode_key(v) AS CASE
    WHEN regexp_full_match(v, '(?:[Ss][Ee]?[ \x{a0}-]?)?[1-9][0-9]{2}[ \x{a0}]?[0-9]{2}')
        THEN regexp_replace(v, '[^0-9]+', '', 'g')
END;

-- Lower case without accents or separators; a blank stays only between two digits ("1 1101").
-- Null where a letter is not Latin (or NUL, at which strip_accents ends).
CREATE OR REPLACE TEMP MACRO folded(v) AS CASE
    WHEN regexp_full_match(
        v, '[\x01-\x{24f}\x{300}-\x{36f}\x{1e00}-\x{1eff}\x{2000}-\x{206f}]*'
    ) THEN regexp_replace(
        trim(regexp_replace(
            replace(replace(lower(strip_accents(v)), 'æ', 'ae'), 'ø', 'o'),
            '[\x01-/:-`{-\x{bf}\x{2000}-\x{206f}]+', ' ', 'g'
        ), ' '),
        ' ?([^0-9 ]+) ?', '\1', 'g'
    )
END;

-- Street and postcode, or street and city where no Swedish postcode stands. A c/o before a comma is
-- left out; words that say that the address is unknown or hidden are none, lest they link people.
CREATE OR REPLACE TEMP MACRO address_key(street, postcode, city) AS list_transform(
    [
        folded(regexp_replace(street, '^[ \t\x{a0}]*c/o[^,]*,?', '', 'i'))
        || '|' || coalesce(postcode_key(postcode), folded(city))
    ],
    lambda _key: CASE
        WHEN regexp_full_match(_key, '[a-z0-9 ]+\|[a-z0-9 ]+') AND NOT regexp_matches(
            _key,
            '^(?:adress|uppgift|uppgifter)?(?:okand|saknas|skyddad|skyddade|sekretess|hemlig)'
            || '(?:t|adress|uppgift|uppgifter|personuppgifter|identitet|folkbokforing|ort)?\|'
        ) THEN _key
    END
)[1];

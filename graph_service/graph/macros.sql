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

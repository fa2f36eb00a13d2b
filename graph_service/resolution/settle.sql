-- One row is one pair whose weight reaches the threshold, and whether it stands as a link.
-- It matters because one person cannot be two of one register: where two could be meant and neither
-- outdoes the other by far, nobody is. What people have undone neither stands nor competes.
CREATE OR REPLACE TEMP TABLE settled AS
WITH judged AS (
    SELECT scored.*, undone.reason, undone.since
    FROM scored
    LEFT JOIN undone ON undone.a_id = id_l AND undone.b_id = id_r
),
ends AS (
    SELECT id_l AS id, id_r AS other, match_weight FROM judged WHERE reason IS NULL
    UNION ALL
    SELECT id_r, id_l, match_weight FROM judged WHERE reason IS NULL
),
placed AS (
    SELECT ends.*, cards.register FROM ends INNER JOIN cards ON cards.id = other
),
rivalled AS (
    SELECT DISTINCT least(one.id, one.other) AS id_l, greatest(one.id, one.other) AS id_r
    FROM placed AS one
    INNER JOIN placed AS rival
        ON rival.id = one.id AND rival.register = one.register AND rival.other <> one.other
    -- Two that are linked to each other are no rivals.
    ANTI JOIN judged AS together
        ON together.id_l = least(one.other, rival.other)
        AND together.id_r = greatest(one.other, rival.other)
        AND together.reason IS NULL
    WHERE rival.match_weight > one.match_weight - $margin
)
SELECT
    judged.*,
    CASE
        WHEN judged.reason IS NOT NULL THEN 'undone'
        WHEN rivalled.id_l IS NOT NULL THEN 'rivalled'
        ELSE 'linked'
    END AS link_status
FROM judged
LEFT JOIN rivalled USING (id_l, id_r)
ORDER BY id_l, id_r;

-- One row is one incident that is known, the latest first, after the place of the last one shown.
-- It matters because whoever was threatened is protected by few knowing of it, and by those knowing.
SELECT *, sha256(incident_id) AS place
FROM known_now
WHERE $after_day IS NULL
    OR occurred_on < $after_day
    OR (occurred_on = $after_day AND sha256(incident_id) > $after_place)
ORDER BY occurred_on DESC, place
LIMIT $limit;

-- One row is one of $texts that is an entity's key, and what stands for it in the sight, or null.
-- It matters because a room's statistics are its own, and may name whom the sight does not.
SELECT judged.key, min(seen.shown) AS shown
FROM judged
LEFT JOIN seen USING (node_id)
WHERE judged.key IN (SELECT unnest(CAST($texts AS VARCHAR[])))
GROUP BY judged.key;

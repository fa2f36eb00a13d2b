-- One row is one relationship to be written, with the places of its two ends.
-- In order of its first end: what lies together in the store is written together.
CREATE OR REPLACE TEMP TABLE laid_edges AS
SELECT source.place AS source_place, target.place AS target_place, writing_edges.*
FROM writing_edges
JOIN places AS source ON source.node_id = source_id
JOIN places AS target ON target.node_id = target_id
ORDER BY type, source_place, target_place;

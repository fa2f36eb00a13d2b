-- One row is one node that a relationship to be written ends at and that stays as it is.
-- Nodes just written are not among them: their places are known.
CREATE OR REPLACE TEMP TABLE standing_ends AS
SELECT source_id AS node_id FROM writing_edges ANTI JOIN places ON places.node_id = source_id
UNION
SELECT target_id FROM writing_edges ANTI JOIN places ON places.node_id = target_id;

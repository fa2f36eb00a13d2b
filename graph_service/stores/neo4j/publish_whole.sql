-- One row is one element that a whole publish writes: all that the run has.
-- Nothing is compared, and what is shown meanwhile is closed where it stands.
CREATE OR REPLACE TEMP TABLE writing_nodes AS FROM coming_nodes;

CREATE OR REPLACE TEMP VIEW writing_edges AS FROM coming_edges;

-- One row a refused statement with its faults: codes and paths, never a value.
-- It waits with the others, so that a file refused as a whole yields nothing.
INSERT INTO refused VALUES ($row, $target, $faults);

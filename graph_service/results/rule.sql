-- One row is a detector as the run asked it: its digest, and each threshold that was in force.
-- It matters because a finding is answered by the rule that made it, not by today's.
SELECT digest, thresholds FROM rooms WHERE room = $detector;

// One row: how many nodes that are not shown wait for a relationship of another application to go.
// They are asked for again by the next publish.
MATCH (n:GraphService) WHERE n.until <= $shown OR n.since > $shown
RETURN count(n) AS kept

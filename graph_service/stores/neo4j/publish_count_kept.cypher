// One row: how many closed nodes wait for a relationship of another application to go.
// They are asked for again by the next publish.
MATCH (n:GraphService) WHERE n.until <= $shown
RETURN count(n) AS kept

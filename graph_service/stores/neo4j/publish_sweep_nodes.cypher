// Deletes each node of ours that publish $shown does not show: of before it, or undone.
// One that a relationship of another application hangs on stays, closed, as long as that does.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (n:GraphService)
WHERE (n.until <= $shown OR n.since > $shown) AND NOT EXISTS { (n)--() }
CALL (n) { DELETE n } IN TRANSACTIONS OF 10000 ROWS

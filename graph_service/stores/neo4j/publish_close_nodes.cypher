// Closes each node that readers see now: from publish $number on it is no more.
// A whole publish shares nothing with the one before.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (n:GraphService)
WHERE n.since <= $shown AND n.until > $number
CALL (n) { SET n.until = $number } IN TRANSACTIONS OF 10000 ROWS

// Opens again each node that an interrupted publish had closed before it was shown.
// Readers saw it all the time: `until` lay ahead of what they read.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (n:GraphService)
WHERE n.since <= $shown AND $shown < n.until AND n.until < $open
CALL (n) { SET n.until = $open } IN TRANSACTIONS OF 10000 ROWS

// Hides each undone node that a relationship of another application hangs on.
// It was shown by no publish, and `until` = `since` says so for good.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (n:GraphService)
WHERE n.since > $shown
CALL (n) { SET n.until = n.since } IN TRANSACTIONS OF 10000 ROWS

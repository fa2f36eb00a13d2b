// Closes each relationship that readers see now: from publish $number on it is no more.
// A whole publish shares nothing with the one before. Ours are known by the type in their id.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (:GraphService)-[r]->(:GraphService)
WHERE r.since <= $shown AND r.until > $number AND r.edge_id STARTS WITH type(r) + ':'
CALL (r) { SET r.until = $number } IN TRANSACTIONS OF 10000 ROWS

// Opens again each relationship that an interrupted publish had closed before it was shown.
// Readers saw it all the time: `until` lay ahead of what they read.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (:GraphService)-[r]->(:GraphService)
WHERE r.since <= $shown AND $shown < r.until AND r.until < $open
    AND r.edge_id STARTS WITH type(r) + ':'
CALL (r) { SET r.until = $open } IN TRANSACTIONS OF 10000 ROWS

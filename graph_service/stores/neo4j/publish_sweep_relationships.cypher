// Deletes each relationship of ours that publish $shown does not show: of before it, or undone.
// Finds them by going through all: for what an interrupted publish left, and after a whole one.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
MATCH (:GraphService)-[r]->(:GraphService)
WHERE (r.until <= $shown OR r.since > $shown) AND r.edge_id STARTS WITH type(r) + ':'
CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS

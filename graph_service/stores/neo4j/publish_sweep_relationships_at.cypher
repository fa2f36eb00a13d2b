// Deletes closed relationships by their places, once no reader can see them.
// A place that was given to another relationship meanwhile is left alone.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
UNWIND $rows AS place
MATCH ()-[r]->()
WHERE id(r) = place AND r.until <= $number AND r.edge_id STARTS WITH type(r) + ':'
DELETE r

// Deletes closed nodes by their places, once no reader can see them.
// One that a relationship of another application hangs on stays, closed, as long as that does.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
UNWIND $rows AS place
MATCH (n:GraphService)
WHERE id(n) = place AND n.until <= $number AND NOT EXISTS { (n)--() }
DELETE n

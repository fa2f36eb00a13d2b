// One row is one node that is closed, with its place: from publish $number on it is no more.
// Readers go on seeing it until the pointer moves.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
UNWIND $rows AS node_id
MATCH (n:GraphService {node_id: node_id}) WHERE n.since <= $shown AND n.until > $shown
SET n.until = $number
RETURN id(n) AS place

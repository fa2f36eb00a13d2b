// One row is one node that stays as it is, with the place where the store holds it.
// A relationship that is written between nodes that stand finds them so.
MATCH (:GraphServiceState {id: 'shown', claim: $claim})
UNWIND $rows AS node_id
MATCH (n:GraphService {node_id: node_id}) WHERE n.since <= $shown AND n.until > $number
RETURN n.node_id AS node_id, id(n) AS place

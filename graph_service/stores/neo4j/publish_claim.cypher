// One row: the number of the publish that begins. Numbers rise and are never used twice.
// Whoever claims last holds the database: what an earlier claim still sends writes nothing.
MERGE (state:GraphServiceState {id: 'shown'})
ON CREATE SET state.number = 0, state.last = 0
SET state.claim = $claim, state.last = state.last + 1
SET state.publishing = state.last, state.publishing_run = $run_id
RETURN state.last AS number

// One row if the claim still holds: nothing is under way any more.
// `kept` counts closed nodes that wait for a relationship of another application to go.
MATCH (state:GraphServiceState {id: 'shown', claim: $claim})
SET state.kept = $kept
REMOVE state.publishing, state.publishing_run, state.claim
RETURN state.number AS number

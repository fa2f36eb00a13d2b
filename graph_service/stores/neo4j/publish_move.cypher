// One row if the claim still holds: from this commit on readers see the new publish.
// Everything of it stands already, so that this one small transaction shows it all.
MATCH (state:GraphServiceState {id: 'shown', claim: $claim})
SET state.number = $number, state.run_id = $run_id, state.home = $home,
    state.schema = $schema, state.shown_at = $shown_at,
    state.nodes = $nodes, state.relationships = $relationships
RETURN state.number AS number

// One row, once anything was published: which publish readers see, and whether one is under way.
// Whose home the graph is a projection of decides whether this home may publish here.
MATCH (state:GraphServiceState {id: 'shown'})
RETURN state.number AS number, state.run_id AS run_id, state.home AS home,
    state.schema AS schema, state.publishing AS publishing, state.kept AS kept,
    state.nodes AS nodes, state.relationships AS relationships

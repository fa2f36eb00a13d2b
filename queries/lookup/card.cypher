// One row is one relationship of $node, the standing and the latest of each type first.
// It matters because who owns, runs, works for and is served by a provider fits on one card.
// :params {run: 1, node: 'organisation:5520000018', as_of: null, limit: 5}
MATCH (n:GraphService {node_id: $node})
WHERE n.since <= $run < n.until
MATCH (n)-[r]-(other:GraphService)
WHERE r.since <= $run < r.until
  AND NOT other:Finding AND NOT other:Score
  AND coalesce(r.valid_from <= $as_of, true)
  AND coalesce(r.valid_to > $as_of, true)
  AND coalesce(r.first <= $as_of, true)
WITH DISTINCT n, r, other
WITH r, other, CASE WHEN startNode(r) = n THEN 'out' ELSE 'in' END AS direction
ORDER BY
  CASE WHEN r.valid_to IS NULL THEN 0 ELSE 1 END,
  coalesce(r.last, r.valid_from, r.first, date('0001-01-01')) DESC,
  r.edge_id
WITH
  type(r) AS type, direction, collect(r) AS ties, count(*) AS total,
  count(CASE WHEN r.valid_to IS NULL THEN 1 END) AS open, count(DISTINCT other) AS others
// Money is told to four decimals: added up as integers, it is exact.
WITH *, COLLECT {
  UNWIND ties AS r
  WITH r WHERE r.amount IS NOT NULL AND r.currency IS NOT NULL
  WITH r.currency AS currency, sum(toInteger(round(r.amount * 10000))) AS amount
  RETURN [currency, amount / 10000.0]
} AS amounts
UNWIND range(0, size(ties[..$limit]) - 1) AS place
WITH *, ties[place] AS r
RETURN
  direction,
  r {.*, type: type(r), source_id: startNode(r).node_id, target_id: endNode(r).node_id} AS relationship,
  total, open, others, amounts
ORDER BY type, direction, place

// One row is one entity that holds the words searched for, the best match first.
// It matters because an investigation begins with a name, a number or an address.
// :params {run: 1, keys: [], text: 'norr', words: ['norr'], compact: '', kinds: ['organisation', 'person'], limit: 20}
CALL () {
  CALL () {
    MATCH (n:GraphService) WHERE n.node_id IN $keys RETURN n
    UNION
    MATCH (n:GraphService) WHERE n.search CONTAINS $words[0] RETURN n
    UNION // without a compact text, what holds the text holds its words, and is found above
    MATCH (n:GraphService) WHERE n.search CONTAINS CASE $compact WHEN '' THEN $text ELSE $compact END
    RETURN n
  }
  WITH n
  WHERE n.since <= $run < n.until AND n.kind IN $kinds
    AND (n.node_id IN $keys OR all(word IN $words WHERE n.search CONTAINS word)
      OR ($compact <> '' AND n.search CONTAINS $compact))
  WITH n.kind AS kind, count(*) AS number
  RETURN collect([kind, number]) AS found
}
CALL () {
  CALL () {
    MATCH (n:GraphService) WHERE n.node_id IN $keys RETURN n
    UNION
    MATCH (n:GraphService) WHERE n.search CONTAINS $words[0] RETURN n
    UNION // without a compact text, what holds the text holds its words, and is found above
    MATCH (n:GraphService) WHERE n.search CONTAINS CASE $compact WHEN '' THEN $text ELSE $compact END
    RETURN n
  }
  WITH n
  WHERE n.since <= $run < n.until AND n.kind IN $kinds
    AND (n.node_id IN $keys OR all(word IN $words WHERE n.search CONTAINS word)
      OR ($compact <> '' AND n.search CONTAINS $compact))
  WITH n, CASE
    WHEN n.node_id IN $keys THEN 0
    WHEN n.search CONTAINS '\n' + $text + '\n' THEN 1
    WHEN $compact <> '' AND n.search CONTAINS '\n' + $compact + '\n' THEN 1
    WHEN n.search CONTAINS '\n' + $text THEN 2
    WHEN $compact <> '' AND n.search CONTAINS '\n' + $compact THEN 2
    ELSE 3
  END AS grade, [place IN range(0, size($kinds) - 1) WHERE $kinds[place] = n.kind][0] AS place
  RETURN n, grade, place ORDER BY grade, place, n.node_id LIMIT $limit
}
RETURN
  n {.node_id, .kind, .key, .name, .protected, labels: COLLECT {
    UNWIND labels(n) AS label WITH label WHERE label <> 'GraphService' RETURN label ORDER BY label
  }} AS entity,
  ['key', 'whole', 'start', 'part'][grade] AS match,
  found
ORDER BY grade, place, n.node_id

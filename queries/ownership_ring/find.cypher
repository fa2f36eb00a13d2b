// One row: one holding in force, and whether what is held is a provider; refine.py follows the holdings upwards.
// Who decides in a provider should be a person with a name; a ring or a long chain has none.
// :params {run: 1, as_of: date('2025-12-31')}
MATCH (owner)-[held:OWNS]->(body:Organisation)
WHERE held.since <= $run < held.until
  AND held.role IS NULL // that a sole trader is the own firm stands in no register of owners
  AND (held.valid_to IS NULL OR held.valid_to > $as_of)
  AND owner.key <> body.key
CALL (owner, body) {
  // Swedish numbers begin with the kind of body: 2 public bodies, 7 cooperatives, 8 foundations
  // and associations. Others are known by the words of their legal form.
  UNWIND [owner.key, body.key] AS key
  OPTIONAL MATCH (firm:GraphService {node_id: 'organisation:' + key})
  WHERE firm.since <= $run < firm.until
  WITH key, firm
  WHERE key =~ '[278][0-9]{9}'
    OR any(word IN ['ekonomisk', 'kooperativ', 'cooperative', 'förening', 'association',
                    'stiftelse', 'foundation', 'trossamfund', 'kommun', 'municipal', 'region',
                    'landsting', 'statlig', 'publ', 'listed', 'börs', 'mutual', 'ömsesidig']
           WHERE toLower(firm.legal_form) CONTAINS word)
    // A sole trader is not listed, whatever the name.
    OR toLower(firm.name) CONTAINS '(publ)' AND NOT key =~ '[0-9]{12}'
    OR EXISTS { (firm)-[is:GOVERNS]->() WHERE is.since <= $run < is.until }
  RETURN collect(key) AS without_owners
}
RETURN
  CASE WHEN body:Provider THEN body.key END AS provider_id,
  [
    {role: 'owner', kind: coalesce(nullIf(held.owner_kind, 'unknown'), 'organisation'), id: owner.key},
    {role: 'other', kind: 'organisation', id: body.key}
  ] AS subjects,
  held.valid_from AS since,
  $as_of AS until,
  1 AS events,
  1 AS days,
  null AS exposure_lower,
  null AS exposure_upper,
  [{
    table: 'owners',
    key: [body.key, owner.key, held.interest, toString(held.valid_from)]
  }] AS evidence,
  body.key AS org_id,
  owner.key AS owner_id,
  held.interest AS interest,
  held.share AS share,
  // A person by word, or by the twelve digits of a personal number; a sole trader is its owner.
  coalesce(held.owner_kind = 'person', false) OR owner.key =~ '[0-9]{12}'
    OR (held.owner_kind IS NULL AND owner.key =~ '(?s)[a-z][a-z0-9-]*:.*') AS natural,
  owner.key IN without_owners AS owner_has_members,
  body.key IN without_owners AS body_has_members

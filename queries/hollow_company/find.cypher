// One row: one official sign of a shell at a provider, or one seat or change from which refine.py reads such a sign.
// A company without premises, staff or a management of its own may be a front; one sign alone never says so.
// :params {run: 1, as_of: date('2025-12-31'), orgs_at_address: 10, providers_at_address: 3, peers_share: 0.5, new_days: 365, recent_days: 1095, bankruptcy_days: 1826, left_days: 90, ban_grace_days: 30, control_share: 0.5, quiet_days: 60, wind_up_days: 90, staff_min: 3, few_staff_min: 3, few_share: 0.1, staff_days: 365, reporting_days: 760, near_industries: '^[^0-9]*(55|56|70|78|81|82|84|85|86|87|88|94|96|97|99|00)'}

// What a provider did, and what it was to do; `work` is what was done. A placement tells no place.
MATCH (org:Provider) WHERE org.since <= $run < org.until
CALL (org) {
    MATCH (org)-[v:SERVED_IN]->(m) WHERE v.since <= $run < v.until
    RETURN m.key AS place, v.first AS first, v.last AS last, true AS work, false AS goes_on,
        'visits' AS origin, [m.key] AS key
    UNION ALL
    MATCH (org)-[v:INVOICED]->(i) WHERE v.since <= $run < v.until
    RETURN v.municipality AS place,
        CASE WHEN i.period_from < i.issued_on THEN i.period_from ELSE i.issued_on END AS first,
        i.issued_on AS last, true AS work, false AS goes_on, 'invoices' AS origin, [i.key] AS key
    UNION ALL
    MATCH (org)<-[v:PLACED_WITH]-() WHERE v.since <= $run < v.until
    RETURN '' AS place, v.valid_from AS first,
        coalesce(v.valid_to - duration({days: 1}), v.valid_from) AS last, true AS work,
        v.valid_to IS NULL AS goes_on, 'placements' AS origin, [v.reference] AS key
    UNION ALL
    MATCH (org)-[v:CONTRACTED_BY]->(m) WHERE v.since <= $run < v.until
    RETURN m.key AS place, v.valid_from AS first, v.valid_from AS last, false AS work,
        false AS goes_on, 'contracts' AS origin, [v.reference] AS key
    UNION ALL
    MATCH (org)<-[v:ENROLLED_WITH]-(client) WHERE v.since <= $run < v.until
    RETURN v.municipality AS place, v.valid_from AS first, v.valid_from AS last, false AS work,
        false AS goes_on, 'enrolments' AS origin,
        [client.key, org.key, v.service, toString(v.valid_from)] AS key
}
WITH org, place, min([first, origin, key]) AS begun, max(last) AS last,
    max(CASE WHEN work THEN [last, origin, key] END) AS ended, max(goes_on) AS goes_on
// Judged by its own municipality's reach: what is loaded of another ends nothing here.
WITH place, max(ended[0]) AS last_here, collect(org) AS orgs_here, collect({
    org: org, begun: begun, last: last, ended: ended, goes_on: goes_on
}) AS here
UNWIND here AS a
WITH a.org AS org, min(a.begun) AS begun, max(a.last) AS last, max(a.ended) AS ended,
    max(a.goes_on) AS goes_on, min(duration.inDays(a.ended[0], last_here).days) AS quiet,
    collect(orgs_here) AS beside
WHERE org.origin_table = 'organisations' AND NOT EXISTS {
    MATCH (org)-[g:GOVERNS]->() WHERE g.since <= $run < g.until
}
WITH org, begun, begun[0] AS first, last, ended, ended[0] AS last_work, beside,
    goes_on OR ended IS NULL OR quiet <= $quiet_days AS works

// What is the rule among those who serve the same municipality; its absence is a deviation.
CALL (org, beside) {
    UNWIND beside AS orgs_here
    UNWIND orgs_here AS peer
    WITH DISTINCT peer WHERE peer <> org AND peer.origin_table = 'organisations'
    RETURN
        toFloat(count(CASE WHEN peer.reachable THEN 1 END)) / nullIf(count(*), 0) AS reached_share,
        toFloat(count(CASE WHEN peer.f_tax THEN 1 END)) / nullIf(count(peer.f_tax), 0)
            AS taxed_share,
        toFloat(count(CASE WHEN peer.employer THEN 1 END)) / nullIf(count(peer.employer), 0)
            AS employing_share
}

// Wound up: an administrator moves the address, and the tax office ends the registrations.
CALL (org) {
    OPTIONAL MATCH (org)<-[l:OFFICER_OF]-() WHERE l.since <= $run < l.until
    RETURN max(l.role = 'liquidator') AS liquidator
}
WITH *,
    toLower(coalesce(org.legal_form, '')) AS form, toLower(coalesce(org.street, '')) AS street,
    coalesce(org.status_on, org.deregistered_on) AS restrained_on,
    org.deregistered_on IS NOT NULL OR coalesce(org.status, 'active') <> 'active' AS restrained
WITH *,
    form =~ '(?s).*(förening|association|stiftelse|foundation|samfund|cooperat|kooperat).*'
        OR (org.legal_form IS NULL AND org.key =~ '[278][0-9]{9}') AS untaxed,
    coalesce(org.country, 'SE') <> 'SE' OR org.key =~ '(?s)(516|[A-Z]{2}:).*'
        OR form =~ '(?s).*(filial|branch|utländsk|foreign).*' AS abroad,
    (org.deregistered_on IS NOT NULL
        OR coalesce(org.status, 'active') IN ['bankruptcy', 'liquidation', 'deregistered'])
    // A liquidator is registered at once; the administrator of a bankruptcy never is.
    AND (coalesce(liquidator, false)
        OR (liquidator IS NULL OR org.status <> 'liquidation') AND coalesce(
            duration.inDays(restrained_on, last_work).days <= $wind_up_days, true)) AS wound_up

// Who runs or owns it; `rules` says that the person may act for it or holds most of it.
CALL (org) {
    MATCH (org)<-[k:OFFICER_OF]-(person)
    WHERE k.since <= $run < k.until AND NOT k.role IN ['auditor', 'liquidator']
    RETURN {id: person.key, from: k.valid_from, to: k.valid_to, rules: true, table: 'officers',
        key: [org.key, person.key, k.role, toString(k.valid_from)]} AS partner
    UNION ALL
    // The tie of sole traders to themselves has a role: it is told below, of every organisation.
    MATCH (org)<-[k:OWNS]-(owner) WHERE k.since <= $run < k.until AND k.role IS NULL
    RETURN {id: owner.key, from: k.valid_from, to: k.valid_to,
        rules: coalesce(k.share > $control_share, k.interest = 'control'), table: 'owners',
        key: [org.key, owner.key, k.interest, toString(k.valid_from)]} AS partner
    UNION ALL
    RETURN {id: org.key, rules: true, table: 'organisations', key: [org.key]} AS partner
}
WITH org, begun, first, last, ended, last_work, works, reached_share, taxed_share,
    employing_share, street, restrained_on, restrained, untaxed, abroad, wound_up,
    collect(partner) AS partners

// A firm run from the house of somebody who runs or owns it; the flat's number may be left out.
CALL (org, partners) {
    MATCH (org)-[g:REGISTERED_AT]->(address)
    WHERE g.since <= $run < g.until AND g.valid_to IS NULL
    UNWIND partners AS partner
    MATCH (:GraphService {node_id: 'person:' + partner.id})-[r:RESIDES_AT]->(home)
    WHERE r.since <= $run < r.until AND r.valid_to IS NULL
    RETURN max(home.house = address.house) AS at_home
}

// Its neighbours there, providers first. Members of one group are no strangers at an address.
CALL (org, partners) {
    MATCH (org)-[a:REGISTERED_AT]->(address)<-[b:REGISTERED_AT]-(other)
    WHERE a.since <= $run < a.until AND a.valid_to IS NULL
        AND b.since <= $run < b.until AND b.valid_to IS NULL
    WITH other, [k IN partners WHERE k.table = 'owners' | k.id] AS owners
    WHERE NOT other.key IN owners AND NOT EXISTS {
        MATCH (other)<-[k:OWNS]-(owner) WHERE k.since <= $run < k.until AND k.role IS NULL
            AND (owner.key = org.key OR owner.key IN owners)
    }
    WITH other, other:Provider AND NOT EXISTS {
        MATCH (other)-[g:GOVERNS]->() WHERE g.since <= $run < g.until
    } AS provides
    ORDER BY NOT provides, other.key
    RETURN collect(other.key) AS neighbours, count(*) + 1 AS at_address,
        count(CASE WHEN provides THEN 1 END) + 1 AS providers
}

// Who works there now, but for those who run it and those whom another firm employs.
CALL (org, last, partners) {
    CALL (org) {
        MATCH (org)<-[w:WORKED_FOR]-(person) WHERE w.since <= $run < w.until AND NOT EXISTS {
            MATCH (person)-[e:EMPLOYED_BY]->(other)
            WHERE e.since <= $run < e.until AND other <> org
        }
        RETURN person.key AS id, w.last AS seen, null AS since
        UNION ALL
        MATCH (org)<-[e:EMPLOYED_BY]-(person) WHERE e.since <= $run < e.until
        RETURN person.key AS id, e.valid_to AS seen, e.valid_from AS since
    }
    WITH id, seen, since
    WHERE coalesce(duration.inDays(seen, last).days <= $staff_days, true)
        AND NOT id IN [k IN partners | k.id]
    WITH id, max(since) AS since ORDER BY id
    RETURN count(since) = 0 AS rolls_unknown, collect(CASE
        WHEN since IS NULL
        THEN {table: 'visits', of: {org_id: org.key, worker_id: id}, take: 'first'}
        ELSE {table: 'employments', key: [org.key, id, toString(since)]}
    END) AS workers
}
WITH *, size(workers) AS staff,
    // The register tells of today: of a firm that has ended, it says little of its working days.
    NOT wound_up AND NOT org.protected AND (works OR NOT restrained) AS stands,
    NOT wound_up AND works AND NOT abroad AS registers_tell,
    street =~ '(?s)(.*[^a-zåäö])?(post)?box *[0-9].*' AS box,
    org.care_of IS NOT NULL OR street =~ '(?s)(.*[^a-zåäö])?c/o.*' AS care_of_given,
    duration.inDays(org.registered_on, first).days AS age_at_first,
    duration.inDays(org.registered_on, last).days AS age_at_last,
    EXISTS {
        MATCH (org)-[t:HOLDS_PERMIT]->() WHERE t.since <= $run < t.until
            AND t.role = 'granted' AND (t.valid_to IS NULL OR t.valid_to > last)
    } AS permitted,
    EXISTS {
        MATCH (org)-[q:REVIEWED]->(review) WHERE q.since <= $run < q.until
            AND review.outcome = 'passed'
            AND duration.inDays(review.reviewed_on, last).days <= $staff_days
    } AS passed

// The signs that the register's own row shows.
WITH *, [s IN [
    {sign: 'care_of', unsure: at_home IS NULL AND NOT box,
        shown: stands AND (box OR care_of_given AND NOT abroad AND NOT coalesce(at_home, false))},
    {sign: 'mass_address', shown: stands AND at_address > 1
        AND (at_address >= $orgs_at_address OR providers >= $providers_at_address)},
    {sign: 'no_contact', shown: stands AND NOT org.reachable AND reached_share > $peers_share},
    {sign: 'new_company', since: org.registered_on,
        shown: age_at_first < $new_days AND age_at_last <= $recent_days},
    {sign: 'no_f_tax', shown: registers_tell AND NOT org.f_tax AND NOT untaxed
        AND coalesce(taxed_share, 1) > $peers_share},
    {sign: 'no_employer', unsure: rolls_unknown, shown: registers_tell
        AND NOT org.employer AND staff >= $staff_min
        AND coalesce(employing_share, 1) > $peers_share},
    {sign: 'few_employees', unsure: rolls_unknown, shown: registers_tell
        AND staff >= $few_staff_min AND org.employees < $few_share * staff
        AND age_at_last > $reporting_days},
    {sign: 'restraint', since: restrained_on, shown: restrained AND NOT wound_up
        AND duration.inDays(restrained_on, last_work).days > $wind_up_days},
    {sign: 'other_industry', shown: stands AND org.industry =~ '(?s).*[0-9]{2}.*'
        AND NOT org.industry =~ '[\\s\\S]*(' + $near_industries + ')[\\s\\S]*'},
    // And what speaks against all of them.
    {sign: 'permit', shown: permitted},
    {sign: 'review', shown: passed}
] WHERE s.shown] AS signs

// The rows that show each of them; then the seats, bans and changes.
CALL (org, first, last, begun, ended, signs, partners, neighbours, providers, workers) {
    UNWIND signs AS s
    UNWIND [{table: 'organisations', key: [org.key]}] + CASE s.sign
        WHEN 'mass_address' THEN [other IN neighbours[..CASE
            WHEN providers >= $providers_at_address THEN $providers_at_address
            ELSE $orgs_at_address END - 1] | {table: 'organisations', key: [other]}]
        WHEN 'new_company' THEN [CASE begun[1]
            WHEN 'visits' THEN {table: 'visits', take: 'first', any_status: true,
                of: {org_id: org.key, municipality: begun[2][0]}}
            ELSE {table: begun[1], key: begun[2]} END]
        WHEN 'restraint' THEN [CASE ended[1]
            WHEN 'visits' THEN {table: 'visits', take: 'last', any_status: true,
                of: {org_id: org.key, municipality: ended[2][0]}}
            ELSE {table: ended[1], key: ended[2]} END]
        WHEN 'no_employer' THEN workers[..$staff_min]
        WHEN 'few_employees' THEN workers[..CASE
            WHEN floor(org.employees / toFloat($few_share)) < $few_staff_min THEN $few_staff_min
            ELSE toInteger(floor(org.employees / toFloat($few_share))) + 1 END]
        ELSE [] END AS cited
    RETURN s.sign AS sign, s.since AS since, coalesce(s.unsure, false) AS unsure,
        null AS person_id, null AS other_id, null AS held, cited
    UNION ALL
    UNWIND partners AS k
    MATCH (:GraphService {node_id: 'person:' + k.id})-[b:UNDER_BAN]->()
    WHERE b.since <= $run < b.until AND k.rules
        // Long enough for an officer to be struck off when the ban begins; then it lasts into the work.
        AND (k.to IS NULL OR duration.inDays(b.valid_from, k.to).days > $ban_grace_days)
        AND (k.from IS NULL OR b.valid_to IS NULL OR k.from < b.valid_to)
        AND coalesce(k.to, b.valid_to, last + duration({days: 1})) > first
        AND coalesce(b.valid_to, last + duration({days: 1})) > first
    WITH k, b.valid_from AS banned_on,
        CASE WHEN k.from > b.valid_from THEN k.from ELSE b.valid_from END AS since
    ORDER BY since, k.table, k.key, banned_on LIMIT 1
    UNWIND [{table: k.table, key: k.key},
        {table: 'trading_bans', key: [k.id, toString(banned_on)]}] AS cited
    RETURN 'trading_ban' AS sign, since, false AS unsure, k.id AS person_id, null AS other_id,
        null AS held, cited
    UNION ALL
    // Who runs a company: auditors, deputies and administrators do not.
    MATCH (org)<-[m:OFFICER_OF]-(person)
    WHERE m.since <= $run < m.until AND m.role IN ['chair', 'director', 'ceo', 'signatory']
        AND (m.valid_to IS NULL OR m.valid_to > last)
    WITH DISTINCT person
    MATCH (person)-[s:OFFICER_OF]->(other)
    WHERE s.since <= $run < s.until AND s.role IN ['chair', 'director', 'ceo', 'signatory']
    // The bankruptcy that met the officer there.
    CALL (other) {
        CALL (other) {
            WITH other WHERE other.status = 'bankruptcy'
            RETURN coalesce(other.status_on, other.deregistered_on, $as_of) AS day,
                'organisations' AS table, [other.key] AS key
            UNION ALL
            MATCH (other)-[v:CHANGED]->(change)
            WHERE v.since <= $run < v.until AND change.what = 'status'
                AND toLower(change.after) =~ '(?s).*(konkurs|bankrupt).*'
            RETURN change.changed_on AS day, 'organisation_changes' AS table, [change.key] AS key
            UNION ALL
            MATCH (other)-[v:CONTRACTED_BY]->()
            WHERE v.since <= $run < v.until AND v.end_reason = 'bankruptcy'
            RETURN v.valid_to AS day, 'contracts' AS table, [v.reference] AS key
        }
        WITH day, table, key ORDER BY day, table, key LIMIT 1
        RETURN collect({day: day, cited: {table: table, key: key}})[0] AS failed
    }
    WITH person, s, other, s.role <> 'ceo' AND (s.valid_to IS NULL OR s.valid_to > last)
            AND other.deregistered_on IS NULL
            AND coalesce(other.status, 'active') <> 'deregistered' AS held,
        CASE WHEN s.role <> 'ceo' AND other <> org AND s.valid_from < failed.day
            AND (s.valid_to IS NULL
                OR duration.inDays(s.valid_to, failed.day).days <= $left_days)
            AND duration.inDays(failed.day, last).days <= $bankruptcy_days THEN failed END AS failed
    UNWIND [{sign: 'seat', since: s.valid_from, unsure: failed IS NOT NULL, held: held, cited: {
            table: 'officers', key: [other.key, person.key, s.role, toString(s.valid_from)]}}]
        + CASE WHEN failed IS NULL THEN []
            ELSE [{sign: 'bankruptcy', since: failed.day, unsure: false, cited: failed.cited}]
        END AS fact
    RETURN DISTINCT fact.sign AS sign, fact.since AS since, fact.unsure AS unsure,
        person.key AS person_id, other.key AS other_id, fact.held AS held, fact.cited AS cited
    UNION ALL
    MATCH (org)-[v:CHANGED]->(change)
    WHERE v.since <= $run < v.until
        AND duration.inDays(change.changed_on, last).days <= $recent_days
    RETURN 'changed_' + change.what AS sign, change.changed_on AS since, false AS unsure,
        null AS person_id, null AS other_id, null AS held,
        {table: 'organisation_changes', key: [change.key]} AS cited
}
RETURN org.key AS provider_id,
    [{role: 'provider', kind: 'organisation', id: org.key}] AS subjects,
    since, last AS until, 1 AS events, 1 AS days,
    null AS exposure_lower, null AS exposure_upper, [cited] AS evidence,
    sign, unsure, person_id, other_id, held, first, org.registered_on AS registered_on,
    at_address, staff, org.employees AS employees

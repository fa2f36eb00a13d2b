// One row: an account and a provider who is paid on it, or whose workers are, with whom it is shared.
// Who shares an account shares the money: a firm's front, or wages that come back to one hand.
// :params {run: 1, as_of: date('2025-12-31'), group_share: 0.5, no_couple: 3, handover_days: 60}

// Accounts that are meant for several are left out: factors', groups', the municipality's.
MATCH (account:Account)
WHERE account.since <= $run < account.until
  AND NOT EXISTS {
    MATCH (account)<-[held:HOLDS_ACCOUNT]-(holder)
    WHERE held.since <= $run < held.until
      AND (held.purpose IN ['factoring', 'group']
        OR EXISTS { (holder)-[is:GOVERNS]->() WHERE is.since <= $run < is.until })
  }
WITH account, EXISTS {
  MATCH (account)<-[asks:PAYABLE_TO]-(invoice:Invoice)
  WHERE asks.since <= $run < asks.until AND invoice.factoring
} AS sold

// Each record that ties a party to the account. A sold invoice names the buyer's account: no tie.
CALL (account) {
  CALL (account) {
    MATCH (account)<-[held:HOLDS_ACCOUNT {role: 'registered'}]-(holder)
    WHERE held.since <= $run < held.until
    RETURN holder.key AS party, {
      table: 'accounts', key: [account.key, holder.key, toString(held.valid_from)],
      since: coalesce(held.valid_from, date('0001-01-01')),
      last: coalesce(held.valid_to - duration({days: 1}), $as_of)
    } AS tie
  UNION ALL
    MATCH (account)<-[asks:PAYABLE_TO]-(invoice:Invoice)<-[billed:INVOICED]-(biller)
    WHERE asks.since <= $run < asks.until AND billed.since <= $run < billed.until
      AND NOT coalesce(invoice.factoring, false)
    RETURN biller.key AS party, {
      table: 'invoices', key: [invoice.key],
      since: asks.first, last: asks.first, day: asks.first
    } AS tie
  UNION ALL
    MATCH (account)<-[paid:PAID_TO]-(payment:Payment)
    WHERE paid.since <= $run < paid.until
    OPTIONAL MATCH (payment)-[to:PAID_TO]->(payee:Organisation|Person)
    WHERE to.since <= $run < to.until
    OPTIONAL MATCH (payment)-[settles:SETTLES]->(invoice:Invoice)<-[billed:INVOICED]-(biller)
    WHERE settles.since <= $run < settles.until AND billed.since <= $run < billed.until
    WITH paid, payment, coalesce(payee.key, biller.key) AS party, invoice
    WHERE party IS NOT NULL AND NOT coalesce(invoice.factoring, false)
    RETURN party, {
      table: 'payments', key: [payment.key],
      since: paid.first, last: paid.first, day: paid.first,
      amount: paid.amount, currency: paid.currency
    } AS tie
  }
  WITH party, tie ORDER BY tie.day, tie.table, tie.key
  WITH party, collect(tie) AS ties
  RETURN collect({id: party, ties: ties}) AS users
}
WITH account, sold, users WHERE size(users) > 1

// Who the parties are, and when each used the account.
CALL (users) {
  UNWIND users AS user
  OPTIONAL MATCH (firm:GraphService {node_id: 'organisation:' + user.id})
  WHERE firm.since <= $run < firm.until
  OPTIONAL MATCH (person:GraphService {node_id: 'person:' + user.id})
  WHERE person.since <= $run < person.until
  // A dissolved firm's ties end with it.
  WITH user, firm, person, coalesce(firm:Provider, false) AS is_provider, [tie IN user.ties |
    tie {.*, last: CASE WHEN firm.deregistered_on < tie.last THEN firm.deregistered_on
                   ELSE tie.last END}] AS ties
  WITH *, [tie IN ties WHERE tie.day IS NOT NULL] AS uses
  // Stretches of use: each register row by itself, invoices and payments from first to last.
  WITH *, [each IN
    [tie IN ties WHERE tie.day IS NULL | {since: tie.since, last: tie.last}]
      + [{since: uses[0].since, last: uses[-1].last}]
    WHERE each.since <= each.last] AS stretches
  CALL (stretches) {
    UNWIND stretches AS each
    RETURN min(each.since) AS first, max(each.last) AS last
  }
  // How far what is known of each municipality reaches: another's later delivery ends nothing here.
  CALL (firm, person) {
    OPTIONAL MATCH (person)-[job:EMPLOYED_BY]->(employer)
    WHERE job.since <= $run < job.until
    UNWIND [firm, employer] AS org
    MATCH (org)-[active:ACTIVE_IN]->(municipality)
    WHERE active.since <= $run < active.until
    MATCH (municipality)<-[known:ACTIVE_IN]-()
    WHERE known.since <= $run < known.until
    RETURN max(known.last) AS seen
  }
  CALL (person) {
    CALL (person) {
      MATCH (person)-[job:EMPLOYED_BY]->(org)
      WHERE job.since <= $run < job.until
      RETURN org, job.valid_from AS first,
        coalesce(job.valid_to - duration({days: 1}), $as_of) AS last
    UNION ALL
      MATCH (person)-[work:WORKED_FOR]->(org)
      WHERE work.since <= $run < work.until
      RETURN org, min(work.first) AS first, max(work.last) AS last
    }
    RETURN collect({org: org, first: first, last: last}) AS jobs
  }
  RETURN collect({
    id: user.id, ties: ties, uses: uses, stretches: stretches, first: first, last: last,
    jobs: jobs, seen: seen,
    firm: firm, is_provider: is_provider,
    is_firm: is_provider OR coalesce(firm.origin_table = 'organisations', false)
      OR user.id =~ '(?s)[0-9]{10}|[A-Z]{2}:.*',
    nodes: [node IN [firm, person] WHERE node IS NOT NULL],
    // SNI: finance, and services to it.
    is_financier: NOT is_provider AND coalesce(firm.industry =~ '(?s)\\s*(64|66).*', false),
    // A common holder of half or more, up to eight steps above, makes a group.
    holders: [user.id] + COLLECT {
      MATCH (firm)
        (()<-[held:OWNS WHERE held.since <= $run < held.until
          AND (held.share >= $group_share OR (held.share IS NULL AND held.interest = 'control'))
          AND (held.valid_to IS NULL OR held.valid_to > $as_of)]-()){1,8} (above)
      RETURN DISTINCT above.key
    },
    // A home that nobody may know is no home known; a network gives none away.
    homes: COLLECT {
      MATCH (person)-[lives:RESIDES_AT]->(address) WHERE lives.since <= $run < lives.until
      RETURN DISTINCT address.key
    }
  }) AS parties
}
WITH account, parties
WHERE none(party IN parties WHERE party.is_financier)
  // Claims sold to one who holds the account; a provider who holds it has bought none.
  AND (NOT sold OR any(party IN parties WHERE party.is_provider
    AND any(tie IN party.ties WHERE tie.table = 'accounts')))

// Two strangers who use it at once.
CALL (parties) {
  UNWIND parties AS x
  UNWIND parties AS y
  WITH x, y WHERE x.id < y.id
    // A provider is one of them, or has both at work.
    AND (x.is_provider OR y.is_provider
      OR any(job IN x.jobs WHERE job.org IN [other IN y.jobs | other.org]))
    // One after the other: the earlier one stops, for good, about when the later one starts.
    AND none(way IN [[x, y], [y, x]] WHERE
      duration.inDays(way[0].first, way[1].first).days > $handover_days
      AND duration.inDays(way[1].first, way[0].last).days <= $handover_days
      AND duration.inDays(way[0].last, coalesce(way[0].seen, way[1].seen, $as_of)).days
        > $handover_days
      AND way[1].last > way[0].last)
  CALL (x, y) {
    UNWIND x.stretches AS s
    UNWIND y.stretches AS t
    WITH s, t WHERE s.since <= t.last AND t.since <= s.last
    RETURN min(CASE WHEN s.since > t.since THEN s.since ELSE t.since END) AS since,
      max(CASE WHEN s.last < t.last THEN s.last ELSE t.last END) AS until
  }
  // Employers of both while they share it.
  WITH x, y, since, until, COLLECT {
    UNWIND CASE WHEN x.is_firm OR y.is_firm THEN [] ELSE x.jobs END AS job
    UNWIND y.jobs AS other
    WITH job, other
    WHERE job.org = other.org AND job.first <= until AND since <= job.last
      AND other.first <= until AND since <= other.last
    RETURN DISTINCT job.org
  } AS employers
  WHERE since IS NOT NULL AND (x.is_provider OR y.is_provider OR size(employers) > 0)
    // Those who may well share: one group, a home, or a client and the provider, a ward and the
    // guardian, one person or firm under two numbers.
    AND NOT (x.is_firm AND y.is_firm AND any(holder IN x.holders WHERE holder IN y.holders))
    AND NOT (NOT x.is_firm AND NOT y.is_firm AND any(home IN x.homes WHERE home IN y.homes))
    AND NOT EXISTS {
      UNWIND x.nodes AS one
      UNWIND y.nodes AS other
      MATCH (one)-[tied:ENROLLED_WITH|PLACED_WITH|CARED_FOR_BY|ACTS_FOR|SAME_AS]-(other)
      WHERE tied.since <= $run < tied.until AND coalesce(tied.role, '') <> 'approved_relative'
    }
  // The provider is named with each stranger; of its workers, those who live apart or are no couple.
  UNWIND [way IN [[x, y], [y, x]] WHERE way[0].is_provider | {
      provider: way[0].firm, roles: [[way[0].id, 'provider'], [way[1].id, 'payee']]
    }] + [employer IN employers | {
      provider: employer, roles: [[x.id, 'worker'], [y.id, 'worker']]
    }] AS sharing
  UNWIND sharing.roles AS role
  WITH sharing.provider AS provider, role[0] AS id, role[1] AS role, collect({
    since: since, until: until,
    guessed: role[1] = 'worker' AND (x.homes = [] OR y.homes = [])
  }) AS met
  UNWIND [each IN met WHERE NOT each.guessed OR size(met) + 1 >= $no_couple] AS each
  RETURN provider, id, max(role) AS role, true IN collect(each.guessed) AS guessed,
    min(each.since) AS since, max(each.until) AS until
}
WITH *, head([party IN parties WHERE party.id = id]) AS party
WITH *, [tie IN party.ties WHERE tie.since <= until AND since <= tie.last] AS during
WITH account, provider, min(since) AS since, max(until) AS until, collect({
  subject: {role: role, kind: CASE WHEN party.is_firm THEN 'organisation' ELSE 'person' END, id: id},
  is_firm: party.is_firm, guessed: guessed, during: during, first_use: party.uses[0].day,
  // Evidence: the register's rows, and the first and last invoice or payment of each party.
  shown: [tie IN during WHERE tie.day IS NULL] + party.uses[..1] + party.uses[-1..],
  own: CASE WHEN id = provider.key THEN [tie IN during WHERE tie.amount IS NOT NULL] ELSE [] END,
  // Who owns the firm or speaks for it: its money here is not hidden from its owners.
  is_head: EXISTS {
    UNWIND party.nodes AS node
    MATCH (node)-[over:OWNS|OFFICER_OF]->(provider)
    WHERE over.since <= $run < over.until AND coalesce(over.role, '') <> 'sole_trader'
  }
}) AS members
CALL (members) {
  UNWIND members AS member
  RETURN min(member.first_use) AS first_use, count(member.first_use) AS seen_parties,
    true IN collect(member.guessed) AS guessed,
    sum(toInteger(member.is_firm)) AS firms, sum(toInteger(member.is_head)) AS heads
}
CALL (members) {
  UNWIND members AS member
  UNWIND member.during AS tie
  RETURN count(*) AS events, count(DISTINCT tie.day) AS days
}
CALL (members) {
  UNWIND members AS member
  UNWIND member.own AS tie
  // Ten-thousandths are whole numbers, so no order of rows moves the sum.
  WITH count(*) AS payments, count(DISTINCT tie.currency) AS currencies, max(tie.currency) AS currency,
    sum(toInteger(round(tie.amount * 10000))) AS amount
  RETURN CASE WHEN payments > 0 AND currencies = 1 AND currency = 'SEK'
    THEN CASE WHEN amount > 0 THEN amount / 10000.0 ELSE 0.0 END END AS paid
}
WITH *,
  // Where no register says since when, the first use that is seen begins it.
  CASE WHEN since > date('0001-01-01') THEN since
    WHEN first_use < until THEN first_use ELSE until END AS begun,
  // Whose owners nobody told may well be one group.
  firms > 1 AND NOT EXISTS {
    (provider)<-[held:OWNS]-()
    WHERE held.since <= $run < held.until AND held.role IS NULL
  } AS owners_untold
RETURN
  provider.key AS provider_id,
  [
    {role: 'shared', kind: 'account', id: account.key},
    {role: 'provider', kind: 'organisation', id: provider.key}
  ] + [member IN members | member.subject] AS subjects,
  begun AS since, until, events,
  CASE WHEN days > 0 THEN days ELSE 1 END AS days,
  CASE WHEN paid IS NOT NULL THEN 0 END AS exposure_lower,
  paid AS exposure_upper,
  reduce(rows = [], member IN members |
    rows + [tie IN member.shown | {table: tie.table, key: tie.key}]) AS evidence,
  size(members) AS parties, firms, size(members) - firms AS persons,
  heads, duration.inDays(begun, until).days + 1 AS shared_days,
  [name IN [
    CASE WHEN guessed THEN 'joint_account' END,
    CASE WHEN owners_untold THEN 'parent_company' END,
    CASE WHEN owners_untold THEN 'sister_companies' END
  ] WHERE name IS NOT NULL] AS untested,
  [name IN [
    CASE WHEN heads > 0 THEN 'owner_or_officer' END,
    CASE WHEN seen_parties < size(members) THEN 'register_only' END,
    CASE WHEN duration.inDays(begun, until).days <= $handover_days THEN 'brief' END,
    CASE WHEN firms = 0 AND size(members) = 2 THEN 'perhaps_a_couple' END
  ] WHERE name IS NOT NULL] AS against

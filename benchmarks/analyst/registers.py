"""Accounts, owners and contacts, as scripts."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pandas as pd

from benchmarks.analyst.frames import Answer, Tables, building, providers

_NOW = pd.Timestamp("2026-01-01", tz="UTC")


def shared_account(t: Tables) -> Answer:
    """Who uses which account, account by account; then leave out those who may well share."""
    held, bills, paid = t["accounts"], t["invoices"], t["payments"]
    sold = set(bills[bills.factoring == "true"].invoice_id)
    bills = bills[(bills.factoring != "true") & bills.account.notna()]
    paid = paid[paid.payee_account.notna() & ~paid.invoice_id.isin(sold)]
    issuer = t["invoices"].set_index("invoice_id").org_id
    payee = paid.payee_id.fillna(paid.invoice_id.map(issuer))
    uses = pd.concat(
        [
            pd.DataFrame({"account": held.account, "who": held.holder_id})[
                held.valid_to.isna() | (held.valid_to >= _NOW)
            ],
            pd.DataFrame({"account": bills.account, "who": bills.org_id}),
            pd.DataFrame({"account": paid.payee_account, "who": payee}),
        ]
    ).drop_duplicates()
    finance = t["organisations"]
    finance = set(finance[finance.industry.fillna("").str.match("64|66")].org_id)
    common = set(held[held.purpose.isin(["factoring", "group"])].account)
    common |= set(uses[uses.who.isin(finance | set(t["municipalities"].org_id))].account)
    owners = t["owners"]
    groups = nx.Graph(
        list(owners[owners.share >= 0.5][["org_id", "owner_id"]].itertuples(index=False))
    )
    kin = {(a, b) for a, b in t["mandates"][["person_id", "client_id"]].itertuples(index=False)}
    kin |= set(t["enrolments"][["org_id", "client_id"]].itertuples(index=False, name=None))
    homes, firms = building(t, flat=True), providers(t)
    every = firms | set(t["organisations"].org_id)
    employed = t["employments"].groupby("org_id").person_id.agg(set)
    found = set()
    for account, who in uses[~uses.account.isin(common)].groupby("account").who:
        for a, b in combinations(sorted(who.unique()), 2):
            if (a, b) in kin or (b, a) in kin:
                continue
            if a in groups and b in groups and nx.has_path(groups, a, b):
                continue
            if {a, b} & firms:
                found |= {(party, account) for party in (a, b) if party in firms}
            elif not {a, b} & every and homes.get(a) != homes.get(b):
                found |= {(org, account) for org, staff in employed.items() if {a, b} <= staff}
    return found


def ownership_ring(t: Tables) -> Answer:
    """Draw the holdings above each provider, and look for circles and long chains of firms."""
    owners, register = t["owners"], t["organisations"].set_index("org_id")
    owners = owners[owners.valid_to.isna() | (owners.valid_to >= _NOW)]
    graph = nx.DiGraph()
    for hold in owners.itertuples():
        kind = "person" if hold.owner_kind == "person" else "firm"
        graph.add_node(hold.owner_id, kind=kind)
        graph.add_edge(hold.org_id, hold.owner_id, share=hold.share or 0.0)
    large = nx.DiGraph([(a, b) for a, b, d in graph.edges(data=True) if not d["share"] <= 0.25])
    bodies = register[
        register.legal_form.fillna("").str.contains("förening|stiftelse|publ|ommun", case=False)
    ].index
    found = set()
    for provider in providers(t) & set(large):
        above = large.subgraph({provider} | nx.descendants(large, provider))
        people = [who for who in above if graph.nodes[who].get("kind") == "person"]
        if people or set(above) & set(bodies):
            continue
        rings = [ring for ring in nx.strongly_connected_components(above) if len(ring) > 1]
        chain = 0 if rings else nx.dag_longest_path_length(above, default_weight=1)
        if rings or chain > 3:
            found.add((provider, provider))
    return found

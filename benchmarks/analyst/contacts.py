"""Telephones and devices in common, as scripts."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from benchmarks.analyst.frames import Answer, Tables, building, performed, providers

_MINUTE = pd.Timedelta(minutes=1)


def shared_contact(t: Tables) -> Answer:
    """Who gives which number, number by number; then leave out those who are tied."""
    persons, firms = t["persons"], t["organisations"]
    firms = firms[firms.org_id.isin(providers(t))]
    given = pd.concat(
        [
            frame[[key, column]].set_axis(["who", "value"], axis=1)
            for frame, key in ((persons, "person_id"), (firms, "org_id"))
            for column in ("phone", "email")
        ]
    ).dropna()
    given["value"] = given.value.str.lower().str.replace(r"[\s-]", "", regex=True)
    given = given[given.groupby("value").who.transform("nunique") > 1]
    doors = building(t)
    names = (persons.given_name + " " + persons.family_name).set_axis(persons.person_id).to_dict()
    kin = set(t["mandates"][["person_id", "client_id"]].itertuples(index=False, name=None))
    at: dict[str, set[str]] = {}
    tables = (
        (t["employments"], "person_id"),
        (t["officers"], "person_id"),
        (t["owners"], "owner_id"),
        (performed(t)[["org_id", "worker_id"]].drop_duplicates(), "worker_id"),
        (t["enrolments"], "client_id"),
    )
    for frame, column in tables:
        for who, org in frame[[column, "org_id"]].itertuples(index=False):
            at.setdefault(who, set()).add(org)
    for org in providers(t):
        at.setdefault(org, set()).add(org)
    span = performed(t).groupby("org_id").start.agg(["min", "max"])
    found = set()
    for value, who in given.groupby("value").who:
        parties = sorted(who.unique())
        houses = set().union(*(at.get(party, set()) for party in parties))
        if not 2 <= len(houses) < 5:
            continue
        lodgers = doors.reindex(parties).value_counts()
        if not lodgers.empty and lodgers.iloc[0] >= 3:
            continue
        for a, b in combinations(parties, 2):
            own, other = at.get(a, set()), at.get(b, set())
            if own & other or (a in doors and doors.get(a) == doors.get(b)):
                continue
            if {a, b} <= set(span.index) and (
                span["max"][a] < span["min"][b] or span["max"][b] < span["min"][a]
            ):
                continue
            if names.get(a, a) == names.get(b, b) or {(a, b), (b, a)} & kin:
                continue
            found |= {(org, _shown(value)) for org in own | other if own and other}
    return found


def _shown(value: str) -> str:
    return "+46" + value.lstrip("0") if value.startswith("0") else value


def login_on_two_devices(t: Tables) -> Answer:
    """Walk through each login's check-ins and look for one device, another, and the first."""
    done = performed(t)
    done = done[done.login_id.notna() & done.device_id.notna()]
    done = done[~done.start_method.isin(["manual", "admin"])]
    several = done.groupby("login_id").device_id.transform("nunique") > 1
    found = set()
    for login, rows in done[several].sort_values("start").groupby("login_id"):
        moments = []
        uses = list(rows[["start", "device_id"]].itertuples(index=False))
        for place, (at, device) in enumerate(uses):
            for back, other in reversed(uses[:place]):
                if at - back > 60 * _MINUTE:
                    break
                if other == device:
                    between = {name for when, name in uses[:place] if back < when < at}
                    if between - {device}:
                        moments.append(at)
                    break
        days = {at.date() for at in moments}
        if len(days) >= 3 and len(moments) >= 5:
            found.add((rows.org_id.iloc[0], login))
    return found

"""Firms that are hollow, or stand where another stood, as scripts."""

from __future__ import annotations

import pandas as pd

from benchmarks.analyst.frames import Answer, Tables, building, performed, providers

_NOW = pd.Timestamp("2026-01-01", tz="UTC")
_DAY = pd.Timedelta(days=1)
_BOARD = ["chair", "director", "signatory"]


def hollow_company(t: Tables) -> Answer:
    """Go through the checklist for each provider, and add up what it gives."""
    register = t["organisations"].set_index("org_id")
    officers, changes = t["officers"], t["organisation_changes"]
    banned = set(t["trading_bans"].person_id) if "trading_bans" in t else set()
    failed = register[register.status == "bankruptcy"].status_on
    doors = building(t)
    seat = register.street.str.lower() + register.postcode.fillna("")
    crowd = seat.value_counts()
    begun = pd.concat([performed(t)[["org_id", "start"]], _begun(t)]).groupby("org_id").start.min()
    at_work = performed(t).groupby("org_id").worker_id.nunique()
    hired = t["employments"].groupby("org_id").person_id.nunique()
    found = set()
    for who in sorted((providers(t) & set(register.index)) - set(t["municipalities"].org_id)):
        firm = register.loc[who]
        signs: dict[str, list[float]] = {}
        own = officers[(officers.org_id == who) & ~officers.role.isin(["auditor", "liquidator"])]
        own = own[own.valid_to.isna() | (own.valid_to > _NOW)]
        runs = {*own.person_id, *t["owners"][t["owners"].org_id == who].owner_id}
        elsewhere = pd.notna(firm.care_of) or str(firm.street).lower().startswith("box")
        if elsewhere and doors.get(who) not in set(doors.reindex(list(runs))):
            signs.setdefault("premises", []).append(1.0)
        if crowd.get(seat.get(who), 0) >= 10:
            signs.setdefault("premises", []).append(1.0)
        if pd.isna(firm.phone) and pd.isna(firm.email):
            signs.setdefault("contact", []).append(1.0)
        age = begun.get(who, pd.NaT) - firm.registered_on
        if age.days < 365 and (_NOW - firm.registered_on).days < 1095:
            signs.setdefault("age", []).append(1.0)
        staff = max(at_work.get(who, 0), hired.get(who, 0))
        signs.setdefault("register", [])
        if firm.f_tax == "false":
            signs["register"].append(1.5)
        if firm.employer == "false" and staff >= 3:
            signs["register"].append(1.5)
        if staff >= 5 and firm.employees < staff / 10:
            signs["register"].append(1.0)
        if firm.status in {"bankruptcy", "liquidation", "reconstruction", "deregistered"}:
            signs.setdefault("status", []).append(1.0)
        if not str(firm.industry).startswith(("86", "87", "88", "78", "81", "85", "70", "84")):
            signs.setdefault("industry", []).append(0.5)
        if banned & set(own.person_id):
            signs.setdefault("management", []).append(2.5)
        for person in own.person_id.unique():
            seats = officers[(officers.person_id == person) & officers.role.isin(_BOARD)]
            held = seats[seats.valid_to.isna() | (seats.valid_to > _NOW)].org_id.nunique()
            ended = seats.org_id.map(failed)
            ran = (seats.valid_from < ended) & ~(seats.valid_to < ended - 90 * _DAY)
            if held >= 5 and seats[ran].org_id.nunique() >= 2:
                signs.setdefault("management", []).append(2.0)
        days = changes[changes.org_id == who].groupby("what").changed_on.max()
        if {"board", "industry", "address"} <= set(days.index):
            three = days[["board", "industry", "address"]]
            shelf = (three.min() - firm.registered_on).days <= 365
            if (three.max() - three.min()).days <= 30 and not shelf:
                signs.setdefault("change", []).append(2.0)
        kinds = [sorted(weights, reverse=True) for weights in signs.values() if weights]
        weight = sum(weights[0] + sum(weights[1:]) / 2 for weights in kinds)
        if len(kinds) >= 2 and weight >= 3:
            found.add((who, who))
    return found


def _begun(t: Tables) -> pd.DataFrame:
    dates = [t["contracts"], t["enrolments"]]
    days = [
        frame[["org_id", "valid_from"]].set_axis(["org_id", "start"], axis=1) for frame in dates
    ]
    return pd.concat([*days, t["placements"][["org_id", "start"]]])


def phoenix_company(t: Tables) -> Answer:
    """Hold each new provider beside each that ended before it, and count what they share."""
    visits, register = performed(t), t["organisations"].set_index("org_id")
    span = visits.groupby("org_id").start.agg(["min", "max"])
    last, first = span["max"].max(), span["min"].min()
    ended = span[last - span["max"] > 60 * _DAY]
    new = span[span["min"] - first > 14 * _DAY]
    moved = t["organisation_changes"]
    sold = set(moved[moved.what == "owner"].org_id)
    people = pd.concat(
        [
            t["officers"][~t["officers"].role.isin(["auditor", "liquidator"])][
                ["org_id", "person_id"]
            ],
            t["owners"][["org_id", "owner_id"]].set_axis(["org_id", "person_id"], axis=1),
        ]
    )
    found = set()
    for old, was in ended.iterrows():
        for who, now in new.iterrows():
            gap = now["min"] - was["max"]
            if who == old or not -90 * _DAY <= gap <= 548 * _DAY or old in sold:
                continue
            shared = set(people[people.org_id == old].person_id) & set(
                people[people.org_id == who].person_id
            )
            contact = [
                name
                for name in ("phone", "email", "street")
                if pd.notna(register.loc[old, name])
                and register.loc[old, name] == register.loc[who, name]
            ]
            before = visits[(visits.org_id == old) & (visits.start > was["max"] - 180 * _DAY)]
            after = visits[(visits.org_id == who) & (visits.start < now["min"] + 180 * _DAY)]
            carried = {
                name: len(set(before[name]) & set(after[name])) / max(1, before[name].nunique())
                for name in ("worker_id", "client_id")
            }
            signs = bool(shared) + len(contact)
            if signs >= 2 or (signs and carried["worker_id"] >= 0.5):
                found.add((who, old))
    return found

"""Overlaps and followed workers, as scripts."""

from __future__ import annotations

import pandas as pd
from scipy.stats import false_discovery_control, fisher_exact

from benchmarks.analyst.frames import Answer, Tables, building, performed

_MINUTE = pd.Timedelta(minutes=1)
_DAY = pd.Timedelta(days=1)
_COLUMNS = ["visit_id", "worker_id", "client_id", "org_id", "start", "end", "end_method"]
_COLUMNS += ["planned_start", "planned_end", "group_visit"]


def overlapping_visits(t: Tables) -> Answer:
    """Merge each worker's visits of a day with themselves; keep what cannot both have been."""
    done = performed(t)[_COLUMNS]
    planned, length = done.planned_end - done.planned_start, done.end - done.start
    forgotten = (length >= 1.5 * planned) & (length >= planned + 45 * _MINUTE)
    unseen = done.end_method.isin(["manual", "admin"]) & (length >= planned + 15 * _MINUTE)
    believed = (done.start + planned).clip(upper=done.planned_end)
    done = done.assign(
        until=done.end.mask(forgotten | unseen, believed),
        day=done.start.dt.floor("D"),
        home=done.client_id.map(building(t)),
    ).drop(columns=["planned_start", "planned_end", "end_method", "end"])
    pair = done.merge(done, on=["worker_id", "day"], suffixes=("", "_b"))
    pair = pair[(pair.visit_id != pair.visit_id_b) & (pair.start <= pair.start_b)]
    shared = pair[["until", "until_b"]].min(axis=1) - pair.start_b
    group = (pair.group_visit == "true") & (pair.group_visit_b == "true")
    apart = pair.home.notna() & pair.home_b.notna() & (pair.home != pair.home_b)
    pair = pair[(shared > 5 * _MINUTE) & ~group & apart & (pair.client_id != pair.client_id_b)]
    return {
        *zip(pair.org_id, pair.worker_id, strict=True),
        *zip(pair.org_id_b, pair.worker_id, strict=True),
    }


def clients_follow_worker(t: Tables) -> Answer:
    """Walk over the workers who changed provider, and count who came along."""
    visits, homes = performed(t), building(t, flat=True)
    work = visits.groupby(["worker_id", "org_id"]).start.agg(["min", "max"]).reset_index()
    moves = work.merge(work, on="worker_id", suffixes=("", "_b"))
    gap = moves["min_b"] - moves["max"]
    last = visits.start.max()
    moves = moves[
        (moves.org_id != moves.org_id_b)
        & (moves["min"] < moves["min_b"])
        & (gap <= 90 * _DAY)
        & (gap >= -30 * _DAY)
        & ((gap > 0 * _DAY) | (last - moves["max"] > 30 * _DAY))
    ]
    stays = t["enrolments"].assign(unit=lambda e: e.client_id.map(homes).fillna(e.client_id))
    stays["valid_to"] = stays.valid_to.fillna(pd.Timestamp("2200-01-01", tz="UTC"))
    # itertuples cannot spell the names that merge gave
    tested = [_followers(visits, stays, *move[1:]) for move in moves.itertuples()]
    tested = [test for test in tested if test is not None]
    if not tested:
        return set()
    q_values = false_discovery_control([test[2] for test in tested])
    return {
        (org_id, worker)
        for (org_id, worker, _, found), q in zip(tested, q_values, strict=True)
        if found and q <= 0.01
    }


def _followers(
    visits: pd.DataFrame,
    stays: pd.DataFrame,
    worker: str,
    old: str,
    _first: pd.Timestamp,
    ended: pd.Timestamp,
    new: str,
    begun: pd.Timestamp,
    _last: pd.Timestamp,
) -> tuple[str, str, float, bool] | None:
    """The new provider, the worker, the chance of so many followers, and whether they are many."""
    before = visits[
        (visits.org_id == old) & (visits.start > ended - 90 * _DAY) & (visits.start <= ended)
    ]
    every = before.groupby("client_id").size()
    own = before[before.worker_id == worker].groupby("client_id").size()
    if len(own) < 3:
        return None
    share = own / every.loc[own.index]
    known = set(own[(share >= 0.2) | (own >= 10)].index)
    left = stays[(stays.valid_to >= begun - 90 * _DAY) & (stays.valid_from < begun)]
    left = left[~left.end_reason.isin(["deceased", "moved", "provider_exit"])]
    came = stays[
        (stays.org_id == new)
        & (stays.valid_from >= begun - 30 * _DAY)
        & (stays.valid_from <= begun + 90 * _DAY)
    ]
    arrived = set(came.client_id) & set(left[left.org_id != new].client_id)
    from_old = arrived & set(left[left.org_id == old].client_id)
    unit = dict(zip(stays.client_id, stays.unit, strict=True))
    circle = {unit.get(who, who) for who in known}
    moved = {unit.get(who, who) for who in known & from_old}
    others = set(left[left.org_id != new].unit) - circle
    others_moved = {unit[who] for who in arrived} - circle
    table = [
        [len(moved), len(circle) - len(moved)],
        [len(others_moved & others), len(others - others_moved)],
    ]
    chance = fisher_exact(table, alternative="greater").pvalue
    base = (len(others_moved & others) + 0.5) / (len(others) + 1)
    many = len(moved) >= 3 and bool(circle) and len(moved) / len(circle) >= 5 * base
    return new, worker, chance, many

"""Which moves took more clients along than chance gives, over all moves that were tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from graph_service.room import Row, Value
from graph_service.statistics import exact_excess, false_discovery, lift


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """The moves that stand out in their municipality, each with its p, q and lift."""
    families: dict[str, list[Row]] = {}
    for row in tested(rows, thresholds):
        families.setdefault(row["municipality"], []).append(row)
    found: list[Row] = []
    for name in sorted(families):
        moves = families[name]
        q_values = false_discovery([row["p_value"] for row in moves])
        found += [
            _told({**row, "q_value": q_value, "tests": len(moves)}, thresholds)
            for row, q_value in zip(moves, q_values, strict=True)
            if _stands_out(row, q_value, thresholds)
        ]
    return found


def tested(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """Every move with its p-value, in order of its name: those that were tested, shown or not.

    A move of a worker with enough clients is a test also when nobody followed. Tests share
    clients, so those of one move rise together: Benjamini–Hochberg holds for such dependence,
    and each municipality is a family of its own. Two circles of one worker's clients were looked
    at where they differ: the better one is kept, its p-value doubled (Bonferroni).
    """
    moves: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["move_id"], row["circle"] or "")):
        moves.setdefault(row["move_id"], []).append(row)
    kept = []
    for _, circles in sorted(moves.items()):
        tests = [_tested(row, float(thresholds["exodus_share"])) for row in circles]
        best = min(tests, key=lambda test: (test["p_value"], -test["events"]))
        looked_at = len({(test["events"], test["clients"]) for test in tests})
        kept.append({**best, "p_value": min(1.0, best["p_value"] * looked_at)})
    return kept


def _tested(row: Row, exodus_share: float) -> Row:
    """A circle with its p-value: 1 where too few followed, or where all but everyone left.

    The chance is that against everyone else in the municipality. What draws the old provider's
    other clients to the same place may draw these as well: they must stand out there too.
    """
    moved, clients, others = row["events"], row["clients"], row["others"]
    # Nobody to hold them against, or no stay at the old provider when the worker left it.
    untold = moved is None or not others or not row["households"]
    if untold or row["gone"] >= exodus_share * row["households"]:
        return {**row, **_NOBODY, "p_value": 1.0, "flow_p": 1.0, "lift": 0.0}
    left, left_moved = row["left_behind"], row["left_behind_moved"]
    p_value = exact_excess(moved, clients, row["others_moved"], others)
    times = lift(moved, clients, row["others_moved"], others)
    if not left_moved:
        return {**row, "p_value": p_value, "flow_p": 0.0, "lift": times}
    flow_p = exact_excess(moved, clients, left_moved, left)
    times = min(times, lift(moved, clients, left_moved, left))
    return {**row, "p_value": p_value, "flow_p": flow_p, "lift": times}


def _stands_out(row: Row, q_value: float, thresholds: Mapping[str, Value]) -> bool:
    return bool(
        row["lift"] >= float(thresholds["lift_min"])
        and row["events"] >= int(thresholds["clients_min"])
        and row["flow_p"] <= float(thresholds["flow_p_max"])
        and q_value <= float(thresholds["q_max"])
    )


_NOBODY: Final = {"events": 0, "clients": 0, "met_again": 0, "ahead": 0}
_OF_THE_TEST: Final = ("move_id", "circle", "households", "gone", "flow_p")


def _told(row: Row, thresholds: Mapping[str, Value]) -> Row:
    """The finding, with what its rows show against it."""
    kept = {name: value for name, value in row.items() if name not in _OF_THE_TEST}
    stayed, unmet = row["clients"] - row["events"], row["events"] - row["met_again"]
    ending = row["ending_days"]
    told = {
        "some_stayed": stayed > 0,
        "others_came": row["others_moved"] > 0,
        "not_met_again": unmet > 0,
        "came_before": row["ahead"] > 0,
        "ending_near": ending is not None and ending <= int(thresholds["ending_near_days"]),
    }
    return {
        **kept,
        "stayed": stayed,
        "not_met_again": unmet,
        "lift": round(row["lift"], 1),
        "against": [name for name, shown in told.items() if shown],
    }

"""Which moves took more clients along than chance gives, over all moves that were tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graph_service.room import Row, Value
from graph_service.statistics import exact_excess, false_discovery, lift


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """The moves that stand out in their municipality, each with its p, q and lift.

    Every move of a worker with enough clients is a test, also those in which nobody followed.
    Tests share clients, so those of one move rise together: Benjamini–Hochberg holds for such
    dependence, and each municipality is a family of its own.
    """
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(row["municipality"], []).append(row)
    found: list[Row] = []
    for name in sorted(families):
        tested = [_tested(row, float(thresholds["exodus_share"])) for row in families[name]]
        q_values = false_discovery([row["p_value"] for row in tested])
        for row, q_value in zip(tested, q_values, strict=True):
            row["q_value"] = q_value
            if _stands_out(row, thresholds):
                found.append(_told(row, len(tested)))
    return found


def _tested(row: Row, exodus_share: float) -> Row:
    """A move with its p-value: 1 where too few followed, or where all but everyone left."""
    if (
        row["events"] is None
        or row["others"] is None
        or row["gone"] >= exodus_share * row["households"]
    ):
        return {**row, "p_value": 1.0, "flow_p": 1.0, "lift": 0.0, "moved": 0, "clients": 0}
    circles = {
        (row["near_moved"], row["near_clients"]),
        (row["known_moved"], row["known_clients"]),
    }
    tests = [_against_others(row, moved, clients) for moved, clients in sorted(circles)]
    best = min(tests, key=lambda test: (test["p_value"], -test["moved"]))
    # Two circles were looked at where they differ (Bonferroni).
    return {**row, **best, "p_value": min(1.0, best["p_value"] * len(tests))}


def _against_others(row: Row, moved: int, clients: int) -> Row:
    """One circle of the worker's clients against everyone else, and against those left behind.

    The chance is that against everyone else in the municipality. What draws the old provider's
    other clients to the same place may draw these as well: they must stand out there too.
    """
    left, left_moved = row["left_behind"], row["left_behind_moved"]
    return {
        "p_value": exact_excess(moved, clients, row["others_moved"], row["others"]),
        "flow_p": exact_excess(moved, clients, left_moved, left) if left_moved else 0.0,
        "lift": min(
            lift(moved, clients, row["others_moved"], row["others"]),
            lift(moved, clients, left_moved, left) if left_moved else float("inf"),
        ),
        "moved": moved,
        "clients": clients,
    }


def _stands_out(row: Row, thresholds: Mapping[str, Value]) -> bool:
    return bool(
        row["moved"] >= float(thresholds["clients_min"])
        and row["lift"] >= float(thresholds["lift_min"])
        and row["flow_p"] <= float(thresholds["flow_p_max"])
        and row["q_value"] <= float(thresholds["q_max"])
    )


_COUNTS = (
    "known_clients",
    "known_moved",
    "near_clients",
    "near_moved",
    "households",
    "gone",
    "flow_p",
    "moved",
)


def _told(row: Row, tests: int) -> Row:
    kept = {name: value for name, value in row.items() if name not in _COUNTS}
    return {**kept, "events": row["moved"], "lift": round(row["lift"], 1), "tests": tests}

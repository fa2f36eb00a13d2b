"""How many persons a login was at least, and what its own rows say against the lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from graph_service.persons_bound import PersonsBound, Registration, persons_bound
from graph_service.room import Row, Value

_STOCKHOLM = ZoneInfo("Europe/Stockholm")
#: Below this share of the login's days the lead is told to be seldom.
_SELDOM = 0.1


def refine(rows: Sequence[Row], thresholds: Mapping[str, Value]) -> list[Row]:
    """Each lead with `persons_at_least`, the `certificate` that proves it, and what is against."""
    return [_told(dict(row), thresholds) for row in rows]


def _told(row: Row, thresholds: Mapping[str, Value]) -> Row:
    given = row.pop("registrations") or []
    read = [_read(one, float(thresholds["overlong_times"])) for one in given]
    bound = persons_bound(
        [one for one in read if one is not None], tolerance_s=float(thresholds["tolerance_s"])
    )
    row["persons_at_least"] = max(1, bound.persons)
    row["certificate"] = list(bound.certificate) if bound.persons > 1 else []
    row["logins_a_device"] = row["logins_a_device"] or 0
    row["against"] = _against(row, bound)
    return row


def _against(row: Row, bound: PersonsBound) -> list[str]:
    told = {
        "own_devices": row["devices"] > 0 and row["logins_a_device"] == 1,
        "pooled": row["logins_a_device"] > 2,
        "one_could": row["devices"] > 0 and bound.persons == 1,
        "seldom": row["days"] < _SELDOM * row["active_days"],
    }
    return [name for name, so in told.items() if so]


def _read(given: Row, overlong_times: float) -> Registration | None:
    """A registration as far as it can be believed; None in the hour that autumn repeats.

    An end that somebody wrote, or a visit far over its plan, is believed for the plan alone.
    """
    start, end = given["start"], given["end"]
    plan = timedelta(0)
    if given["planned_start"] is not None and given["planned_end"] is not None:
        plan = max(plan, given["planned_end"] - given["planned_start"])
    by_hand = given["end_method"] in ("manual", "admin")
    if by_hand or (plan and end - start > overlong_times * plan):
        end = min(end, start + plan)
    if _repeated(start) or _repeated(end):
        return None
    spot = {name: None if given[name] is None else float(given[name]) for name in ("lat", "lon")}
    return Registration(given["id"], start, end, given["building"], **spot)


def _repeated(moment: datetime) -> bool:
    """Whether the wall clock showed this hour twice."""
    local = moment.astimezone(_STOCKHOLM)
    turned = local.replace(fold=1 - local.fold).astimezone(UTC)
    return turned != moment.astimezone(UTC)

"""A citation leads to its row, whatever its key; one that leads nowhere is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service.as_of import open_views
from graph_service.citation import look_up
from graph_service.engines.duckdb import Engine
from graph_service.errors import DeclarationError
from tests.world import FILE_SHA256, STOCKHOLM, World, world

LATE = date(2100, 1, 1)
_ORGS, _PEOPLE = ("5520000018", "5520000026"), ("syn:1", "syn:2")


@contextmanager
def records(told: World) -> Iterator[Engine]:
    with Engine(threads=1) as engine:
        world(engine, told)
        open_views(engine, LATE)
        yield engine


OWNERS = {
    "owners": [
        {"org_id": _ORGS[0], "owner_id": "syn:1", "interest": "shares", "valid_from": ""},
        {"org_id": _ORGS[0], "owner_id": "syn:1", "interest": "shares", "valid_from": "2024-05-01"},
        {"org_id": _ORGS[0], "owner_id": "syn:1", "interest": "votes", "valid_from": ""},
    ]
}


@pytest.mark.parametrize(("since", "row"), [(None, 2), ("2024-05-01", 3)])
def test_an_empty_part_of_a_key_is_a_part(since: str | None, row: int) -> None:
    cited: dict[str, Any] = {"table": "owners", "key": [_ORGS[0], "syn:1", "shares", since]}
    with records(OWNERS) as engine:
        [found] = look_up(engine, [{"traits": [{"deep": [cited]}], "other": 1}])
    assert found["traits"][0]["deep"][0] == {
        "table": "owners",
        "key": [_ORGS[0], "syn:1", "shares", since],
        "file_sha256": FILE_SHA256,
        "row": row,
    }


def test_a_key_that_is_a_number_is_told_as_text() -> None:
    line = {"invoice_id": "i1", "service": "x", "amount": "1"}
    told = {
        "invoice_lines": [line | {"line_no": "1"}, line | {"line_no": "12"}],
        "invoices": [
            {"invoice_id": "i1", "org_id": _ORGS[0], "municipality": "0000", "amount": "2",
             "issued_on": "2025-01-01", "period_from": "2025-01-01", "period_to": "2025-01-31"}
        ],
    }  # fmt: skip
    with records(told) as engine:
        [found] = look_up(engine, [{"evidence": [{"table": "invoice_lines", "key": ["i1", "12"]}]}])
    assert found["evidence"][0]["row"] == 3


def test_one_of_nothing_has_no_file() -> None:
    with records(OWNERS) as engine:
        [found] = look_up(engine, [{"traits": [{"sign": "self", "table": None, "key": None}]}])
    nothing = {"table": None, "key": None, "file_sha256": None, "row": None}
    assert found["traits"] == [{"sign": "self"} | nothing]


@pytest.mark.parametrize(
    ("cited", "told"),
    [
        ({"table": "owners", "key": [_ORGS[1], "syn:1", "shares", None]}, "owners"),
        ({"table": "nowhere", "key": ["1"]}, "nowhere"),
        ({"table": "visits", "of": {"org_id": _ORGS[0]}, "take": "first"}, "visits"),
        ({"table": "visits", "of": {"org_id": _ORGS[0]}, "take": "any"}, "take"),
        ({"table": "visits", "of": {"worker_id": "syn:1"}, "take": "last"}, "org_id"),
    ],
)
def test_one_that_leads_nowhere_is_said(cited: dict[str, Any], told: str) -> None:
    with records(OWNERS) as engine, pytest.raises(DeclarationError, match=told):
        look_up(engine, [{"evidence": [cited]}])


_MOMENTS = st.integers(0, 4000).map(
    lambda quarters: datetime(2025, 3, 29, tzinfo=UTC) + timedelta(minutes=15 * quarters)
)


@st.composite
def _visits(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for number in range(draw(st.integers(1, 8))):
        start = draw(_MOMENTS)
        rows.append(
            {
                "visit_id": f"v{draw(st.integers(0, 9))}{number}",
                "municipality": draw(st.sampled_from(("0000", "0001"))),
                "org_id": draw(st.sampled_from(_ORGS)),
                "worker_id": draw(st.sampled_from(_PEOPLE)),
                "client_id": draw(st.sampled_from(_PEOPLE)),
                "service": "home_care",
                "start": start.isoformat(),
                "end": start.isoformat(),
                "status": draw(st.sampled_from(("performed", "absent"))),
            }
        )
    return rows


def _meant(rows: list[dict[str, Any]], cited: dict[str, Any]) -> dict[str, Any] | None:
    """Looked for one by one."""
    fitting = []
    for row in rows:
        day = datetime.fromisoformat(row["start"]).astimezone(STOCKHOLM).date()
        if (
            all(row[name] == value for name, value in cited["of"].items())
            and (cited.get("any_status") or row["status"] == "performed")
            and (cited["since"] is None or day >= cited["since"])
            and (cited["until"] is None or day <= cited["until"])
        ):
            fitting.append(row)
    ordered = sorted(
        fitting, key=lambda row: (datetime.fromisoformat(row["start"]), row["visit_id"])
    )
    if not ordered:
        return None
    return ordered[0] if cited["take"] == "first" else ordered[-1]


@settings(deadline=None, max_examples=60)
@given(_visits(), st.data())
def test_the_visit_that_is_meant_is_that_found_one_by_one(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    named = {
        "municipality": st.sampled_from(("0000", "0001")),
        "worker_id": st.sampled_from(_PEOPLE),
        "client_id": st.sampled_from(_PEOPLE),
    }
    days = st.none() | st.dates(date(2025, 3, 28), date(2025, 5, 12))
    cited = data.draw(
        st.fixed_dictionaries(
            {
                "table": st.just("visits"),
                "of": st.fixed_dictionaries({"org_id": st.sampled_from(_ORGS)}, optional=named),
                "since": days,
                "until": days,
                "take": st.sampled_from(("first", "last")),
                "any_status": st.booleans(),
            }
        )
    )
    meant = _meant(rows, cited)
    with records({"visits": rows}) as engine:
        if meant is None:
            with pytest.raises(DeclarationError):
                look_up(engine, [{"evidence": [dict(cited)]}])
        else:
            [found] = look_up(engine, [{"evidence": [dict(cited)]}])
            assert found["evidence"] == [
                {
                    "table": "visits",
                    "key": [meant["visit_id"]],
                    "file_sha256": FILE_SHA256,
                    "row": rows.index(meant) + 2,
                }
            ]

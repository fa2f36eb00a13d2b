"""Terminal: how long each class is kept, what is held, what has lapsed, and its erasure."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any, Final

import click

from api.desk import Desk, at_desk
from api.erasure import carry_out
from api.listing import FORMAT, Format, emit
from api.session import Command, Group, current, say
from graph_service import settings, texts
from graph_service.access.reference import PATTERN, reference
from graph_service.casework.keeping import LONGEST_MONTHS, Covers, Hold, Keeping
from graph_service.errors import UsageError
from graph_service.home import Home
from graph_service.keeping import retention as terms
from graph_service.records import TABLES, Retention

_MEMORY: Final = click.option(
    "--memory", default=settings.DEFAULT_MEMORY, show_default=True, metavar="SIZE"
)
#: Ten digits, or a foreign one: a sole trader's number is a personal number and no argument.
_FIRM: Final = re.compile(r"\d{10}|[A-Z]{2}:\S+")


@click.group(cls=Group, name="retention")
def retention() -> None:
    """How long records are kept, and their erasure when that has passed."""


@retention.command("list", cls=Command)
@FORMAT
def list_terms(form: Format) -> None:
    """List the classes: months, the decision (none: a proposal, not erased), the tables."""
    with _at_desk("list") as desk:
        found = terms.terms(_keeping(desk))
    emit(
        (
            {
                "class": term.retention.value,
                "months": term.months,
                "decision": term.decision,
                "tables": [t.name for t in TABLES.values() if t.retention is term.retention],
            }
            for term in found
        ),
        form,
    )


@retention.command("set", cls=Command)
@click.argument("kind", metavar="CLASS", type=click.Choice([kind.value for kind in Retention]))
@click.argument("months", type=click.IntRange(1, LONGEST_MONTHS))
@click.option("--decision", required=True, metavar="TEXT", help='Which one, such as "KS 2026/12".')
def set_term(kind: str, months: int, decision: str) -> None:
    """Record the municipality's decision on how many months a class is kept."""
    with _at_desk("set") as desk:
        desk.tells("class", [kind])
        _keeping(desk).decide(Retention(kind), months, decision=decision, by=desk.user_id)


@retention.command(cls=Command)
@_MEMORY
@FORMAT
def due(memory: str, form: Format) -> None:
    """Say what would be erased today, by table; nothing is changed."""
    session = current()
    with _at_desk("due") as desk:
        keeping = _keeping(desk)
        found = terms.due(session.home, keeping, clock=session.now, memory=settings.memory(memory))
        decided = {kind.value: each.decision for kind, each in keeping.decisions().items()}
    rows = [
        {
            "table": each.table,
            "class": each.retention.value,
            "months": each.months,
            "decision": decided.get(each.retention.value),
            "records": each.records,
            "rows": each.rows,
            "held": each.held,
        }
        for each in found
        if each.records or each.held
    ]
    emit(rows, form)
    _tell_undecided(session.language, {str(row["class"]) for row in rows if not row["decision"]})


@retention.command(cls=Command)
@_MEMORY
@FORMAT
def run(memory: str, form: Format) -> None:
    """Erase what has lapsed by the decisions in force, and finish what was begun before."""
    session = current()
    with _at_desk("erase") as desk:
        erased = carry_out(
            session,
            desk.database,
            by=desk.user_id,
            memory=settings.memory(memory),
            progress=lambda _: None,
        )
        desk.tells("erased", [f"{what}={count}" for what, count in sorted(erased.counts.items())])
    emit(({"what": what, "count": count} for what, count in sorted(erased.counts.items())), form)


@retention.command(cls=Command)
@FORMAT
def erasures(form: Format) -> None:
    """List what was erased, when, by which decisions."""
    with _at_desk("erasures") as desk:
        found = _keeping(desk).erasures()
    emit(
        (
            {
                "erasure_id": each.erasure_id,
                "begun_at": each.begun_at,
                "finished_at": each.finished_at,
                "erased_by": each.erased_by,
                "decisions": dict(each.decisions),
                "counts": dict(each.counts),
            }
            for each in found
        ),
        form,
    )


@retention.command(cls=Command)
@click.option("--case", "case_id", metavar="CASE", help="What the case is about.")
@click.option("--org", metavar="ORG_ID", help="A firm, those it serves and those who work for it.")
@click.option("--entity", metavar="REFERENCE", help="A firm or person by its reference.")
@click.option("--table", type=click.Choice(list(TABLES)), metavar="TABLE", help="A whole table.")
@click.option(
    "--class", "kind", type=click.Choice([kind.value for kind in Retention]), help="A whole class."
)
@click.option("--reason", required=True, help="Why it must be kept.")
@FORMAT
def hold(
    case_id: str | None,
    org: str | None,
    entity: str | None,
    table: str | None,
    kind: str | None,
    reason: str,
    form: Format,
) -> None:
    """Keep something, whatever its age, until the hold is lifted."""
    home = current().home
    given = [
        (Covers.CASE, case_id),
        (Covers.ENTITY, None if org is None else _firm(home, org)),
        (Covers.ENTITY, None if entity is None else _entity(entity)),
        (Covers.TABLE, table),
        (Covers.CLASS, kind),
    ]
    named = [(covers, name) for covers, name in given if name is not None]
    if len(named) != 1:
        raise UsageError("Name one thing to hold: --case, --org, --entity, --table or --class.")
    with _at_desk("hold") as desk:
        desk.tells(named[0][0].value, [named[0][1]])
        placed = _keeping(desk).hold(*named[0], reason=reason, by=desk.user_id)
        desk.tells("hold", [placed.hold_id])
    emit([_line(placed)], form)


@retention.command(cls=Command)
@FORMAT
def holds(form: Format) -> None:
    """List the holds that stand. What an open case is about is held without one."""
    with _at_desk("holds") as desk:
        found = _keeping(desk).holds()
    emit((_line(each) for each in found), form)


@retention.command(cls=Command)
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", required=True, help="Why it need not be kept any more.")
def lift(hold_id: str, reason: str) -> None:
    """End a hold; that it stood stays recorded."""
    with _at_desk("lift") as desk:
        desk.tells("hold", [hold_id])
        _keeping(desk).lift(hold_id, reason=reason, by=desk.user_id)


def _at_desk(action: str) -> AbstractContextManager[Desk]:
    return at_desk(current(), f"retention.{action}")


def _keeping(desk: Desk) -> Keeping:
    return Keeping(desk.database, clock=desk.session.now)


def _firm(home: Home, org_id: str) -> str:
    if not _FIRM.fullmatch(org_id):
        raise UsageError(
            "--org takes ten digits or <country>:<id>. A sole trader's number is a personal "
            "number: name its reference with --entity."
        )
    return reference(home.reference_key(), f"organisation:{org_id}")


def _entity(name: str) -> str:
    if not PATTERN.fullmatch(name):
        raise UsageError("--entity takes a reference such as look-ups and cases show.")
    return name


def _line(placed: Hold) -> dict[str, Any]:
    return {
        "hold_id": placed.hold_id,
        "covers": placed.covers.value,
        "named": placed.named,
        "reason": placed.reason,
        "placed_by": placed.placed_by,
        "placed_at": placed.placed_at,
    }


def _tell_undecided(language: str, classes: set[str]) -> None:
    if classes:
        say(texts.text(language, "keeping", "undecided", classes=", ".join(sorted(classes))))

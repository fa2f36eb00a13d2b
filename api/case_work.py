"""What a command over cases stands on: the desk, the cases of who sits there, and the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from api.desk import Desk, at_desk
from api.listing import Format, emit
from api.session import Session
from graph_service.access.clear import Clear
from graph_service.access.reference import PATTERN, kind_of, reference
from graph_service.access.sight import Sights
from graph_service.access.table import Caller, Role
from graph_service.casework.case_access import ENDED
from graph_service.casework.case_file import CaseFile, Happened, Link, Outline, Subject
from graph_service.casework.case_tables import LinkKind, Status
from graph_service.casework.cases import Cases
from graph_service.casework.export_file import Export
from graph_service.casework.exports import Exports
from graph_service.casework.notes import Note, Notes
from graph_service.errors import NotThere, UsageError
from graph_service.results.subjects import FindingSeen, entities_seen, finding_seen
from graph_service.run_file import RunFile

#: What the tables show; programs get all.
SUMMARY: Final = ("case_id", "title", "status", "members", "opened_at")

_FINDING_ID: Final = re.compile(r"[0-9a-f]{32}")
_ORG_ID: Final = re.compile(r"\d{10}")
#: How much of a case is read at a time.
_AT_A_TIME: Final = 200

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CaseWork:
    """One command's work. Who sits at the terminal is `cli:<account>`, and a reviewer, unless
    they signed in."""

    desk: Desk

    @property
    def caller(self) -> Caller:
        """Who sits at the terminal. An account sees every unit, and nobody's insiders."""
        if self.desk.signed_in is not None:
            return self.desk.signed_in
        user_id = self.desk.user_id
        return Caller(user_id, user_id, frozenset({Role.REVIEWER}))

    @property
    def cases(self) -> Cases:
        """The cases of the home."""
        return Cases(self.desk.database, clock=self.desk.session.now)

    @property
    def notes(self) -> Notes:
        """Their notes."""
        return Notes(self.desk.database, clock=self.desk.session.now)

    @property
    def exports(self) -> Exports:
        """What of them is asked to leave the municipality."""
        return Exports(self.desk.database, clock=self.desk.session.now)

    def meet(self, case_id: str) -> CaseFile:
        """A case of the caller's, noted for the log; NotThere."""
        found = self.cases.file(case_id, self.caller)
        self.met(found)
        return found

    def met(self, case: CaseFile) -> None:
        """Note for the log that the command is about a case."""
        self.desk.case_id, self.desk.purpose = case.case_id, case.purpose
        self.desk.tells("case", [case.case_id])

    def tell(self, cases: Sequence[Outline], form: Format) -> None:
        """Print cases, once the log says so."""
        self.desk.write()
        emit([asdict(case) for case in cases], form, columns=SUMMARY)

    def every(self, status: Status | None) -> Iterator[Outline]:
        """All cases of the caller's, the newest first."""
        return _pages(
            lambda after: self.cases.page(
                self.caller, after=after, limit=_AT_A_TIME, status=status
            ),
            lambda case: (case.opened_at, case.case_id),
        )

    def links(self, case_id: str) -> Iterator[Link]:
        """All that a case is about."""
        return _pages(
            lambda after: self.cases.links(case_id, self.caller, after=after, limit=_AT_A_TIME),
            lambda link: (link.linked_at, link.kind.value, link.reference),
        )

    def notes_of(self, case_id: str) -> Iterator[Note]:
        """All notes of a case."""
        return _pages(
            lambda after: self.notes.page(case_id, self.caller, after=after, limit=_AT_A_TIME),
            lambda note: (note.written_at, note.note_id, note.version),
        )

    def exports_of(self, case_id: str) -> Iterator[Export]:
        """All exports of a case, the oldest first."""
        return _pages(
            lambda after: self.exports.of_case(case_id, self.caller, after=after, limit=_AT_A_TIME),
            lambda export: (export.asked_at, export.export_id),
        )

    def exports_waiting(self) -> Iterator[Export]:
        """All exports that wait for the caller's approval, the oldest first."""
        return _pages(
            lambda after: self.exports.waiting(self.caller, after=after, limit=_AT_A_TIME),
            lambda export: (export.asked_at, export.export_id),
        )

    def history(self, case_id: str) -> Iterator[Happened]:
        """All that was done to a case."""
        return _pages(
            lambda after: self.cases.history(
                case_id, self.caller, after=after or 0, limit=_AT_A_TIME
            ),
            lambda happened: happened.version,
        )

    def named(self, case: CaseFile, links: Collection[Link]) -> Mapping[str, dict[str, Any]]:
        """The linked entities in clear, by reference, while the case is open."""
        standing = Sights(self.desk.session.home).standing()
        if standing is None or case.status in ENDED:
            return {}
        inside = self.cases.inside(case.case_id, self.caller)
        wanted = {link.reference for link in links if link.kind is LinkKind.ENTITY}
        found = Clear(standing, wanted, inside.lifted)
        for each in found:
            self.desk.tells(kind_of(each), [each])
        return {each: {"key": named.key, "name": named.name} for each, named in found.items()}

    def subjects(self, about: Sequence[str], lifted: frozenset[str] = frozenset()) -> list[Subject]:
        """What the caller names, as the current run has it; NotThere for what it has not."""
        named = list(dict.fromkeys(self.subject(each) for each in about))
        if not named:
            return []
        run = self.sight(lifted)
        with run.open() as engine:
            known = entities_seen(engine, [each for kind, each in named if kind == "entity"])
            found = []
            for kind, each in named:
                if kind is LinkKind.ENTITY:
                    if each not in known:
                        raise _unknown(run)
                    found.append(Subject(kind, each, run_id=run.run_id, insider=known[each]))
                else:
                    told = finding_seen(engine, each)
                    if told is None:
                        raise _unknown(run)
                    found.append(Subject(kind, each, told.subjects, run.run_id, told.insider))
        for kind, each in named:
            self.desk.tells(kind_of(each) if kind is LinkKind.ENTITY else kind.value, [each])
        return found

    def finding(self, finding_id: str) -> FindingSeen:
        """A finding of the current run; NotThere."""
        run = self.sight()
        with run.open() as engine:
            found = finding_seen(engine, finding_id)
        if found is None:
            raise _unknown(run)
        return found

    def subject(self, name: str) -> tuple[LinkKind, str]:
        """What a word names: a finding by id, an entity by reference, an organisation by number."""
        if _FINDING_ID.fullmatch(name):
            return LinkKind.FINDING, name
        if PATTERN.fullmatch(name):
            return LinkKind.ENTITY, name
        if _ORG_ID.fullmatch(name):
            key = self.desk.session.home.reference_key()
            return LinkKind.ENTITY, reference(key, f"organisation:{name}")
        raise UsageError(
            "A case is about organisations by number, entities by reference and findings by id. "
            "See `graph-service findings --format jsonl`."
        )

    def sight(self, lifted: frozenset[str] = frozenset()) -> RunFile:
        """What the caller may see of the current run; NotThere before the first."""
        sights = Sights(self.desk.session.home)
        run = sights.current(units=None, insiders=False, lifted=lifted)
        if run is None:
            raise NotThere("There is no run yet. Make one with `graph-service run`.")
        return run


@contextmanager
def case_work(session: Session, action: str) -> Iterator[CaseWork]:
    """Work on cases as one command, which is in the log when it ends."""
    with at_desk(session, f"case.{action}") as desk:
        yield CaseWork(desk)


def _pages(page: Callable[[Any], Sequence[Item]], place: Callable[[Item], Any]) -> Iterator[Item]:
    after = None
    while items := page(after):
        yield from items
        after = place(items[-1])


def _unknown(run: RunFile) -> NotThere:
    return NotThere(f"Run {run.run_id} has no such entity or finding for you to see.")

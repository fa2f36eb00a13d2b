"""What a command over casework stands on: the database, the log, and who is at the terminal."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from api.session import Session
from graph_service.access.table import Caller
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.database import Database, open_database
from graph_service.casework.users import SignInRefused, Users
from graph_service.errors import GraphServiceError


@dataclass(slots=True)
class Desk:
    """One command's work on casework, which is in the log before anything is printed."""

    session: Session
    database: Database
    log: AuditLog
    action: str
    case_id: str | None = None
    purpose: str | None = None
    signed_in: Caller | None = None
    _what: list[str] = field(default_factory=list)
    _written: bool = False

    @property
    def user_id(self) -> str:
        """Who is at the terminal: who signed in there, else the account, whatever it may."""
        return terminal_user() if self.signed_in is None else self.signed_in.user_id

    @property
    def users(self) -> Users:
        """The users of the home."""
        return Users(self.database, clock=self.session.now)

    def sign_in(self, name: str, password: str) -> None:
        """Work as a user of the home from here on; the log tells whose account it was done at."""
        self.tells("account", [terminal_user()])
        try:
            opened = self.users.sign_in(name, password)
        except SignInRefused as refused:
            who = [] if refused.user_id is None else [refused.user_id]
            self._sign_in_entry(terminal_user(), (), Outcome.REFUSED, who)
            raise
        self.users.sign_out(opened.token)
        self.signed_in = opened.caller
        self._sign_in_entry(self.user_id, self.roles, Outcome.ANSWERED, [])

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of who signed in; an account has none."""
        return () if self.signed_in is None else tuple(sorted(self.signed_in.roles))

    def _sign_in_entry(
        self, user_id: str, roles: tuple[str, ...], outcome: Outcome, what: list[str]
    ) -> None:
        at = self.session.now()
        entry = Entry(at, user_id, roles, "session.open", outcome, what=tuple(what))
        self.log.write(entry)

    def tells(self, kind: str, references: Iterable[str]) -> None:
        """Note for the log what the command is about."""
        self._what += [f"{kind}:{reference}" for reference in references]

    def write(self, outcome: Outcome = Outcome.ANSWERED) -> None:
        """Write the log now, before the answer is printed; once for a command."""
        if self._written:
            return
        self.log.write(
            Entry(
                at=self.session.now(),
                user_id=self.user_id,
                roles=self.roles,
                action=self.action,
                outcome=outcome,
                purpose=self.purpose,
                what=tuple(dict.fromkeys(self._what)),
                case_id=self.case_id,
            )
        )
        self._written = True


@contextmanager
def at_desk(session: Session, action: str) -> Iterator[Desk]:
    """Work on casework; done or refused, it is in the log when the block ends."""
    settings = session.settings
    with (
        open_database(session.home, settings.database_url) as database,
        AuditLog(database, settings.audit_anchor or session.home.audit) as log,
    ):
        desk = Desk(session, database, log, f"cli.{action}")
        try:
            yield desk
        except GraphServiceError:
            desk.write(Outcome.REFUSED)
            raise
        except Exception:
            desk.write(Outcome.FAILED)
            raise
        desk.write()


def terminal_user() -> str:
    """`cli:` and the name of the account that runs the program."""
    number = os.getuid()
    try:
        return f"cli:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"cli:{number}"

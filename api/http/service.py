"""What the routes stand on, made once in each worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from api.http.readers import Readers
from graph_service.access.oidc import OidcProvider
from graph_service.access.sight import Sights
from graph_service.access.table import Caller, Role
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.cases import Cases
from graph_service.casework.database import Database, open_database
from graph_service.casework.users import Users
from graph_service.clock import Clock
from graph_service.home import Home
from graph_service.settings import Settings

#: Who asks without a token, where `serve --demo` has made a synthetic municipality public.
DEMO_REVIEWER: Final = Caller("demo", "demo", frozenset({Role.REVIEWER}))


@dataclass(frozen=True, slots=True)
class Service:
    """One home, its casework and log, and the clock. Several workers may serve one home."""

    settings: Settings
    home: Home
    clock: Clock
    database: Database
    log: AuditLog
    users: Users
    cases: Cases
    sights: Sights
    readers: Readers
    oidc: OidcProvider | None
    stand_in: Caller | None = None

    def caller_of(self, token: str) -> Caller:
        """Whose token it is; raises NotSignedIn."""
        if self.oidc is not None and token.count(".") == 2:
            return self.oidc.caller_of(token)
        return self.users.caller_of(token)


@contextmanager
def open_service(settings: Settings, clock: Clock) -> Iterator[Service]:
    """Open what a worker needs; all of it is closed with the block."""
    home = Home(settings.home)
    with ExitStack() as stack:
        database = stack.enter_context(open_database(home, settings.database_url))
        log = stack.enter_context(AuditLog(database, settings.audit_anchor or home.audit))
        oidc = None if settings.oidc is None else OidcProvider(settings.oidc, clock=clock)
        yield Service(
            settings=settings,
            home=home,
            clock=clock,
            database=database,
            log=log,
            users=Users(database, clock=clock),
            cases=Cases(database, clock=clock),
            sights=Sights(home),
            readers=stack.enter_context(Readers()),
            oidc=oidc,
            stand_in=DEMO_REVIEWER if settings.serve.demo else None,
        )

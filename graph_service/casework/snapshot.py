"""A case as it stands at one moment: all that an export of it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from graph_service.access.reference import kind_of
from graph_service.access.table import Caller
from graph_service.casework import masks
from graph_service.casework.case_access import ENDED, case_of_member
from graph_service.casework.case_file import Happened, Link, history_page, in_clear, link_page
from graph_service.casework.case_tables import LinkKind, Status
from graph_service.casework.contents import LINKS
from graph_service.casework.database import Database
from graph_service.casework.dispositions import Disposition, Dispositions
from graph_service.casework.replies import Replies, Reply
from graph_service.clock import Clock
from graph_service.errors import NotAllowed

#: Replies of one provider that a case tells.
_REPLIES: Final = 200
#: Changes of a case that are read at a time.
_HAPPENED: Final = 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A case with its links, its history, the verdicts on its findings and what providers said.

    `clear` are the references that its members see in clear, `lifted` those among them whose
    protection two people have lifted. Notes are the members' own and go nowhere.
    """

    case_id: str
    version: int
    title: str
    purpose: str
    legal_ground: str
    status: Status
    restricted: bool
    opened_by: str
    opened_at: datetime
    links: tuple[Link, ...]
    history: tuple[Happened, ...]
    dispositions: Mapping[str, Disposition]
    replies: tuple[Reply, ...]
    clear: frozenset[str]
    lifted: frozenset[str]


def snapshot(database: Database, case_id: str, caller: Caller, *, clock: Clock) -> Snapshot:
    """A case of the caller's as it stands now.

    Raises NotThere unless the caller works on it, NotAllowed unless it is open.
    """
    with database.reading() as session:
        case = case_of_member(session, case_id, caller)
        if case.status in ENDED:
            raise NotAllowed("The case is closed or dismissed. Reopen it first, with a reason.")
        lifted = masks.lifted(session, case_id, clock())
        links = tuple(link_page(session, case_id, after=None, limit=LINKS))
        history: list[Happened] = []
        while part := history_page(session, case_id, after=len(history), limit=_HAPPENED):
            history += part
        clear = in_clear(session, case_id) | lifted
        found = Snapshot(
            case_id=case_id,
            version=case.version,
            title=case.title,
            purpose=case.purpose,
            legal_ground=case.legal_ground,
            status=Status(case.status),
            restricted=case.restricted,
            opened_by=case.opened_by,
            opened_at=case.opened_at,
            links=links,
            history=tuple(history),
            dispositions={},
            replies=(),
            clear=clear,
            lifted=lifted,
        )
    findings = [link.reference for link in links if link.kind is LinkKind.FINDING]
    replies = Replies(database, clock=clock)
    firms = sorted(each for each in clear if kind_of(each) == "organisation")
    return replace(
        found,
        dispositions=Dispositions(database, clock=clock).of_each(findings),
        replies=tuple(
            reply for firm in firms for reply in replies.of_provider(firm, limit=_REPLIES)
        ),
    )

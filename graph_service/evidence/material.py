"""What a package is made of: a case at a point, as one recipient may be told it.

Everything is gathered here, and masked as it is gathered: what makes documents of it meets
nothing that the recipient may not see. Persons stand in clear where the case is about them and
the recipient needs their role (`recipients.toml`), else by their reference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from graph_service.access.clear import Clear, Named
from graph_service.access.reference import kind_of
from graph_service.access.sight import Sights
from graph_service.casework.case_tables import LinkKind
from graph_service.casework.snapshot import Snapshot
from graph_service.clock import STOCKHOLM
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal
from graph_service.errors import Conflict, UsageError
from graph_service.evidence.recipients import Recipient, Role, recipient
from graph_service.evidence.request import Request
from graph_service.evidence.telling import Telling
from graph_service.evidence.workspace import Place, Workspace
from graph_service.home import Home
from graph_service.room import Room
from graph_service.run_file import RunFile, RunFolder

#: Told the name of each step before it begins.
Progress: TypeAlias = Callable[[str], None]

_GATHER: Final = Path(__file__).with_name("gather.sql")
#: Papers stand in the rows; a network shows who is tied to whom.
_PAPERS: Final = ("decision", "invoice", "payment", "change", "review")
#: Things that tell a worker or a client, and so go in clear only with them.
_OF_ROLE: Final = {"login": Role.WORKER, "device": Role.WORKER, "tag": Role.CLIENT}
_LABELS: Final = {
    "Worker": Role.WORKER,
    "Client": Role.CLIENT,
    "Officer": Role.OFFICER,
    "Owner": Role.OWNER,
}


@dataclass(frozen=True, slots=True)
class Entity:
    """Somebody or something that the case is about. In clear it has `named`, else None."""

    reference: str
    kind: str
    key: str
    name: str | None
    roles: frozenset[str]
    named: Named | None
    linked: bool


@dataclass(frozen=True, slots=True)
class Material:
    """A case for a recipient, masked. `workspace.engine` holds rows and network.

    `findings` are as the contract prints them, with references led back to identifiers where the
    recipient is told them; a masked finding's own id is not told, since the numbers could be
    tried on it. `clear` maps the references that are told to who they are. The tables
    `evidence_nodes` and `evidence_edges` have the columns of a run's nodes and edges, `node_id`
    being the reference. `rooms` are the installed ones, by name.
    """

    request: Request
    recipient: Recipient
    case: Snapshot
    run: Mapping[str, Any]
    rooms: Mapping[str, Room]
    thresholds: Mapping[str, Mapping[str, Any]]
    digests: Mapping[str, str]
    entities: tuple[Entity, ...]
    clear: Mapping[str, Named]
    findings: tuple[Mapping[str, Any], ...]
    own_ids: Mapping[str, str]
    workspace: Workspace
    whole_run: RunFile
    home: Home
    made_at: datetime

    @property
    def engine(self) -> Engine:
        """The workspace's engine."""
        return self.workspace.engine

    @property
    def as_of(self) -> date:
        """The day of the run."""
        return date.fromisoformat(self.run["as_of"])

    @property
    def made_on(self) -> date:
        """The Stockholm day on which the package is made."""
        return self.made_at.astimezone(STOCKHOLM).date()

    def told(self, reference: str) -> str:
        """An identifier in clear where the recipient is told it, else the reference."""
        named = self.clear.get(reference)
        return reference if named is None else named.key


@contextmanager
def gathered(
    home: Home,
    case: Snapshot,
    request: Request,
    rooms: Collection[Room],
    *,
    made_at: datetime,
    file: Path,
    spill: Path,
    progress: Progress = lambda _: None,
) -> Iterator[Material]:
    """Gather a case at the point of the request into an engine at `file`.

    Raises Conflict where the case or the run is not as it was when the export was asked for,
    UsageError where the case has no finding that the run still has.
    """
    if case.version != request.case_version:
        raise Conflict("The case was changed since the export was asked for. Ask for it anew.")
    profile = recipient(request.recipient)
    whole = RunFolder(home).named(request.run_id)
    progress("case")
    seen = Sights(home).of(
        whole, units=request.units, insiders=request.insiders, lifted=request.lifted
    )
    linked = {link.reference for link in case.links if link.kind is LinkKind.FINDING}
    found = [
        row for row in seen.rows("findings", order="finding_id") if row["finding_id"] in linked
    ]
    if not found:
        raise UsageError("None of the case's findings is in the run. Link one, and ask anew.")
    about = _about(case, found)
    with Engine(file, spill=spill) as engine:
        _network(engine, seen, about)
        shown = _shown(engine, about, found, case.clear, profile)
        clear = dict(Clear(whole, shown, request.lifted))
        unneeded = _mask_accounts(engine, profile)
        telling = Telling(home.reference_key(), clear)
        workspace = Workspace(home, seen, engine, clear, profile)
        progress("rows")
        for finding in found:
            cited = finding["evidence"]
            places = [Place(each["table"], each["file_sha256"], each["row"]) for each in cited]
            workspace.cite(telling.own_id(finding), places)
        keys = workspace.keys()
        asked = {row["room"]: row for row in whole.rows("rooms", order="room")}
        (told,) = whole.rows("run", order="run_id")
        yield Material(
            request=request,
            recipient=profile,
            case=case,
            run=told,
            rooms={room.name: room for room in rooms},
            thresholds={name: row["thresholds"] for name, row in asked.items()},
            digests={name: row["digest"] for name, row in asked.items()},
            entities=_entities(engine, about, found, clear),
            clear=clear,
            findings=tuple(telling.finding(each, keys, unneeded) for each in found),
            own_ids={telling.own_id(each): each["finding_id"] for each in found},
            workspace=workspace,
            whole_run=whole,
            home=home,
            made_at=made_at,
        )


def _about(case: Snapshot, found: Collection[Mapping[str, Any]]) -> frozenset[str]:
    """The references that the case is about: linked entities, and whom its findings name."""
    linked = {link.reference for link in case.links if link.kind is LinkKind.ENTITY}
    named = {subject["ref"] for row in found for subject in row["subjects"] if subject["ref"]}
    return frozenset(linked | named | {row["provider_ref"] for row in found})


def _network(engine: Engine, seen: RunFile, about: Collection[str]) -> None:
    engine.execute(f"ATTACH {literal(str(seen.path))} AS sight (READ_ONLY)")
    engine.script(_GATHER, {"core": sorted(about), "papers": list(_PAPERS)})
    engine.execute("DETACH sight")


def _shown(
    engine: Engine,
    about: Collection[str],
    found: Collection[Mapping[str, Any]],
    allowed: Collection[str],
    profile: Recipient,
) -> list[str]:
    """Which of the case's entities the recipient is told in clear."""
    roles = _roles(engine, found)
    return [
        each
        for each in sorted(set(about) & set(allowed))
        if _is_needed(each, roles.get(each, frozenset()), profile)
    ]


def _is_needed(reference: str, roles: frozenset[str], profile: Recipient) -> bool:
    kind = kind_of(reference)
    if kind == "person":
        return bool(profile.clear & {Role(role) for role in roles or {Role.PARTY}})
    if kind == "account":
        return "accounts" in profile.tables
    return kind not in _OF_ROLE or _OF_ROLE[kind] in profile.clear


def _roles(engine: Engine, found: Collection[Mapping[str, Any]]) -> Mapping[str, frozenset[str]]:
    """What each person is: as the findings say, and as the registers label them."""
    told: dict[str, set[str]] = {}
    for row in found:
        for subject in row["subjects"]:
            if subject["ref"] and subject["role"] in set(Role):
                told.setdefault(subject["ref"], set()).add(subject["role"])
    for node in engine.rows("SELECT node_id, labels FROM evidence_nodes WHERE kind = 'person'"):
        labelled = {role.value for label, role in _LABELS.items() if label in node["labels"]}
        told.setdefault(node["node_id"], set()).update(labelled)
    return {each: frozenset(roles) for each, roles in told.items()}


def _entities(
    engine: Engine,
    about: Collection[str],
    found: Collection[Mapping[str, Any]],
    clear: Mapping[str, Named],
) -> tuple[Entity, ...]:
    roles = _roles(engine, found)
    nodes = engine.rows("SELECT node_id, kind, key, name FROM evidence_nodes ORDER BY node_id")
    return tuple(
        Entity(
            reference=node["node_id"],
            kind=node["kind"],
            key=clear[node["node_id"]].key if node["node_id"] in clear else node["key"],
            name=clear[node["node_id"]].name if node["node_id"] in clear else node["name"],
            roles=roles.get(node["node_id"], frozenset()),
            named=clear.get(node["node_id"]),
            linked=node["node_id"] in about,
        )
        for node in nodes
    )


def _mask_accounts(engine: Engine, profile: Recipient) -> dict[str, str]:
    """A firm's account is no secret of the run's, but not every recipient needs it: its reference
    by the account, where it is masked.
    """
    if "accounts" in profile.tables:
        return {}
    rows = engine.rows("SELECT node_id, key FROM evidence_nodes WHERE kind = 'account'")
    engine.execute(
        "UPDATE evidence_nodes SET key = node_id, name = NULL, search = NULL WHERE kind = 'account'"
    )
    return {row["key"]: row["node_id"] for row in rows}

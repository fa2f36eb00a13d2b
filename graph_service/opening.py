"""Opening a room: a folder is read once, and refused in one sentence if its parts do not fit.

A detector that opens is one that can be explained: its claim, its reasons, its innocent
stories and its query speak of the same thing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

from graph_service.errors import DeclarationError
from graph_service.room import (
    Against,
    Family,
    Innocent,
    Refine,
    Risk,
    Room,
    Strength,
    Swedish,
    SwedishThreshold,
    Text,
    Threshold,
    parameters,
)

_Words = TypeVar("_Words", bound=StrEnum)

#: Parameters that every query may name beside its thresholds.
RESERVED: Final = frozenset({"as_of"})
#: And those of a network query: the publish that it is asked of.
RESERVED_IN_NETWORK: Final = RESERVED | {"run"}

#: What decides what a room finds beside its own files: which records are seen as of a day, how
#: they become a graph, and the mathematics.
_GROUND: Final = Path(__file__).parent
_SHARED_LOGIC: Final = (
    "antichain.py",
    "as_of.py",
    "citation.py",
    "cited_visits.sql",
    "detector.py",
    "network.py",
    "persons_bound.*",
    "room.py",
    "statistics.py",
    "engines/*.sql",
    "engines/known.py",
    "graph/*.sql",
    "graph/declaration.py",
    "graph/derive.py",
    "resolution/*.py",
    "resolution/*.sql",
)
_TEXTS: Final = ("claim", "silent_on", "basis")
_KEYS: Final = frozenset(
    (
        "name",
        "title",
        "for",
        "strength",
        "needs",
        "anchor",
        "summary",
        "thresholds",
        "innocent",
        "against",
        "risk",
    )
).union(_TEXTS)
_WORDS_OF_GUILT: Final = re.compile(
    r"\b(fraud\w*|guilt\w*|crim(?:e|es|inal\w*)|culprit\w*|offender\w*|swindl\w*|thief|thieves|"
    r"brott\w*|bedräg\w*|skyldig\w*|fusk\w*|förövar\w*|bov|bovar\w*|svindl\w*)\b",
    re.IGNORECASE,
)


def open_rooms(folder: Path) -> list[Room]:
    """Every room in a folder, in order of name."""
    found = sorted(path.parent for path in folder.glob("*/detector.toml"))
    return [open_room(path) for path in found]


def open_room(folder: Path) -> Room:
    """The room in a folder; a DeclarationError says in one sentence what does not fit."""
    opening = _Opening(folder)
    return opening.room()


def words_of_guilt(text: str) -> list[str]:
    """The words in a text that judge somebody; findings are indicators, never verdicts."""
    return _WORDS_OF_GUILT.findall(text)


class _Opening:
    """One reading of a room's folder, so that each refusal can name the room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.declared = self._toml("detector.toml")
        self.query = self._text("find.sql")
        network = (folder / "find.cypher").is_file()
        self.network_query = self._text("find.cypher") if network else None

    def room(self) -> Room:
        self._check_keys()
        for key in _TEXTS:
            if not str(self.declared[key]).strip():
                self._refuse(f"{key} is empty; say it in a sentence")
        thresholds = {
            name: self._build(Threshold, f"thresholds.{name}", value)
            for name, value in self.declared.get("thresholds", {}).items()
        }
        refine = self._refine(thresholds)
        self._check_query(thresholds)
        room = Room(
            name=self.declared["name"],
            title=self._bilingual("title", self.declared["title"]),
            claim=self.declared["claim"],
            silent_on=self.declared["silent_on"],
            basis=self.declared["basis"],
            swedish=self._swedish(thresholds),
            audience=tuple(self.declared["for"]),
            strength=self._one_of(Strength, "strength", self.declared["strength"]),
            needs=tuple(tuple(any_of) for any_of in self.declared["needs"]),
            anchor=tuple(self.declared.get("anchor", ())),
            summary=self._bilingual("summary", self.declared["summary"]),
            thresholds=MappingProxyType(thresholds),
            innocent=self._innocent(),
            against=self._against(),
            risk=self._risk(),
            query=self.query,
            network_query=self.network_query,
            refine=refine,
            digest=digest(self.folder),
            folder=self.folder,
        )
        self._check_words(room)
        return room

    def _check_keys(self) -> None:
        missing = sorted(
            _KEYS - {"anchor", "thresholds", "innocent", "against"} - set(self.declared)
        )
        if missing:
            self._refuse(f"{missing[0]} is missing; declare it")
        unknown = sorted(set(self.declared) - _KEYS)
        if unknown:
            self._refuse(f"{unknown[0]} is not a key of a declaration; remove it")
        if self.declared["name"] != self.folder.name:
            self._refuse("name is not the folder's; make them equal")
        if not self.declared["needs"] or not all(self.declared["needs"]):
            self._refuse("needs is empty; name the tables without which nothing can be assessed")

    def _check_query(self, thresholds: Mapping[str, Threshold]) -> None:
        self._check_asked("find.sql", "--", self.query, set(thresholds) | RESERVED)
        if self.network_query is not None:
            known = set(thresholds) | RESERVED_IN_NETWORK
            self._check_asked("find.cypher", "//", self.network_query, known)
        used = parameters(self.query)
        refinement = self._refinement()
        idle = [name for name in thresholds if name not in used and f'"{name}"' not in refinement]
        if idle:
            self._refuse(f"threshold {idle[0]} is used by no query; use it or remove it")

    def _check_asked(self, name: str, comment: str, query: str, known: set[str]) -> None:
        opening = query.splitlines()[:2]
        if len(opening) < 2 or not all(line.startswith(f"{comment} ") for line in opening):
            self._refuse(
                f"{name} must open with two comment lines: what one row is, why it matters"
            )
        strange = sorted(parameters(query, comment) - known)
        if strange:
            self._refuse(f"{name} asks for ${strange[0]}; declare it as a threshold")

    def _check_words(self, room: Room) -> None:
        texts = [room.title, room.summary, *(cause.story for cause in room.innocent)]
        texts += [told.text for told in room.against]
        texts += [cause.ask for cause in room.innocent if cause.ask is not None]
        swedish = room.swedish
        told = [swedish.claim, swedish.silent_on, swedish.basis]
        told += [f"{each.unit} {each.why}" for each in swedish.thresholds.values()]
        told += [f"{text.sv} {text.en}" for text in texts]
        said = [word for text in told for word in words_of_guilt(text)]
        if said:
            self._refuse(f"'{said[0]}' is a word of guilt; say indicator, deviation or lead")

    def _swedish(self, thresholds: Mapping[str, Threshold]) -> Swedish:
        told: Swedish = self._build(Swedish, "swedish.toml", self._toml("swedish.toml"))
        if not isinstance(told.thresholds, Mapping):
            self._refuse("swedish.toml: thresholds must be a table")
        for name in sorted(set(thresholds) ^ set(told.thresholds)):
            if name in thresholds:
                self._refuse(f"swedish.toml lacks threshold {name}; say its unit and why")
            self._refuse(f"swedish.toml tells of {name}, which is no threshold; remove it")
        limits = {
            name: self._build(SwedishThreshold, f"swedish.toml: thresholds.{name}", value)
            for name, value in told.thresholds.items()
        }
        for part in (told, *limits.values()):
            for key, said in asdict(part).items():
                if key != "thresholds" and not str(said).strip():
                    self._refuse(f"swedish.toml: a {key} is empty; say it in Swedish")
        return replace(told, thresholds=limits)

    def _innocent(self) -> tuple[Innocent, ...]:
        causes = []
        for number, given in enumerate(self.declared.get("innocent", []), start=1):
            where = f"innocent story {number}"
            if ("case" in given) == ("ask" in given):
                self._refuse(f"{where} needs exactly one of case and ask")
            texts = {
                key: self._bilingual(where, given[key]) for key in ("story", "ask") if key in given
            }
            causes.append(self._build(Innocent, where, {**given, **texts}))
        if not causes:
            self._refuse("no innocent story is told; tell at least one")
        names = [cause.name for cause in causes]
        if len(set(names)) < len(names):
            self._refuse("two innocent stories have one name; rename one")
        return tuple(causes)

    def _against(self) -> tuple[Against, ...]:
        told = []
        for name, given in self.declared.get("against", {}).items():
            told.append(Against(name, self._bilingual(f"against.{name}", given)))
            if f"'{name}'" not in self.query and f'"{name}"' not in self._refinement():
                self._refuse(f"against.{name} is said by no query; name it there or remove it")
        return tuple(told)

    def _refinement(self) -> str:
        return self._text("refine.py") if (self.folder / "refine.py").is_file() else ""

    def _risk(self) -> Risk:
        given = dict(self.declared["risk"])
        given["family"] = self._one_of(Family, "risk.family", given.get("family"))
        risk: Risk = self._build(Risk, "risk", given)
        if not 0 < risk.weight < 1 or risk.cap < 1:
            self._refuse("risk.weight must lie between 0 and 1, and risk.cap be 1 or more")
        return risk

    def _refine(self, thresholds: Mapping[str, Threshold]) -> Refine | None:
        path = self.folder / "refine.py"
        if not path.is_file():
            return None
        spec = importlib.util.spec_from_file_location(f"queries.{self.folder.name}.refine", path)
        if spec is None or spec.loader is None:
            self._refuse("refine.py cannot be read; make it a Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
        refine: Refine | None = getattr(module, "refine", None)
        if refine is None:
            self._refuse("refine.py defines no refine(rows, thresholds); define it")
        return refine

    def _bilingual(self, where: str, given: Any) -> Text:
        text: Text = self._build(Text, where, given)
        if not text.sv.strip() or not text.en.strip():
            self._refuse(f"{where} is empty in one language; say it in Swedish and English")
        return text

    def _build(self, kind: type[Any], where: str, given: Any) -> Any:
        names = [field.name for field in fields(kind)]
        if not isinstance(given, Mapping) or set(given) - set(names):
            self._refuse(f"{where} must be a table of {', '.join(names)}")
        try:
            return kind(**given)
        except TypeError:
            self._refuse(f"{where} lacks one of {', '.join(names)}; declare it")

    def _one_of(self, kind: type[_Words], where: str, given: Any) -> _Words:
        if given not in list(kind):
            self._refuse(f"{where} must be one of {', '.join(kind)}")
        return kind(given)

    def _toml(self, name: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text(name))
        except tomllib.TOMLDecodeError as error:
            self._refuse(f"{name} is no TOML ({error})")

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except OSError:
            self._refuse(f"{name} is missing; write it")

    def _refuse(self, fault: str) -> NoReturn:
        raise DeclarationError(f"Room {self.folder.name}: {fault}.")


def digest(folder: Path, ground: Path = _GROUND) -> str:
    """SHA-256 over all that decides what a room finds: its files, graph SQL, statistics."""
    own = [path for path in folder.iterdir() if path.suffix in {".toml", ".sql", ".py", ".cypher"}]
    shared = [path for name in _SHARED_LOGIC for path in ground.glob(name)]
    named = [(path.name, path) for path in own]
    named += [(path.relative_to(ground).as_posix(), path) for path in shared]
    sha256 = hashlib.sha256()
    for name, path in sorted(named):
        content = path.read_bytes()
        sha256.update(f"{name} {len(content)}\n".encode() + content)
    return sha256.hexdigest()

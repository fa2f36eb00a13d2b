"""A row as the person whom it is about may read it: everybody else is a label.

Others are `person 1`, `account 2` and so on, the same in the whole export; their names, addresses
and contacts are left out. What somebody wrote is told where it is about the person and names
nobody that we can find; where that is unsure it is left out, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graph_service.evidence.subject.rows import PARTIES, Person, thing_of
from graph_service.records import Column, Kind, Masking, Table
from graph_service.stores.search import holds_personal_number, names_somebody

#: Whether a text may name somebody else.
Strange = Callable[[str], bool]

_PERSONAL: Final = re.compile(r"[0-9]{12}|[a-z][a-z0-9-]*:.+", re.DOTALL)
_PRIVATE: Final = frozenset({Masking.NAME, Masking.ADDRESS, Masking.CONTACT})
#: Who acts by profession; that they are named makes a text no less the person's own.
_AT_WORK: Final = frozenset(
    {"worker_id", "official_id", "ordered_by", "received_by", "approved_by", "edited_by"}
    | {"login_id"}
)
#: Things that tell of somebody, and the column of a row that says whose they are there.
_FOLLOWS: Final = {
    "login_id": "worker_id",
    "device_id": "worker_id",
    "tag_id": "client_id",
    "decision_id": "client_id",
}
#: Whose an account is, in a row that names it.
_HOLDERS: Final = {
    "payer_account": "payer_id",
    "payee_account": "payee_id",
    "account": "org_id",
}
#: Tables that tell of one person or firm: where it is another one, nothing is told of them.
_REGISTERS: Final = {"persons": "person_id", "residences": "person_id", "organisations": "org_id"}
#: What would lead to who told a tip.
_OF_THE_SOURCE: Final = frozenset({("tips", "text"), ("tips", "channel")})
_REACHES: Final = re.compile(r"\S@\S|(?:\+|\b0)\d(?:[ ()/-]*\d){5,}")
_WORD: Final = re.compile(r"\w+")
_DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


@dataclass(slots=True)
class Labels:
    """What others are called: the same in every file of one export, and in no other export."""

    _called: dict[tuple[str, str], str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        """The label of one of them."""
        if (kind, value) not in self._called:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._called[kind, value] = f"{kind} {self._counts[kind]}"
        return self._called[kind, value]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each kind there are."""
        return dict(sorted(self._counts.items()))


@dataclass(slots=True)
class Mask:
    """Tells rows to one person. `own` are their things, by table; `strange` judges texts."""

    person: Person
    own: Mapping[str, Collection[str]]
    strange: Strange
    labels: Labels = field(default_factory=Labels)

    def told(self, table: Table, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The row's columns, and the names of those that are left out or are labels."""
        others = dict(self._others(table, row))
        told: dict[str, Any] = {}
        for column in table.columns:
            value = row[column.name]
            told[column.name] = (
                None if value is None else self._value(table, column, value, row, others)
            )
        masked = [name for name in table.names if told[name] != row[name]]
        return told, masked

    def text(self, value: str) -> str | None:
        """A text that belongs to no row: told unless it may name somebody else."""
        return None if self.strange(value) else value

    def party(self, value: str) -> str:
        """A person or firm that belongs to no row."""
        if value == self.person.number or not _PERSONAL.fullmatch(value):
            return value
        return self.labels.of("person", value)

    def _others(self, table: Table, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The columns by which a row names somebody else, and what it calls them."""
        for column in table.columns:
            value = row[column.name]
            if value is not None and self._is_other(table, column, str(value), row):
                yield column.name, str(value)

    def _is_other(self, table: Table, column: Column, value: str, row: Mapping[str, Any]) -> bool:
        if column.name in _FOLLOWS:
            return not self._is_own_thing(table, column, value, row)
        if column.kind is Kind.ACCOUNT:
            return not self._may_tell_account(column, value, row)
        if column.kind is Kind.PERSON or (column.kind in PARTIES and _PERSONAL.fullmatch(value)):
            return value != self.person.number
        if column.masking is Masking.IDENTITY and column.kind is Kind.TEXT:
            return not self.person.is_in(value) or self.strange(value)
        return False

    def _is_own_thing(
        self, table: Table, column: Column, value: str, row: Mapping[str, Any]
    ) -> bool:
        if value in self.own.get(thing_of(table, column) or "", ()):
            return True
        if column.name == "device_id" and row.get("login_id") in self.own["logins"]:
            return True
        whose = _FOLLOWS[column.name]
        if table.name == "logins":
            whose = "person_id"
        return row.get(whose) == self.person.number

    def _may_tell_account(self, column: Column, value: str, row: Mapping[str, Any]) -> bool:
        """One's own, or a firm's where the row says that it is."""
        if value in self.own["accounts"]:
            return True
        holder = row.get("holder_id", row.get(_HOLDERS[column.name]))
        if holder is None or self._names_another(value):
            return False
        return holder == self.person.number or _PERSONAL.fullmatch(holder) is None

    def _value(
        self,
        table: Table,
        column: Column,
        value: Any,
        row: Mapping[str, Any],
        others: Mapping[str, str],
    ) -> Any:
        if column.name in others:
            return self.labels.of(_kind(column), others[column.name])
        if (table.name, column.name) in _OF_THE_SOURCE:
            return None
        if _REGISTERS.get(table.name) in others and not self.person.is_in(str(value)):
            return None
        if column.masking in _PRIVATE:
            hidden = others.keys() & _parties(table)
            if hidden or (column.name == "care_of" and self.strange(value)):
                return None
            return value
        if not isinstance(value, str):
            return value
        if column.masking is Masking.FREE_TEXT:
            about_others = (others.keys() & _parties(table)) - _AT_WORK
            return None if about_others or self.strange(value) else value
        issued = [others[name] for name in others if table[name].kind in PARTIES]
        return None if self._names_another(value, issued) else value

    def _names_another(self, value: str, issued: Collection[str] = ()) -> bool:
        """Whether an identifier is made of somebody else's."""
        rest = re.sub(self.person.written, " ", value)
        return names_somebody(rest) or any(other in rest for other in issued)


def strange(person: Person, names: Collection[str]) -> Strange:
    """Judges texts by the words of everybody else's name and street, in lower case.

    Numbers, addresses of mail and telephones in a text are taken for somebody else's, unless they
    are the person's own number.
    """

    def judged(text: str) -> bool:
        rest = re.sub(person.written, " ", text)
        if holds_personal_number(_DATE.sub(" ", rest)) or _REACHES.search(_DATE.sub(" ", rest)):
            return True
        words = {word.lower() for word in _WORD.findall(rest)}
        return any(word in names or word.removesuffix("s") in names for word in words)

    return judged


def _kind(column: Column) -> str:
    if column.name in _FOLLOWS:
        return column.name.removesuffix("_id")
    return "account" if column.kind is Kind.ACCOUNT else "person"


def _parties(table: Table) -> set[str]:
    """The columns that name somebody, and not a thing of theirs; a login is its user."""
    things = {
        column.name
        for column in table.columns
        if column.kind is Kind.ACCOUNT or column.name in _FOLLOWS
    }
    return set(table.names) - (things - {"login_id"})

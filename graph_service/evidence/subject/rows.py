"""Which stored rows are about one person: those that name them, and what is theirs alone.

A row names a person in a column of persons or firms (a sole trader's firm is the trader), or in
any text that holds their number. A login, tag, account, invoice or decision of theirs is theirs:
rows that name it are about them too, as long as it was theirs. All versions count, superseded and
withdrawn ones too. The SQL is made from the declarations.

In the engine: `own` (thing, key, since, until), and `about.<table>`, the rows of the person with
`_through` (the columns by which), `_standing` and `_kept_until`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.keeping.due import latest_day, open_kept, same_key
from graph_service.keeping.lapse import LAPSES
from graph_service.lake import Lake
from graph_service.records import TABLES, Column, Kind, Table

#: Things that are one person's, by the table that says whose: its key, and the column of the owner.
OWN: Final = {
    "logins": ("login_id", "person_id"),
    "tags": ("tag_id", "client_id"),
    "accounts": ("account", "holder_id"),
    "invoices": ("invoice_id", "org_id"),
    "decisions": ("decision_id", "client_id"),
}
#: Those of them that pass from one to another; who has them is said with dates.
_PASSING: Final = frozenset({"logins", "tags", "accounts"})
#: The day on which a row used one of them.
_USED_ON: Final = {
    "login_events": "at",
    "visits": "start",
    "payments": "paid_on",
    "invoices": "issued_on",
}
#: Columns that name a person, or a firm that may be one.
PARTIES: Final = frozenset({Kind.PERSON, Kind.PARTY, Kind.ORGANISATION})
_CLOSED: Final = frozenset({Kind.ENUM, Kind.COUNTRY, Kind.CURRENCY, Kind.POSTCODE, Kind.INDUSTRY})
_NUMBER: Final = re.compile(r"(?:skv:)?(\d{2})(\d{6})([\dTRSUWXJKLMN]\d{3})")


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is asked for: 12 digits, or `<issuer>:<id>`."""

    number: str

    @property
    def written(self) -> str:
        """A regular expression (of both re and RE2) for the number, however it is written."""
        parts = _NUMBER.fullmatch(self.number)
        if parts is None:
            return rf"(^|[^0-9A-Za-z]){re.escape(self.number)}([^0-9A-Za-z]|$)"
        return rf"(^|[^0-9])({parts[1]})?{parts[2]}[-+ ]?{parts[3]}([^0-9A-Za-z]|$)"

    @property
    def ending(self) -> str:
        """What each way of writing it holds."""
        return self.number[-4:]

    def is_in(self, text: str) -> bool:
        """Whether a text holds the number."""
        return re.search(self.written, text) is not None


def thing_of(table: Table, column: Column) -> str | None:
    """The table of things that a column names one of; None for others, and where it is told."""
    if column.kind is Kind.ACCOUNT:
        return "accounts" if table.name != "accounts" else None
    if column.refers_to is not None and column.refers_to[0] in OWN:
        return column.refers_to[0]
    return None


def open_rows(engine: Engine, lake: Lake, person: Person) -> None:
    """Make the views of every stored row, and the table `own` of what is the person's."""
    open_kept(engine, lake)
    engine.execute("CREATE SCHEMA IF NOT EXISTS about")
    engine.execute("CREATE TEMP TABLE own (thing VARCHAR, key VARCHAR, since DATE, until DATE)")
    for name in OWN:
        _find_own(engine, TABLES[name], person)


def _find_own(engine: Engine, table: Table, person: Person) -> None:
    """What the rows that stand now say is theirs: one that was corrected says nothing."""
    key, owner = OWN[table.name]
    dated = table.name in _PASSING
    days = "valid_from, valid_to" if dated else "NULL, NULL"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM kept.{quoted(table.name)} "
        f"WHERE _visible AND {quoted(owner)} = $number",
        {"number": person.number},
    )
    engine.execute(
        f"INSERT INTO own SELECT {literal(table.name)}, {quoted(key)}, {days} FROM said AS r "
        f"WHERE NOT {_superseded(table)}"
    )


def find_rows(engine: Engine, table: Table, person: Person, months: int) -> None:
    """Make `about.<table>`, in one pass over the table; `months` are how long its rows are kept."""
    name = quoted(table.name)
    named = {"number": person.number, "written": person.written, "ending": person.ending}
    about = list(_looks(table))
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM kept.{name} AS r "
        f"WHERE r._told_on IS NOT NULL AND ({' OR '.join(look.quick for look in about)})",
        _asked(named, " ".join(look.quick for look in about)),
    )
    through = ", ".join(f"CASE WHEN {look.exact} THEN {literal(look.column)} END" for look in about)
    engine.execute(
        f"CREATE OR REPLACE TABLE about.{name} AS SELECT *, {_standing(table)} AS _standing, "
        f"{_kept_until(table, months)} AS _kept_until FROM ("
        f"SELECT *, list_filter([{through}], lambda told: told IS NOT NULL) AS _through "
        "FROM said AS r) AS r WHERE len(_through) > 0",
        _asked(named, through),
    )
    engine.execute("DROP TABLE said")


@dataclass(frozen=True, slots=True)
class _Look:
    """How a column is asked for the person: quickly, of every row, and exactly, of what is left."""

    column: str
    quick: str
    exact: str


def _looks(table: Table) -> Iterator[_Look]:
    texts = []
    for column in table.columns:
        value = f"r.{quoted(column.name)}"
        thing = thing_of(table, column)
        if column.kind in PARTIES:
            yield _Look(column.name, f"{value} = $number", f"{value} = $number")
            continue
        holds = f"coalesce(regexp_matches({value}, $written), false)"
        if thing is not None:
            owned = f"SELECT key FROM own WHERE thing = {literal(thing)}"
            then = f"o.thing = {literal(thing)} AND {_owned(table, value)}"
            held = f"EXISTS (FROM own AS o WHERE {then})"
            yield _Look(column.name, f"{value} IN ({owned})", f"({held} OR {holds})")
        elif column.stored_type == "VARCHAR" and column.kind not in _CLOSED:
            yield _Look(column.name, "false", holds)
        else:
            continue
        texts.append(value)
    if texts:
        words = f"contains(concat_ws(' ', {', '.join(texts)}), $ending)"
        yield _Look("", words, "false")


def _owned(table: Table, value: str) -> str:
    """A condition that a thing `o` was the person's on the day that a row `r` used it."""
    used_on = _USED_ON.get(table.name)
    if used_on is None:
        return f"o.key = {value}"
    day = f"r.{quoted(used_on)}"
    if table[used_on].kind is Kind.TIMESTAMP:
        day = f"CAST(timezone('Europe/Stockholm', {day}) AS DATE)"
    return (
        f"o.key = {value} AND coalesce(o.since <= {day}, true) AND coalesce({day} < o.until, true)"
    )


def _superseded(table: Table) -> str:
    """A condition that a later row of the same key took the place of a row `r`."""
    return (
        f"EXISTS (FROM kept.{quoted(table.name)} AS later WHERE later._visible "
        f"AND later._supersedes AND {same_key(table, 'later', 'r')} "
        "AND (later._batch, later._file) > (r._batch, r._file))"
    )


def _standing(table: Table) -> str:
    return (
        f"CASE WHEN NOT r._visible THEN 'withdrawn' WHEN {_superseded(table)} THEN 'superseded' "
        "ELSE 'stands' END"
    )


def _kept_until(table: Table, months: int) -> str:
    """The day on which a row lapses by its own dates; null while it has none, and so is open."""
    if not LAPSES[table.name].dates:
        return "CAST(NULL AS DATE)"
    return f"CAST({latest_day('r', table)} + INTERVAL ({int(months)}) MONTH AS DATE)"


def _asked(named: Mapping[str, str], sql: str) -> dict[str, str]:
    """The parameters that a statement names."""
    return {name: value for name, value in named.items() if f"${name}" in sql}

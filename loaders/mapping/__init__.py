"""A mapping turns a source's columns into the contract's, without code.

It is a TOML file: a room's own `source.toml`, or one that a user gives. Its language is
described in `docs/mappings.md`; a wrong one cannot be opened.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph_service.errors import DeclarationError, FileRefused
from graph_service.records import DROPPED_COLUMNS, TABLES
from loaders.mapping.dialect import Dialect
from loaders.mapping.header import available, column_of, header_key, lacking, reckoned
from loaders.mapping.phrases import begins_with_word
from loaders.mapping.reader import (
    read_aliases,
    read_dialect,
    read_records,
    read_table,
    with_words,
)
from loaders.mapping.readings import Readings
from loaders.mapping.rules import Cell, Records, Target, cells_of
from loaders.mapping.sql import Expressions, Selection
from loaders.mapping.toml import closed, texts

#: What a room's file says beside its mapping; read by the loader, not here.
_ABOUT: Final = frozenset({"title", "recognise", "basis", "retention", "expect"})
_PARTS: Final = frozenset(
    {"name", "dialect", "persons", "records", "dropped", "aliases", "words", "tables"}
)
#: The rule for the century of a ten-digit personal number, named so that it can be recorded.
LATEST_PAST: Final = "latest_past"


@dataclass(frozen=True)
class Mapping:
    """How a source's files are written, which rows are records, and what each column becomes.

    `digest` is the SHA-256 of the whole declaration, comments and order aside. `reference`
    is the date against which short personal numbers get their century where the file's
    delivery date is not to be used.
    """

    name: str
    digest: str
    tables: Dictionary[str, tuple[Target, ...]]
    dialect: Dialect = field(default_factory=Dialect)
    records: Records = field(default_factory=Records)
    aliases: Dictionary[str, tuple[str, ...]] = field(default_factory=dict)
    century: str | None = None
    reference: date | None = None
    dropped_names: frozenset[str] = DROPPED_COLUMNS
    about: Dictionary[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Mapping:
        """Open a mapping file, or raise `DeclarationError` with the cure."""
        try:
            spec = tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
        except OSError as error:
            raise DeclarationError(f"{path.name}: cannot be read; check the path") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DeclarationError(f"{path.name}: is not TOML in UTF-8 ({error})") from error
        usual = path.parent.name if path.name == "source.toml" else path.stem
        try:
            return cls._from(spec, usual)
        except DeclarationError as error:
            raise DeclarationError(f"{path.name}: {error}") from error

    @classmethod
    def _from(cls, spec: dict[str, Any], usual_name: str) -> Mapping:
        canonical = json.dumps(spec, sort_keys=True, default=str, ensure_ascii=False)
        if re.search(r"(?<!\\)(?:\\\\)*\\u0000", canonical):
            raise DeclarationError("a NUL character stands in it; take it out")
        closed(spec, _ABOUT | _PARTS, "top level")
        if not isinstance(name := spec.get("name", usual_name), str) or not name:
            raise DeclarationError("name: a text belongs here")
        tables = closed(spec.get("tables", {}), TABLES, "tables")
        if not tables:
            raise DeclarationError("tables: give a [tables.<name>] for each table it yields")
        persons = closed(spec.get("persons", {}), {"century", "reference"}, "persons")
        if persons and persons.get("century") != LATEST_PAST:
            raise DeclarationError(f'persons.century: the rule is "{LATEST_PAST}"')
        reference = persons.get("reference")
        if reference is not None and type(reference) is not date:
            raise DeclarationError("persons.reference: a date belongs here (2026-12-31)")
        dropped = texts(spec["dropped"], "dropped") if "dropped" in spec else ()
        mapping = cls(
            name=name,
            digest=hashlib.sha256(canonical.encode()).hexdigest(),
            tables={
                table: read_table(
                    table, with_words(rules, spec.get("words"), "words"), f"tables.{table}"
                )
                for table, rules in tables.items()
            },
            dialect=read_dialect(spec.get("dialect", {}), "dialect"),
            records=read_records(spec.get("records", {}), "records"),
            aliases=read_aliases(spec.get("aliases", {}), "aliases"),
            century=persons.get("century"),
            reference=reference,
            dropped_names=DROPPED_COLUMNS | {header_key(column) for column in dropped},
            about={key: spec[key] for key in _ABOUT & set(spec)},
        )
        mapping._check_dropped()
        return mapping

    def _check_dropped(self) -> None:
        others = {header_key(name): found for name, found in self.aliases.items()}
        for targets in self.tables.values():
            for target in targets:
                for cell in cells_of(target.rule):
                    keys = {header_key(name) for name in cell.names}
                    keys |= {header_key(other) for key in keys for other in others.get(key, ())}
                    if keys & self.dropped_names:
                        raise DeclarationError(
                            f"{target.column} reads a column that is dropped on sight; "
                            "take the rule or the column out"
                        )

    def missing(self, header: Sequence[str]) -> list[str]:
        """The source columns that a file must have and that its header lacks.

        Raises `FileRefused` (duplicate_header) where two columns of the header are one name.
        """
        columns = self._columns(header)
        names: dict[str, None] = {}
        for targets in self.tables.values():
            for target in targets:
                if not target.optional and available(target.rule, columns) is None:
                    names.update(dict.fromkeys(lacking(target.rule, columns)))
        for skip in self.records.skips:
            if available(skip.cell, columns) is None:
                names[skip.cell.names[0]] = None
        return list(names)

    def recognises(self, header: Sequence[str]) -> bool:
        """Whether a header is most likely this source's.

        More than half of the required columns that are read from cells have theirs, so that
        a file with one column missing is still told to miss it.
        """
        try:
            columns = self._columns(header)
        except FileRefused:
            columns = self._columns(list({header_key(name): name for name in header}.values()))
        wanted = [
            target.rule
            for table, targets in self.tables.items()
            for target in targets
            if TABLES[table][target.column].required and any(cells_of(target.rule))
        ]
        have = sum(available(rule, columns) is not None for rule in wanted)
        return have * 2 > len(wanted)

    def dropped(self, header: Sequence[str]) -> list[str]:
        """The header's columns that are discarded on sight."""
        return [name for name in header if header_key(name) in self.dropped_names]

    def columns(self, table: str, header: Sequence[str]) -> tuple[str, ...]:
        """The contract columns that a file with this header yields; others are absent from it."""
        return tuple(target.column for target in self._targets(table, self._columns(header)))

    def targets(self, table: str, header: Sequence[str]) -> list[tuple[Target, dict[Cell, str]]]:
        """The table's rules that a file with this header fulfils; of each cell, its column."""
        columns = self._columns(header)
        return [
            (target, {cell: column_of(cell, columns) for cell in cells_of(target.rule)})
            for target in self._targets(table, columns)
        ]

    def is_total(self, text: str) -> str:
        """SQL: whether a text (an SQL expression) begins as a total row does."""
        return begins_with_word(text, self.records.totals) if self.records.totals else "false"

    def select(
        self,
        table: str,
        header: Sequence[str],
        relation: str,
        *,
        today: date,
        padded: bool = True,
    ) -> str:
        """SQL that yields `_row` and `columns(table, header)` as contract text, records only.

        `relation` is SQL for a relation that holds the header's columns as text, and `_row`.
        `today` is the delivery date: short personal numbers take their century from it,
        unless the mapping has its own reference date. `padded` is false where no text has
        space, tab or no-break space around it, which spares the trimming.
        """
        return self._selection(table, header, today, padded).select(relation)

    def inferred_centuries(
        self,
        table: str,
        header: Sequence[str],
        relation: str,
        *,
        today: date,
        padded: bool = True,
    ) -> str | None:
        """SQL of one row: for each column, how many personal numbers had their century inferred."""
        return self._selection(table, header, today, padded).inferred(relation)

    def _columns(self, header: Sequence[str]) -> dict[str, str]:
        """Key → name of the header's columns, also by the name that an alias stands for."""
        columns: dict[str, str] = {}
        for name in header:
            if (key := header_key(name)) and columns.setdefault(key, name) is not name:
                raise FileRefused("duplicate_header", " ".join(name.split()))
        for name, others in self.aliases.items():
            present = [columns[key] for key in map(header_key, others) if key in columns]
            if present:
                columns.setdefault(header_key(name), present[0])
        return columns

    def _targets(self, table: str, columns: Dictionary[str, str]) -> list[Target]:
        """The table's rules as far as the header has their columns, `after` only what is there."""
        found = [
            replace(target, rule=rule)
            for target in self.tables[table]
            if (rule := available(target.rule, columns)) is not None
        ]
        present = {target.column for target in found}
        return [
            replace(target, rule=rule)
            for target in found
            if (rule := reckoned(target.rule, present)) is not None
        ]

    def _selection(self, table: str, header: Sequence[str], today: date, padded: bool) -> Selection:
        columns = self._columns(header)
        names = [name for name in header if header_key(name)]
        targets = self._targets(table, columns)
        reference = None if self.century is None else (self.reference or today)
        return Selection(
            table=table,
            targets=targets,
            columns=names,
            totals=self.records.totals,
            repeated_header=self.records.repeated_header,
            skips=[
                (column_of(skip.cell, columns), skip.words)
                for skip in self.records.skips
                if skip.table in (None, table)
            ],
            expressions=Expressions(
                readings=Readings(self.dialect, reference),
                cells={
                    cell: f"c{names.index(column_of(cell, columns))}"
                    for target in targets
                    for cell in cells_of(target.rule)
                },
                columns={target.column: f"m{place}" for place, target in enumerate(targets)},
            ),
            padded=padded,
        )


__all__ = ["LATEST_PAST", "Dialect", "Mapping", "header_key"]

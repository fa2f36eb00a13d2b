"""The SQL that reads one text as a date, a number, a length of time or an identifier.

A text that cannot be read is left as it is, so that the contract's validation refuses it at
its row; where the text as it is would be taken for something else, `UNREADABLE` goes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from graph_service.engines.known import literal
from loaders.mapping.dialect import Dialect, Layout
from loaders.mapping.phrases import among, matches
from loaders.mapping.rules import Reading

#: Goes before a text that no column of the contract may take, such as 1.234 in a file with
#: decimal commas.
UNREADABLE: Final = "?"

#: Skatteverket's letters of interim numbers, in place of the birth number's first digit.
_INTERIM: Final = "TRSUWXJKLMN"
_SHORT_PERSON: Final = f"[0-9]{{6}}[-+]?[0-9{_INTERIM}][0-9]{{3}}"
_LONG_PERSON: Final = "[0-9]{8}[-+]?[0-9]{4}"
_LONG_INTERIM: Final = f"[0-9]{{8}}[-+]?[{_INTERIM}][0-9]{{3}}"
#: An organisation number tells itself from a personal one: no month begins with 2 to 9.
_ORGANISATION: Final = "[0-9]{2}[2-9][0-9]{3}-?[0-9]{4}"

_YES: Final = ("true", "ja", "j", "yes", "y", "sant", "1", "x")
_NO: Final = ("false", "nej", "n", "no", "falskt", "0")

#: Seconds of one unit.
_UNITS: Final = MappingProxyType({Reading.MINUTES: 60, Reading.SECONDS: 1, Reading.DAYS: 86_400})
_CLOCKS: Final = tuple(Layout.read(text, day=False, clock=True) for text in ("hh:mm", "hh:mm:ss"))


@dataclass(frozen=True, slots=True)
class Readings:
    """Makes the SQL of readings over SQL texts; each gives null for null.

    `reference` decides the century of ten-digit personal numbers; without it they stay as
    they are.
    """

    dialect: Dialect
    reference: date | None

    def read(self, text: str, reading: Reading) -> str:
        """The text of a cell in the contract's form."""
        if reading in _OWN:
            return _OWN[reading](self, text)
        return self.hours(text, reading)

    def account(self, text: str) -> str:
        """An IBAN without the spaces it is printed with."""
        return (
            f"CASE WHEN {matches(text, '[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]+')} "
            f"THEN upper(replace({text}, ' ', '')) ELSE {text} END"
        )

    def bankgiro(self, text: str) -> str:
        """A bankgiro as printed, 123-4567 or 1234-5678."""
        return _giro(text, "BG:", "[0-9]{3,4}-?[0-9]{4}")

    def plusgiro(self, text: str) -> str:
        """A plusgiro as printed, its digits in groups and a hyphen before the last."""
        return _giro(text, "PG:", "[0-9]+(?: [0-9]+)*-?[0-9]")

    def day(self, text: str) -> str:
        """A date in the contract's order."""
        return self._laid_out(text, self.dialect.dates, "____-__-__")

    def timestamp(self, text: str) -> str:
        """A timestamp in the contract's order."""
        return self._laid_out(text, self.dialect.timestamps, "____-__-_____:__%")

    def _laid_out(self, text: str, layouts: Sequence[Layout], contract: str) -> str:
        cases = "".join(
            f" WHEN {matches(text, layout.pattern)} THEN {_rewritten(text, layout)}"
            for layout in layouts
        )
        return f"CASE WHEN {text} LIKE '{contract}' THEN {text}{cases} ELSE {text} END"

    def on_day(self, day: str, text: str) -> str:
        """A clock time on a day, null without the day; a whole timestamp stands by itself."""
        cases = " ".join(
            f"WHEN {matches(text, layout.pattern)} THEN {day} || ' ' || {_rewritten(text, layout)}"
            for layout in _CLOCKS + self.dialect.times
        )
        return f"CASE {cases} ELSE {self.timestamp(text)} END"

    def is_clock(self, text: str) -> str:
        """Whether a text is a time of day alone."""
        return matches(text, "|".join(each.pattern for each in _CLOCKS + self.dialect.times))

    def boolean(self, text: str) -> str:
        """Ja and Nej and their like; other words stay."""
        return (
            f"CASE WHEN {among(text, _YES)} THEN 'true' "
            f"WHEN {among(text, _NO)} THEN 'false' ELSE {text} END"
        )

    def number(self, text: str) -> str:
        """A number with the dialect's separators and a sign at either end, as contract text."""
        thousands, decimal = self.dialect.thousands, "".join(self.dialect.decimal)
        grouped = "".join(f"|[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+" for mark in thousands)
        size = f"(?:[0-9]+{grouped})(?:[{decimal}][0-9]+)?"
        removed = literal(f"{decimal}-−{''.join(thousands)}")
        kept = f"translate({text}, {removed}, '{'.' * len(decimal)}')"
        return (
            f"CASE WHEN {matches(text, '-?[0-9]+')} THEN {text} "
            f"WHEN {matches(text, size)} THEN {kept} "
            f"WHEN {matches(text, f'[-−]{size}|{size}[-−]')} THEN '-' || {kept} "
            f"ELSE {_unreadable(text)} END"
        )

    def percent(self, text: str) -> str:
        """A percentage as a share of one."""
        share = f"(TRY_CAST({self.number(text)} AS DECIMAL(18, 6)) * 0.01)::VARCHAR"
        return f"coalesce(rtrim(rtrim({share}, '0'), '.'), {_unreadable(text)})"

    def seconds(self, text: str, reading: Reading) -> str:
        """A length of time in seconds, or null where it cannot be read."""
        # Twelve digits of days still fit: products keep the width of the wider factor.
        number = f"TRY_CAST({self.number(text)} AS DECIMAL(18, 6))::DECIMAL(38, 6)"
        if reading in _UNITS:
            return f"{number} * {_UNITS[reading]}"
        marks = ":"
        if reading is Reading.HOURS_MINUTES:
            marks += "".join(self.dialect.decimal)
            number = f"CASE WHEN {matches(text, '[0-9]+')} THEN {number} END"
        clock = f"([0-9]{{1,4}})[{marks}]([0-5][0-9])(?::([0-5][0-9]))?"
        hours, minutes, seconds = (
            f"TRY_CAST(regexp_extract({text}, {literal(clock)}, {group}) AS BIGINT)"
            for group in (1, 2, 3)
        )
        return (
            f"CASE WHEN {matches(text, clock)} "
            f"THEN {hours} * 3600 + {minutes} * 60 + coalesce({seconds}, 0) "
            f"ELSE {number} * 3600 END"
        )

    def hours(self, text: str, reading: Reading) -> str:
        """A length of time in decimal hours, at most six decimals."""
        seconds = f"CAST({self.seconds(text, reading)} AS DECIMAL(38, 6))"
        hours = f"TRY_CAST({seconds} / 3600 AS DECIMAL(18, 6))::VARCHAR"
        value = f"coalesce({hours}, {_unreadable(text)})"
        if reading is Reading.HOURS:  # hours that are decimal already keep their digits
            return f"CASE WHEN contains({text}, ':') THEN {value} ELSE {self.number(text)} END"
        return value

    def person(self, text: str) -> str:
        """A personal number as 12 digits, an interim number as `skv:` and 12 characters.

        The century of a short form is the latest in which the birth date is not after the
        reference date; after `+`, the latest in which the person turns a hundred in the
        reference year or before (18 § folkbokföringslagen).
        """
        tail = f"right({text}, 4)"
        long = (
            f"CASE WHEN {matches(text, '[0-9]{12}')} THEN {text} "
            f"WHEN {matches(text, _LONG_PERSON)} THEN left({text}, 8) || {tail} "
            f"WHEN {matches(text, _LONG_INTERIM)} THEN 'skv:' || left({text}, 8) || {tail} "
            f"ELSE {text} END"
        )
        if self.reference is None:
            return long
        is_interim = f"contains('{_INTERIM}', {text}[-4])"
        short = (
            f"CASE WHEN {matches(text, _SHORT_PERSON)} "
            f"THEN CASE WHEN {is_interim} THEN 'skv:' ELSE '' END "
            f"|| {_century(text, self.reference)} || left({text}, 6) || {tail} "
            f"ELSE {text} END"
        )
        return f"CASE WHEN length({text}) > 11 THEN {long} ELSE {short} END"

    def organisation(self, text: str) -> str:
        """An organisation number as 10 digits, with 16 or as a VAT number too; else a person's."""
        inner = f"substr({text}, 3, 10)"
        return (
            f"CASE WHEN {matches(text, _ORGANISATION)} THEN replace({text}, '-', '') "
            f"WHEN {matches(text, f'16{_ORGANISATION}')} THEN replace(substr({text}, 3), '-', '') "
            f"WHEN {matches(text, 'SE[0-9]{10}01')} "
            f"THEN CASE WHEN {matches(inner, _ORGANISATION)} THEN {inner} "
            f"ELSE {self.person(inner)} END "
            f"ELSE {self.person(text)} END"
        )

    def is_inferred(self, text: str) -> str:
        """1 where the century of a text's personal number is inferred, else 0."""
        if self.reference is None:
            return "0"
        short = f"{matches(text, _SHORT_PERSON)} AND {text}[3] < '2'"
        vat = f"{matches(text, 'SE[0-9]{10}01')} AND {text}[5] < '2'"
        return f"coalesce({short} OR {vat}, false)::INTEGER"


_OWN: Final[Mapping[Reading, Callable[[Readings, str], str]]] = MappingProxyType(
    {
        Reading.TEXT: lambda _, text: text,
        Reading.PERSON: Readings.person,
        Reading.ORGANISATION: Readings.organisation,
        Reading.ACCOUNT: Readings.account,
        Reading.BANKGIRO: Readings.bankgiro,
        Reading.PLUSGIRO: Readings.plusgiro,
        Reading.DATE: Readings.day,
        Reading.TIMESTAMP: Readings.timestamp,
        Reading.NUMBER: Readings.number,
        Reading.PERCENT: Readings.percent,
        Reading.BOOLEAN: Readings.boolean,
    }
)


def _unreadable(text: str) -> str:
    return f"'{UNREADABLE}' || {text}"


def _giro(text: str, prefix: str, pattern: str) -> str:
    digits = f"translate({text}, ' -', '')"
    return f"CASE WHEN {matches(text, pattern)} THEN '{prefix}' || {digits} ELSE {text} END"


def _rewritten(text: str, layout: Layout) -> str:
    """A text of the layout in the contract's order, each part with its two digits."""
    whole = literal(f"^(?:{layout.pattern})$")
    result = f"regexp_replace({text}, {whole}, {literal(layout.rewrite)})"
    if layout.padded:
        result = rf"regexp_replace({result}, '\b0([0-9]{{2}})\b', '\1', 'g')"
    return result


def _century(text: str, reference: date) -> str:
    """The first two digits of the birth year of a short personal number."""
    century, year = divmod(reference.year, 100)
    today = year * 10_000 + reference.month * 100 + reference.day
    number = f"TRY_CAST(left({text}, 6) AS INTEGER)"
    # A coordination number has 60 added to its day.
    birth = f"({number} - CASE WHEN {number} % 100 > 60 THEN 60 ELSE 0 END)"
    return (
        f"CASE WHEN {text}[7] = '+' "
        f"THEN CASE WHEN {number} // 10000 <= {year} "
        f"THEN '{century - 1}' ELSE '{century - 2}' END "
        f"ELSE CASE WHEN {birth} <= {today} THEN '{century}' ELSE '{century - 1}' END END"
    )

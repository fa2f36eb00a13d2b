"""The record contract: every table, declared once.

Validation, the stored schema, masking, retention and the reference page `docs/records.md` all
follow from these declarations. The contract's own text is the agreement with those who deliver;
where it and these modules differ, these are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from graph_service.records.care import WORK_AND_CARE
from graph_service.records.declaration import (
    DROPPED_COLUMNS,
    PROVENANCE,
    RETENTION_MONTHS,
    Column,
    Kind,
    Masking,
    Retention,
    Table,
)
from graph_service.records.money import FOLLOW_UP, MONEY
from graph_service.records.registers import REGISTERS

#: Every table of the contract by name, in the contract's order.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {table.name: table for table in REGISTERS + WORK_AND_CARE + MONEY + FOLLOW_UP}
)

__all__ = [
    "DROPPED_COLUMNS",
    "PROVENANCE",
    "RETENTION_MONTHS",
    "TABLES",
    "Column",
    "Kind",
    "Masking",
    "Retention",
    "Table",
]

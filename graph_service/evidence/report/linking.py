"""What belongs to the registrations in question: told once, over the records as the run knew them.

Nothing is guessed from what a recipient is given: a row that is masked or left out still counts
among those that fit. What leaves this module are places of rows, counts and amounts, in tables of
the workspace beside `cited` and `support`:

chain_items           item, findings, "table", file_sha256, row, since; then of the decision,
                      the invoice line, the invoice and the contract <part>_file and <part>_row,
                      and how many fit
chain_payments        item, file_sha256, row: each payment of the item's invoice
chain_municipalities  finding_id, file_sha256, row
money_rows, money_meets, money_findings, money_billed   amounts in SEK, rows by number
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from graph_service.as_of import open_views
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import literal, quoted
from graph_service.evidence.material import Material
from graph_service.evidence.report.standing import standing
from graph_service.evidence.workspace import Place, insert
from graph_service.lake import Lake
from graph_service.records import TABLES
from graph_service.room import Strength

_FOLDER: Final = Path(__file__).parent
_TABLES: Final = (
    "chain_items",
    "chain_payments",
    "chain_municipalities",
    "money_rows",
    "money_meets",
    "money_findings",
    "money_billed",
)
#: The parts of an item that are rows of their own, and the table of each.
_PARTS: Final = {
    "decision": "decisions",
    "line": "invoice_lines",
    "invoice": "invoices",
    "contract": "contracts",
}


def link(material: Material) -> None:
    """Take the rows in that belong to the registrations in question, and note how they do.

    To be called once, before the packaged rows are written and before `contents`.
    """
    with _known(material) as known:
        _ask(known, material)
        for table in ("linking.sql", "loss.sql"):
            known.script(_FOLDER / table)
        for table in _TABLES:
            _bring(known, material.engine, table)
    for finding_id, places in sorted(_belonging(material.engine).items()):
        given = [place for place in places if place.table in material.recipient.tables]
        material.workspace.support(finding_id, _new(material.engine, finding_id, given))


@contextmanager
def _known(material: Material) -> Iterator[Engine]:
    """The records as the run knew them, unmasked, with the run beside them as `whole`."""
    lake = Lake(material.home)
    with material.home.spill() as spill, Engine(spill=spill) as engine:
        engine.execute("CREATE SCHEMA known")
        for table in TABLES:
            lake.open_table(engine, table, material.run["batches"], f"known.{quoted(table)}")
        open_views(engine, material.as_of)
        engine.execute(f"ATTACH {literal(str(material.whole_run.path))} AS whole (READ_ONLY)")
        yield engine


def _ask(known: Engine, material: Material) -> None:
    """Which findings: by the id that is told, and by that of the run.

    Only a hard finding that nobody dismissed says that its rows cannot be as they were registered;
    a lead's rows show where to look, and are not called in question.
    """
    columns = {"finding_id": "VARCHAR", "run_finding_id": "VARCHAR", "hard": "BOOLEAN"}
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    known.execute(f"CREATE TEMP TABLE asked ({declared})")
    stands = standing(material)
    asked = [
        {
            "finding_id": finding["finding_id"],
            "run_finding_id": material.own_ids[finding["finding_id"]],
            "hard": finding["strength"] == Strength.HARD and finding["finding_id"] in stands,
        }
        for finding in material.findings
    ]
    insert(known, "asked", columns, asked)


def _bring(known: Engine, engine: Engine, table: str) -> None:
    """Copy a table of places and amounts into the workspace, as text and back: types are kept."""
    columns = dict(known.columns(f"FROM {table}"))
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE OR REPLACE TABLE {table} ({declared})")
    insert(engine, table, columns, known.rows(f"FROM {table} ORDER BY ALL"))


def _belonging(engine: Engine) -> Mapping[str, list[Place]]:
    """The places that belong to each finding's registrations, of whichever table.

    What belongs to a registration that the recipient is not given is not given either.
    """
    found: dict[str, list[Place]] = defaultdict(list)
    findings: dict[int, Sequence[str]] = {}
    for item in engine.rows(
        'FROM chain_items SEMI JOIN taken USING ("table", file_sha256, "row") ORDER BY item'
    ):
        findings[item["item"]] = item["findings"]
        for part, table in _PARTS.items():
            if item[f"{part}_row"] is not None:
                place = Place(table, item[f"{part}_file"], item[f"{part}_row"])
                _add(found, item["findings"], place)
    for row in engine.rows("FROM chain_payments ORDER BY ALL"):
        _add(found, findings.get(row["item"], ()), _place("payments", row))
    for row in engine.rows("FROM chain_municipalities ORDER BY ALL"):
        _add(found, [row["finding_id"]], _place("municipalities", row))
    return found


def _add(found: dict[str, list[Place]], findings: Sequence[str], place: Place) -> None:
    for finding_id in findings:
        found[finding_id].append(place)


def _place(table: str, row: Mapping[str, Any]) -> Place:
    return Place(table, row["file_sha256"], row["row"])


def _new(engine: Engine, finding_id: str, places: Sequence[Place]) -> list[Place]:
    """Those that neither the finding nor its supporting rows hold already."""
    held = {
        Place(row["table"], row["file_sha256"], row["row"])
        for row in engine.rows(
            'SELECT "table", file_sha256, row FROM cited WHERE finding_id = $finding_id '
            'UNION SELECT "table", file_sha256, row FROM support WHERE finding_id = $finding_id',
            {"finding_id": finding_id},
        )
    }
    return [place for place in dict.fromkeys(places) if place not in held]

"""From the records of a run to its links: who is compared, what it weighs, what stands.

The SQL beside this file makes cards (one a record) and pairs (those worth comparing); splink weighs
each pair by the declared model; `settle.sql` lets stand what no rival and no person disputes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from graph_service.engines.duckdb import Engine
from graph_service.resolution import model as declared
from graph_service.resolution.model import PRIOR, Model, weight_of
from graph_service.resolution.organisations import ORGANISATIONS
from graph_service.resolution.persons import PERSONS
from graph_service.resolution.undone import Undone

MODELS: Final = (PERSONS, ORGANISATIONS)
_FOLDER: Final = Path(__file__).parent
_LIMITS: Final = {
    "household": declared.HOUSEHOLD,
    "crowd": declared.CROWD,
    "most_on_a_key": declared.MOST_ON_A_KEY,
    "margin": declared.MARGIN,
}
#: The part of a weight that speaks before anything is compared.
PRIOR_PART: Final = "prior"
_DIGITS: Final = 6


def resolve(
    engine: Engine, undone: Sequence[Undone] = (), *, threshold: float = declared.THRESHOLD
) -> list[dict[str, Any]]:
    """Add SAME_AS to `edges`, and return every pair that reaches the threshold, as JSON says it.

    Needs the record views and the graph. A pair has `kind`, `a` and `b` (the lower id first),
    `status` (linked, undone, or rivalled by another one to the same register), `weight` in bits,
    `probability`, `parts` whose weights add up to it, and the `reason` and `since` of undoing.
    """
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE undone "
        "(a_id VARCHAR, b_id VARCHAR, reason VARCHAR, since DATE)"
    )
    engine.load_rows("undone", [(each.a, each.b, each.reason, each.since) for each in undone])
    found: list[dict[str, Any]] = []
    for model in MODELS:
        about = {
            **_LIMITS,
            "kind": model.kind,
            "origin_table": model.table,
            "origin_column": model.key,
        }
        engine.script(_FOLDER / "reach.sql", about)
        engine.script(_FOLDER / f"{model.table}.sql", about)
        if engine.value("SELECT count(*) FROM pairs"):
            # splink takes a quarter of a second to import, and most small worlds have no pair.
            from graph_service.resolution.weigh import weigh  # noqa: PLC0415

            weigh(engine, model, threshold)
            engine.script(_FOLDER / "settle.sql", about)
            engine.script(_FOLDER / "same_as.sql", about)
            found += (_link(model, row) for row in engine.stream("FROM settled"))
    for table in ("undone", "reach", "cards", "keys", "pairs", "scored", "settled"):
        engine.execute(f"DROP TABLE IF EXISTS temp.{table}")
    return found


def _link(model: Model, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": model.kind,
        "a": row["id_l"],
        "b": row["id_r"],
        "status": row["link_status"],
        "weight": round(row["match_weight"], _DIGITS),
        "probability": round(row["match_probability"], 9),
        "parts": list(_parts(model, row)),
        "reason": row["reason"],
        "since": None if row["since"] is None else row["since"].isoformat(),
    }


def _parts(model: Model, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The waterfall: where it starts, and what each comparison adds or takes."""
    yield {"comparison": PRIOR_PART, "level": None, "weight": round(weight_of(PRIOR), _DIGITS)}
    for comparison in model.comparisons:
        # splink numbers the levels from the last one, which is 0; -1 is unknown.
        reached = row[f"gamma_{comparison.name}"]
        level = None if reached < 0 else comparison.levels[-1 - reached]
        weight = row[f"mw_{comparison.name}"]
        if level is not None and level.by is not None:
            weight += row[f"mw_tf_adj_{comparison.name}"]
        yield {
            "comparison": comparison.name,
            "level": level and level.name,
            "weight": round(weight, _DIGITS),
        }

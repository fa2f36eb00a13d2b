"""The scorecard as a page: tables, three figures, and what they do not show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import tally
from benchmarks.tally import DEPTHS, GROUPS, Measured, Scorecard, Table

#: Equal figures give equal bytes: ids are made from this word, and no date is written.
_STYLE: dict[Any, Any] = {"svg.hashsalt": "scorecard", "svg.fonttype": "none", "font.size": 9}
_COLOURS = ("#1b6ca8", "#c8553d")
_FAR = 100.0

_PAGE = """# Scorecard

{towns} synthetic towns of {inhabitants:,} inhabitants × {months} months, seeds {first} to {last}:
{planted} with {schemes} schemes planted among all innocent causes, {clean} with innocent causes
alone. Every room is asked once in each. Made by `make scorecard`; equal seeds give equal bytes.

Intervals hold 95 %. Shares that are promised, such as recall, have exact ones (Clopper–Pearson),
shares of groups that are compared have Wilson's, and rates of events Garwood's. A finding is
*true* when it is of a planted scheme's detector and names somebody of the scheme beside the
provider (the provider itself where either names nobody else). A *clean* provider carries no
scheme and is named in none; its months are those with a visit. What one room says of another
room's scheme (one login lent to two people is on two devices, too) counts against its precision.

## Detectors

{detectors}

![Recall by detector, weak and strong schemes]({folder}/recall.svg)

{strengths}

## Ranking

Of the first k providers of each town with schemes, how many carry one. A town has {hosts:.1f}
such providers in the mean, so the best there could be falls below 1 as k grows.

{ranking}

![Precision at k]({folder}/ranking.svg)

## Review on clean towns

No more than 2 per 100 clean provider-months is asked for.

{review}

## Innocent causes

{innocents}

## Fairness

Errors by what a provider is. A scheme is planted at a private provider; the municipality's own
carries one where a private one's reaches it, such as a worker who is in two places.

{providers}

![False alarms by provider]({folder}/fairness.svg)

By municipality: each town is one, named by its seed.

{municipalities}

By age of clients, in the aggregate only: over all towns, never for a provider. The age is told by
the personal number; an opaque id tells none.

{ages}

## What this does not show

- The towns and the detectors were made by the same hands. A scheme that nobody here thought of is
  in neither; recall is of the planted ones only.
- Innocent causes are those that the domain description names. A real municipality has others, and
  errors in its files that the generator does not make.
- Strengths are the generator's own: *weak* is near the least that a room asks for, and says
  nothing of how weak schemes are in the world.
- Few schemes of each detector were planted: read the lower ends, and take an interval from
  {wide} for what it is. A scheme is counted at each provider that it is told of, and
  towns of one generator are more alike than municipalities are, so the true intervals are wider.
- A town is {inhabitants:,} inhabitants with some ten providers. Large cities, homes with many
  municipalities and years of history are not in these figures.
- No fairness beyond size, ownership, municipality and age is measured: nothing else is in the
  records. Where a group has no false alarm, its interval tells what could be hidden by so few
  months.
- Seeds that led to a change of a detector are used up; figures on them prove nothing afterwards.
"""


def write(docs: Path, card: Scorecard, inhabitants: int, months: int) -> None:
    """Write scorecard.md and its figures into a folder."""
    figures = docs / "scorecard"
    figures.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        _save(_recall(card), figures / "recall.svg")
        _save(_ranking(card), figures / "ranking.svg")
        _save(_fairness(card), figures / "fairness.svg")
    seeds = [town.seed for town in card.towns]
    hosts = [len({plant.provider for plant in town.schemes}) for town in card.planted]
    widest = min((card.recall(room).interval for room in card.rooms), key=lambda i: i.low)
    text = _PAGE.format(
        towns=len(seeds),
        first=min(seeds),
        last=max(seeds),
        planted=len(card.planted),
        clean=len(card.clean),
        schemes=len(card.schemes()),
        hosts=sum(hosts) / max(1, len(hosts)),
        wide=f"{widest.low:.2f} to {widest.high:.2f}",
        inhabitants=inhabitants,
        months=months,
        folder=figures.name,
        detectors=_table(tally.detectors(card)),
        strengths=_table(tally.strengths(card)),
        ranking=_table(tally.ranking(card)),
        review=_table(tally.review(card)),
        innocents=_table(tally.innocents(card)),
        providers=_table(tally.providers(card)),
        municipalities=_table(tally.municipalities(card)),
        ages=_table(tally.ages(card)),
    )
    (docs / "scorecard.md").write_text(text, encoding="utf-8")


def _table(table: Table) -> str:
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _recall(card: Scorecard) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 1 + 0.4 * len(card.rooms)), layout="constrained")
    for number, strength in enumerate(("strong", "weak")):
        shares = [card.recall(room, [strength]) for room in card.rooms]
        places = [place + 0.15 * (2 * number - 1) for place in range(len(card.rooms))]
        _draw(axes, places, shares, strength, _COLOURS[number])
    axes.set_yticks(range(len(card.rooms)), card.rooms)
    axes.invert_yaxis()
    axes.set(xlim=(-0.02, 1.02), xlabel="recall")
    axes.legend(loc="lower left", frameon=False)
    return figure


def _ranking(card: Scorecard) -> Figure:
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    at = [card.at(depth) for depth in DEPTHS]
    values = [precision.value or 0.0 for precision, _, _ in at]
    low = [v - p.interval.low for v, (p, _, _) in zip(values, at, strict=True)]
    high = [p.interval.high - v for v, (p, _, _) in zip(values, at, strict=True)]
    axes.errorbar(DEPTHS, values, yerr=[low, high], fmt="o-", color=_COLOURS[0], label="measured")
    axes.plot(DEPTHS, [best for _, best, _ in at], "--", color="grey", label="best there could be")
    axes.plot(DEPTHS, [chance for *_, chance in at], ":", color="grey", label="by chance")
    axes.set_xticks(DEPTHS)
    axes.set(xlabel="k", ylabel="precision at k", ylim=(0, 1.02))
    axes.legend(frameon=False)
    return figure


def _fairness(card: Scorecard) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    rates = [card.false_alarms(of=of) for of in GROUPS.values()]
    _draw(axes, range(len(rates)), rates, "", _COLOURS[0])
    axes.set_yticks(range(len(rates)), list(GROUPS))
    axes.invert_yaxis()
    axes.set_xlim(left=-0.01)
    axes.set(xlabel="false alarms per 100 clean provider-months")
    return figure


def _draw(
    axes: Axes, places: Sequence[float], measured: Sequence[Measured], label: str, colour: str
) -> None:
    """Points with their intervals; what was not measured is left out."""
    shown = [(p, m, m.value) for p, m in zip(places, measured, strict=True) if m.value is not None]
    values = [value for *_, value in shown]
    low = [value - m.interval.low for _, m, value in shown]
    high = [min(_FAR, m.interval.high) - value for _, m, value in shown]
    axes.errorbar(
        values, [p for p, *_ in shown], xerr=[low, high], fmt="o", color=colour, label=label
    )

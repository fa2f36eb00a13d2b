"""Where each entity stands in the picture: columns by what it is, rows by whom it is tied to.

Who controls stands to the left of the providers, who works and who is cared for to the right.
Within a column, Sugiyama's barycentre order (igraph) keeps crossings few; it draws no random
number, and places are made of whole rows, so that equal networks give equal pictures anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import igraph

from graph_service.evidence.network.graph import Network, Node, Tie

#: Entities that one column can show legibly on a page.
ROWS: Final = 14
_IN_CHARGE, _OTHERS, _PROVIDERS, _WORKERS, _CLIENTS = range(5)
#: Columns in the order in which they are filled: who is tied to those shown comes before others.
_FILLED: Final = (_PROVIDERS, _WORKERS, _CLIENTS, _OTHERS, _IN_CHARGE)
#: What each column holds, from left to right, by its key among the texts.
_HEADS: Final = ("in_charge", "others", "providers", "workers", "clients")
#: Of two roles of one person, the one that the case is likelier to be about.
_BY_ROLE: Final = (("Worker", _WORKERS), ("Client", _CLIENTS))
#: What a visit shows already, where its worker is drawn.
_SHOWN_BY_VISITS: Final = frozenset({"CARED_FOR_BY", "ENROLLED_WITH"})
_DIRECT: Final = frozenset({"WORKED_FOR", "EMPLOYED_BY"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of references from left to right, top to bottom; None stands for a line that passes.

    `routes` tells through which row of each column between its ends a pair of entities is led.
    `ties` are those that are drawn; `left_out` counts undrawn entities by what they are, and
    `is_damped` tells that visits stand for ties between clients and their providers.
    """

    heads: tuple[str, ...]
    columns: tuple[tuple[str | None, ...], ...]
    routes: Mapping[tuple[str, str], tuple[tuple[int, int], ...]]
    nodes: Mapping[str, Node]
    ties: tuple[Tie, ...]
    left_out: Mapping[str, int]
    is_damped: bool


def laid_out(network: Network, what: Callable[[Node], str]) -> Layout:
    """Lay a network out; `what` names an entity's sort for the count of those left out."""
    shown, left_out = _chosen(network, what)
    between = [tie for tie in network.ties if tie.source in shown and tie.target in shown]
    ties = _undamped(between, shown)
    used = sorted({_column(node) for node in shown.values()})
    column = {each: used.index(_column(node)) for each, node in shown.items()}
    pairs = sorted({pair_of(tie, column) for tie in ties if tie.source != tie.target})
    columns, routes = _ordered(column, [pair for pair in pairs if _apart(pair, column)])
    return Layout(
        heads=tuple(_HEADS[each] for each in used),
        columns=columns,
        routes=routes,
        nodes=shown,
        ties=ties,
        left_out=left_out,
        is_damped=len(ties) < len(between),
    )


def pair_of(tie: Tie, column: Mapping[str, int]) -> tuple[str, str]:
    """The two that a tie is between, the left one first."""
    one, other = sorted((tie.source, tie.target), key=lambda each: (column[each], each))
    return one, other


def _chosen(
    network: Network, what: Callable[[Node], str]
) -> tuple[dict[str, Node], Mapping[str, int]]:
    """Of each column those that the case is about, then the most tied, as many as fit."""
    beside: dict[str, list[str]] = {}
    for tie in network.ties:
        beside.setdefault(tie.source, []).append(tie.target)
        beside.setdefault(tie.target, []).append(tie.source)
    columns: dict[int, list[Node]] = {}
    for node in network.nodes:
        columns.setdefault(_column(node), []).append(node)
    shown: dict[str, Node] = {}
    left_out: Counter[str] = Counter()

    def rank(node: Node) -> tuple[bool, int, int, str]:
        ends = beside.get(node.reference, [])
        # A tie to a provider says little: nearly everybody has one.
        near = sum(end in shown and not shown[end].is_provider for end in ends)
        return not node.linked, -near, -len(ends), node.reference

    for at in _FILLED:
        nodes = sorted(columns.get(at, ()), key=rank)
        shown |= {node.reference: node for node in nodes[:ROWS]}
        left_out.update(what(node) for node in nodes[ROWS:])
    return dict(sorted(shown.items())), dict(sorted(left_out.items()))


def _column(node: Node) -> int:
    if node.kind == "person":
        return next((at for role, at in _BY_ROLE if role in node.roles), _IN_CHARGE)
    return _PROVIDERS if node.is_provider else _OTHERS


def _undamped(ties: Collection[Tie], shown: Mapping[str, Node]) -> tuple[Tie, ...]:
    """Without the ties from clients to providers that the visits drawn show already.

    Every client is tied to the provider, and that many lines would hide all others.
    """
    works_for = {(tie.source, tie.target) for tie in ties if tie.type in _DIRECT}
    providers = {each for each, node in shown.items() if node.is_provider}
    by_visits = {
        (tie.target, provider)
        for tie in ties
        if tie.type == "VISITED"
        for provider in providers
        if (tie.source, provider) in works_for
        and tie.properties.get("provider_id") in (shown[provider].key, provider)
    }
    return tuple(
        tie
        for tie in ties
        if tie.type not in _SHOWN_BY_VISITS or (tie.source, tie.target) not in by_visits
    )


def _apart(pair: tuple[str, str], column: Mapping[str, int]) -> bool:
    return column[pair[0]] != column[pair[1]]


def _ordered(
    column: Mapping[str, int], pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[tuple[str | None, ...], ...], dict[tuple[str, str], tuple[tuple[int, int], ...]]]:
    """The order within columns, with a place for each line that passes one."""
    names: list[str | None] = list(column)
    layers = list(column.values())
    place = {name: number for number, name in enumerate(column)}
    edges: list[tuple[int, int]] = []
    passing: dict[tuple[str, str], list[int]] = {}
    for one, other in pairs:
        path = [place[one]]
        for layer in range(column[one] + 1, column[other]):
            path.append(len(names))
            names.append(None)
            layers.append(layer)
        passing[one, other] = path[1:]
        edges += zip(path, [*path[1:], place[other]], strict=True)
    graph = igraph.Graph(n=len(names), edges=edges)
    across = [at for at, _ in graph.layout_sugiyama(layers=layers, maxiter=200).coords]
    columns: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for vertex in sorted(range(len(names)), key=lambda vertex: (round(across[vertex], 3), vertex)):
        columns[layers[vertex]].append(vertex)
    row = {vertex: at for vertices in columns for at, vertex in enumerate(vertices)}
    routes = {
        pair: tuple((layers[vertex], row[vertex]) for vertex in path)
        for pair, path in passing.items()
    }
    return tuple(tuple(names[vertex] for vertex in each) for each in columns), routes

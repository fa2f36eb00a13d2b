"""What investigators ask of the network, answered alike by every engine.

An engine only reads: a `Reader` runs one file of `queries/lookup/` (`<name>.sql` on a run file,
`<name>.cypher` in Neo4j) and gives its rows. What the rows mean is judged once, in the modules
beside this one, so that two engines that read the same rows give equal answers. `QUERIES` says
what each file takes and returns, exactly enough to write its twin.

Words: an *entity* is a row of the table `nodes` (a finding or a score is none) and a
*relationship* a row of `edges`, whatever its direction. `$types` and `$kinds` always name every
type and kind that may be walked, so that elements of other applications, findings and scores
never are. A relationship *stands on* a day D when `valid_from` is null or ≤ D, `valid_to` is null
or > D, and `first` is null or ≤ D; where D is null, every relationship stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

#: A row: column → value. Dates are `datetime.date`, numbers int or float (decimals as floats),
#: `entity` and `relationship` mappings of properties; null stands for what is not there.
Row: TypeAlias = Mapping[str, Any]


class Reader(Protocol):
    """One engine with one run open; every row it gives is of that run."""

    @property
    def run_id(self) -> str:
        """The run that is read."""
        ...

    def rows(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of `queries/lookup/<query>`, in the file's own order.

        `parameters` are exactly those that `QUERIES` names. Raises StoreError when the engine
        cannot be asked or a time limit passes, RunError when the run is older than look-ups.
        """
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """What one file takes, returns (its columns in order) and means."""

    parameters: tuple[str, ...]
    columns: tuple[str, ...]
    means: str


#: An `entity` holds every column of `nodes` that is not null, `labels` sorted, without `search`. A
#: `relationship` holds every column of `edges` that is not null and no list, with `type`,
#: `source_id` and `target_id`. What an engine keeps for itself (`number`, `since`, `until`,
#: `search`, lists) may stand there too: it is left out of every answer.
#:
#: Parameters. $nodes, $seen, $keys, $ends: lists of node_ids. $node, $start: a node_id ('' is
#: nobody). $types, $kinds: lists of names. $as_of: a date or null. $hub, $limit: integers ≥ 0.
#:
#: A relationship type is *damped* at a node, other than $start, that has more than $hub
#: relationships of the type: all that the run has of them, on whatever day and with whatever
#: kind of entity; one from a node to itself counts once.
#: Texts are ordered by code point. Where no order is said, rows come in any. Counts are exact.
QUERIES: Final[Mapping[str, Query]] = MappingProxyType(
    {
        "entities": Query(
            ("nodes",),
            ("entity",),
            "One row for each of $nodes that the run has, in order of node_id.",
        ),
        "names": Query(
            ("nodes",),
            ("entity",),
            "The same as entities, of which node_id, kind, key, name, protected and labels are "
            "read.",
        ),
        "find": Query(
            ("keys", "text", "words", "compact", "kinds", "limit"),
            ("entity", "match", "found"),
            "One row for each of the first $limit entities of $kinds that are among $keys, or "
            "whose property `search` holds each of $words, or holds $compact where that is not ''. "
            "(`search` is lines of lower-case words, each between two newlines: the name, the "
            "key, the key without blanks. $words are the words of $text, the longest first, never "
            "none.) `match` is 'key' where the entity is among $keys; else 'whole' where `search` "
            "holds newline, $text, newline; else 'start' where it holds newline, $text; else "
            "'part'; a $compact that is not '' counts as $text does, the better of the two. "
            "Order: key, whole, start, part; then the place of the kind in $kinds; then node_id. "
            "`found` is the same on every row: {kind: number} of all that match, shown or not.",
        ),
        "around": Query(
            ("nodes", "seen", "start", "types", "kinds", "as_of", "hub", "limit"),
            ("entity", "found"),
            "One step out: one row for each of the first $limit entities of $kinds that are not "
            "in $seen and that a relationship of $types which stands on $as_of joins to one of "
            "$nodes where its type is not damped. Order: by the number of such relationships in "
            "this step that are of the same type as the one that leads to it (the smallest "
            "number where several lead to it), fewest first, so that three owners come before "
            "three hundred clients; then by the number of such relationships that lead to it, "
            "most first; then node_id. `found` is the same on every row: {kind: number} of all "
            "such entities. The entity is told as in names. With $limit 0 and something "
            "found: one row, its entity null.",
        ),
        "between": Query(
            ("nodes", "walked", "start", "types", "as_of", "hub", "limit"),
            ("relationship", "found"),
            "One row for each of the first $limit relationships of $types that stand on $as_of and "
            "join one of $walked, where the type is not damped, to one of $nodes; all of $walked "
            "are among $nodes, and a relationship that joins two of them counts once. Order: by "
            "the number of such relationships of the same type, fewest first; then type, "
            "source_id, target_id, edge_id. `found` is the same on every row: {type: number} of "
            "all such relationships.",
        ),
        "hubs": Query(
            ("nodes", "types", "hub"),
            ("node_id", "type", "relationships"),
            "One row for each of $nodes and $types where the node has more than $hub "
            "relationships of the type, with their number, counted as damping counts. In order "
            "of relationships, most first; then node_id, type.",
        ),
        "weigh": Query(
            ("nodes", "types"),
            ("relationships",),
            "One row: how many relationships of $types $nodes have, counted as damping counts; "
            "one that joins two of $nodes counts twice.",
        ),
        "walk": Query(
            ("nodes", "ends", "types", "kinds", "as_of", "hub"),
            ("node_id", "other_id"),
            "One row for each pair of one of $nodes and another entity, of $kinds or among "
            "$ends, that a relationship of $types which stands on $as_of joins, its type not "
            "damped at the one of $nodes unless that is among $ends. In order of node_id, "
            "other_id.",
        ),
        "owners": Query(
            ("nodes", "as_of"),
            ("relationship",),
            "One row for each OWNS whose target is among $nodes and that stands on $as_of; where "
            "$as_of is null, each whose `valid_to` is null. In order of edge_id.",
        ),
        "holdings": Query(
            ("nodes", "as_of"),
            ("relationship",),
            "The same as owners, of each OWNS whose source is among $nodes.",
        ),
        "card": Query(
            ("node", "as_of", "limit"),
            ("direction", "relationship", "total", "open", "others", "amounts"),
            "One row for each of the first $limit relationships of each type and direction "
            "('out' where $node is the source, 'in' where it is the target; one from $node to "
            "itself is 'out') that stand on $as_of. Order: type, direction; within these those "
            "with `valid_to` null first, then by the latest of `last`, `valid_from`, `first` "
            "(the first of the three that is not null; null last), latest first, then edge_id. "
            "Of all of the type and direction, the same on each of their rows: `total`; `open`, "
            "those with `valid_to` null; `others`, the distinct other ends; `amounts`, {currency: "
            "exact sum of `amount` as a float} of those that have both, {} where none has (sum "
            "ten-thousandths as integers, then divide).",
        ),
        "score": Query(
            ("node",),
            ("score", "band", "rank", "detectors", "points", "cannot_assess", "not_assessed"),
            "One row, or none where $node is no scored provider: as table `scores` has it, its "
            "contributions as two lists in the table's order.",
        ),
        "findings": Query(
            ("node", "limit"),
            (
                "finding_id",
                "detector",
                "strength",
                "role",
                "first",
                "last",
                "events",
                "days",
                "exposure_lower",
                "exposure_upper",
                "summary_sv",
                "summary_en",
                "found",
            ),
            "One row for each of the first $limit findings whose provider $node is (role "
            "'provider') or that have $node as a subject (the subject's role, the first by name "
            "where several; provider goes before them). Order: strength hard, stat, net; then "
            "`last`, latest first; then finding_id. `found` is the same on every row: {detector: "
            "number} of all such findings.",
        ),
        "timeline": Query(
            ("node", "types", "as_of", "limit"),
            ("date", "subject", "event", "type", "id", "other_id", "found"),
            "One row for each of the last $limit dated events of $node on or before $as_of (all "
            "where it is null). Events: of the node (`subject` 'entity', `type` its kind, `id` "
            "its node_id) each of its properties that is a date, `event` the property's name; of "
            "each relationship of $types (`subject` 'relationship', `type`, `id` its edge_id, "
            "`other_id` the other end, itself for a relationship to itself) `valid_from`, "
            "`valid_to`, `first`, and `last` where it is another day than `first`; of each "
            "finding as in findings (`subject` 'finding', `type` the detector, `id` the "
            "finding_id) `first` and, where it is another day, `last`. other_id is null where "
            "nothing is said of it. Order: date, subject, type, event, other_id, id, all "
            "descending. `found` is the same on every row: {subject: number} of all such events.",
        ),
    }
)

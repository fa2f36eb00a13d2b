"""The public catalogue of detectors, made from their declarations: nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph_service.room import Room, Value


def catalogue(rooms: Sequence[Room]) -> str:
    """The catalogue of rooms as Markdown."""
    lines = [
        "# Detectors",
        "",
        "Made from the rooms' own declarations by `graph_service/catalogue.py`; a test sees to it.",
        "Each row found is an indicator for a person to review, never a verdict. A provider is",
        "scored, never a client or a worker.",
        "",
        "| room | family | strength | claim |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| [{room.name}](#{room.name}) | {room.risk.family} | {room.strength} | {room.claim} |"
        for room in rooms
    ]
    for room in rooms:
        lines += _page(room)
    return "\n".join([*lines, ""])


def _page(room: Room) -> Iterator[str]:
    yield from ("", f"## {room.name}", "", f"*{room.title.sv}* · {room.title.en}", "")
    swedish = room.swedish
    for called, en, sv in (
        ("Claim", room.claim, swedish.claim),
        ("Silent on", room.silent_on, swedish.silent_on),
        ("Basis", room.basis, swedish.basis),
    ):
        yield from (f"**{called}.** {en}", "", f"*{sv}*", "")
    needed = "; ".join(" or ".join(any_of) for any_of in room.needs)
    yield f"**Who may act.** {', '.join(room.audience)}. **Needs.** {needed}."
    yield (
        f"**Risk.** Family {room.risk.family}, strength {room.strength}, weight "
        f"{room.risk.weight} for each finding, at most {room.risk.cap} counted."
    )
    yield from ("", "| threshold | value | unit | why |", "| --- | --- | --- | --- |")
    for name, threshold in room.thresholds.items():
        words = swedish.thresholds[name]
        unit, why = f"{words.unit} · {threshold.unit}", f"{words.why} · {threshold.why}"
        yield f"| `{name}` | {_cell(threshold.value)} | {unit} | {why} |"
    yield from ("", "| innocent story | told by | in words |", "| --- | --- | --- |")
    for cause in room.innocent:
        how = "tested" if cause.ask is None else f"ask: {cause.ask.sv} · {cause.ask.en}"
        yield f"| `{cause.name}` | {how} | {cause.story.sv} · {cause.story.en} |"
    if room.against:
        yield from ("", "| may speak against it | in words |", "| --- | --- |")
        for told in room.against:
            yield f"| `{told.name}` | {told.text.sv} · {told.text.en} |"


def _cell(value: Value) -> str:
    """A value in a table; a pattern as code, its bars kept from ending the cell."""
    return "`" + value.replace("|", "\\|") + "`" if isinstance(value, str) else str(value)

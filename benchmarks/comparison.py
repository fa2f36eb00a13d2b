"""Each detector beside the script that an analyst would write first, and their answers."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable

from benchmarks.analyst import billing, companies, contacts, frames, registers, visits
from benchmarks.analyst.frames import Answer, Tables
from benchmarks.detection import records, rooms
from benchmarks.timing import head, row
from benchmarks.town import LAST, Town
from graph_service.detector import Finding, detect

#: Each script, and whom its answers name beside the provider: the role of a subject.
SCRIPTS: dict[str, tuple[Callable[[Tables], Answer], str]] = {
    "billed_over_decision": (billing.billed_over_decision, "client"),
    "billed_without_decision": (billing.billed_without_decision, "client"),
    "clients_follow_worker": (visits.clients_follow_worker, "worker"),
    "hollow_company": (companies.hollow_company, "provider"),
    "login_on_two_devices": (contacts.login_on_two_devices, "shared"),
    "overlapping_visits": (visits.overlapping_visits, "worker"),
    "ownership_ring": (registers.ownership_ring, "provider"),
    "phoenix_company": (companies.phoenix_company, "other"),
    "shared_account": (registers.shared_account, "shared"),
    "shared_contact": (contacts.shared_contact, "shared"),
}


def measure(town: Town, asked: Namespace) -> None:
    """Print seconds, how many times faster we are (goal: 20), and whether the answers are equal.

    Reading the files is left out on both sides: the records stand loaded, the frames read.
    Ends in an error where an answer differs: one of the two is wrong.
    """
    tables = frames.read(town.files(asked.rows), LAST)
    head("detector", "detector, s", "script, s", "times", "answers", "ours alone", "theirs alone")
    differ = []
    with records(town, asked.rows) as engine:
        for room in rooms():
            if room.name not in SCRIPTS:
                continue
            script, role = SCRIPTS[room.name]
            begun = time.perf_counter()
            found = detect(engine, room, as_of=LAST)
            ours, begun = time.perf_counter() - begun, time.perf_counter()
            theirs = script(tables)
            taken = time.perf_counter() - begun
            answer = {pair for finding in found for pair in _pairs(finding, role)}
            differ += [room.name] * (answer != theirs)
            row(
                room.name,
                f"{ours:.2f}",
                f"{taken:.2f}",
                f"{taken / ours:.0f}",
                len(answer & theirs),
                len(answer - theirs),
                len(theirs - answer),
            )
    if differ:
        raise SystemExit(f"The answers differ in {', '.join(differ)}.")


def _pairs(finding: Finding, role: str) -> Answer:
    return {(finding.provider_id, who.id) for who in finding.subjects if who.role == role}

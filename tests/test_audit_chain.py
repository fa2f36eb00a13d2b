"""The log's chain: whatever is done to stored entries is found, and the entry named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_service.casework.audit.anchor import Anchor, AnchorFile
from graph_service.casework.audit.chain import GENESIS, Link, digest, holds, link
from graph_service.casework.audit.entry import Entry, Outcome
from graph_service.casework.audit.log import AuditLog
from graph_service.casework.audit.verification import MOST_FAULTS, Fault, Kind, verify
from graph_service.casework.database import Database
from tests.logs import BEGUN, Hand, entry, hand, verified, write

LENGTH = 40
#: Columns that hold text in every entry of these tests, or in some.
TEXTS = ("at", "user_id", "roles", "action", "outcome", "run_id", "what", "previous", "digest")


class Stored:
    """A log of forty entries in a file, and a hand in it."""

    def __init__(self, database: Database, folder: Path, reach: Hand) -> None:
        self.database = database
        self.folder = folder
        self.hand = reach

    def faults(self, *noted: Anchor) -> list[Fault]:
        """What is found, but for the guards, which the hand took away."""
        found = verify(self.database, AnchorFile(self.folder), noted).faults
        assert found[-1] == Fault(Kind.UNGUARDED)
        return list(found[:-1])


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    path, folder = tmp_path / "casework.sqlite", tmp_path / "audit"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    write(database, folder, [entry(number) for number in range(LENGTH)])
    assert verified(database, folder).holds
    with hand(path) as reach:
        yield Stored(database, folder, reach)
    database.close()


def test_a_thousand_changes_removals_and_swaps_are_found_and_named(stored: Stored) -> None:
    drawn = random.Random(20260302)
    for number in range(1000):
        act = drawn.choice([_change, _change_null, _change_status, _remove, _swap])
        expected = act(stored.hand, drawn)
        found = stored.faults()
        assert found and found[0] == expected, (number, act.__name__)
        stored.hand.restore()
    assert stored.faults() == []


def _change(reach: Hand, drawn: random.Random) -> Fault:
    """One byte of one text is another one; what comes out need not be text any more."""
    seq, column = drawn.randint(1, LENGTH), drawn.choice(TEXTS)
    raw = bytearray(getattr(reach.rows[seq], column).encode())
    place = drawn.randrange(len(raw))
    raw[place] ^= drawn.randint(1, 255)
    reach.change(seq, column, bytes(raw))
    return Fault(Kind.CHANGED, seq, seq)


def _change_null(reach: Hand, drawn: random.Random) -> Fault:
    """What was not told is told as nothing, or the other way round."""
    seq, column = drawn.randint(1, LENGTH), drawn.choice(["case_id", "purpose"])
    reach.change(seq, column, "" if getattr(reach.rows[seq], column) is None else None)
    return Fault(Kind.CHANGED, seq, seq)


def _change_status(reach: Hand, drawn: random.Random) -> Fault:
    seq = drawn.randint(1, LENGTH)
    reach.change(seq, "status", drawn.choice([None, 0, 201, 200.5, "200x", b"\xff"]))
    return Fault(Kind.CHANGED, seq, seq)


def _remove(reach: Hand, drawn: random.Random) -> Fault:
    """Some entries in a row are gone, at the start, within, or at the end."""
    first = drawn.randint(1, LENGTH)
    last = min(LENGTH, first + drawn.randint(0, 3))
    reach.remove(*range(first, last + 1))
    return Fault(Kind.CUT_OFF if last == LENGTH else Kind.REMOVED, first, last)


def _swap(reach: Hand, drawn: random.Random) -> Fault:
    one, other = sorted(drawn.sample(range(1, LENGTH + 1), 2))
    reach.swap(one, other)
    return Fault(Kind.REORDERED, one, one, belongs_at=other)


def test_of_a_swap_both_are_named_and_nothing_else(stored: Stored) -> None:
    stored.hand.swap(7, 30)
    assert stored.faults() == [
        Fault(Kind.REORDERED, 7, 7, belongs_at=30),
        Fault(Kind.REORDERED, 30, 30, belongs_at=7),
    ]


def test_of_several_changes_each_is_named_and_nothing_else(stored: Stored) -> None:
    for seq in (3, 4, 20):
        stored.hand.change(seq, "purpose", "something else")
    stored.hand.remove(10, 11)
    assert stored.faults() == [
        Fault(Kind.CHANGED, 3, 3),
        Fault(Kind.CHANGED, 4, 4),
        Fault(Kind.REMOVED, 10, 11),
        Fault(Kind.CHANGED, 20, 20),
    ]


def test_an_entry_whose_digest_was_made_anew_is_named_by_the_one_after_it(stored: Stored) -> None:
    stored.hand.put([_forged(stored.hand.rows[9], stored.hand.rows[9].previous)])
    assert stored.faults() == [Fault(Kind.CHANGED, 9, 9)]


def test_a_chain_made_anew_shows_against_the_anchor(stored: Stored) -> None:
    _forge_from(stored.hand, 9)
    assert stored.faults() == [Fault(Kind.REWRITTEN, LENGTH, LENGTH)]


def test_a_chain_made_anew_from_its_start_shows_against_the_anchor(stored: Stored) -> None:
    _forge_from(stored.hand, 1)
    assert stored.faults() == [Fault(Kind.REWRITTEN, LENGTH, LENGTH)]


def test_who_makes_the_anchor_anew_too_is_found_by_the_diary(stored: Stored) -> None:
    noted = Anchor(12, stored.hand.rows[12].digest)
    _forge_from(stored.hand, 9)
    end = _forge_from(stored.hand, 1)
    AnchorFile(stored.folder).renew(Anchor(end.seq, end.digest, end.at))
    assert stored.faults() == []
    assert stored.faults(noted) == [Fault(Kind.REWRITTEN, 12, 12)]


def test_a_tail_cut_off_with_its_anchor_is_found_by_the_diary(stored: Stored) -> None:
    noted = Anchor(LENGTH, stored.hand.rows[LENGTH].digest)
    stored.hand.remove(*range(21, LENGTH + 1))
    end = stored.hand.rows[20]
    AnchorFile(stored.folder).renew(Anchor(end.seq, end.digest, end.at))
    assert stored.faults() == []
    assert stored.faults(noted) == [Fault(Kind.CUT_OFF, 21, LENGTH)]


def test_entries_taken_out_with_the_rest_moved_up_are_found(stored: Stored) -> None:
    stored.hand.remove(5)
    for seq in range(6, LENGTH + 1):
        stored.hand.change(seq, "seq", seq - 1)
    found = stored.faults()
    assert found[0] == Fault(Kind.REORDERED, 5, 5, belongs_at=6)
    assert len(found) == MOST_FAULTS


def test_a_log_that_begins_in_the_middle_has_a_wrong_start(stored: Stored) -> None:
    """Entry 1 is another log's, whole in itself."""
    stored.hand.put([_forged(stored.hand.rows[1], "f" * 64)])
    assert stored.faults()[0] == Fault(Kind.START, 1, 1)


def test_an_entry_before_the_first_is_found(stored: Stored) -> None:
    stored.hand.put([stored.hand.rows[1]._replace(seq=0)])
    assert stored.faults()[0] == Fault(Kind.START, 0, 0)


def test_an_emptied_log_is_a_cut_off_tail(stored: Stored) -> None:
    stored.hand.remove(*range(1, LENGTH + 1))
    assert stored.faults() == [Fault(Kind.CUT_OFF, 1, LENGTH)]


def test_a_tail_that_was_cut_off_stays_found_however_the_log_goes_on(stored: Stored) -> None:
    stored.hand.remove(*range(LENGTH - 4, LENGTH + 1))
    assert stored.faults() == [Fault(Kind.CUT_OFF, LENGTH - 4, LENGTH)]
    write(stored.database, stored.folder, [entry(100 + number) for number in range(20)])
    assert stored.faults() == [Fault(Kind.REWRITTEN, LENGTH, LENGTH)]
    anchor = AnchorFile(stored.folder).read()
    assert anchor is not None and anchor.seq == LENGTH


def test_a_missing_anchor_is_told_and_not_made_anew_in_silence(stored: Stored) -> None:
    (stored.folder / "anchor").unlink()
    assert stored.faults() == [Fault(Kind.UNANCHORED)]
    write(stored.database, stored.folder, [entry(100)])
    assert stored.faults() == [Fault(Kind.UNANCHORED)]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"seq": "1", "digest": 2, "at": 3}', "\xe5"])
def test_a_file_that_is_no_anchor_is_told(text: str, stored: Stored) -> None:
    (stored.folder / "anchor").write_text(text, encoding="latin-1")
    assert stored.faults() == [Fault(Kind.UNANCHORED)]


def test_guards_that_were_taken_away_are_told(database: Database, tmp_path: Path) -> None:
    write(database, tmp_path, [entry()])
    assert verified(database, tmp_path).holds
    with database.engine.begin() as connection:
        on = "" if database.is_sqlite else " ON audit_entries"
        connection.exec_driver_sql(f"DROP TRIGGER audit_entries_no_update{on}")
    assert verified(database, tmp_path).faults == [Fault(Kind.UNGUARDED)]


def test_the_log_ahead_of_its_anchor_holds_and_says_so(database: Database, tmp_path: Path) -> None:
    """A process was killed after a transaction and before the anchor followed."""
    write(database, tmp_path, [entry(number) for number in range(5)])
    behind = AnchorFile(tmp_path).read()
    write(database, tmp_path, [entry(number) for number in range(5, 8)])
    assert behind is not None
    AnchorFile(tmp_path).renew(behind)
    found = verified(database, tmp_path)
    assert (found.holds, found.entries, found.ahead) == (True, 8, 3)
    write(database, tmp_path, [entry(9)])
    assert verified(database, tmp_path).ahead == 0


def test_an_empty_log_holds(database: Database, tmp_path: Path) -> None:
    with AuditLog(database, tmp_path):
        pass
    found = verified(database, tmp_path)
    assert (found.holds, found.entries, found.anchor) == (True, 0, Anchor(0, GENESIS))


def _forged(stored: Link, previous: str) -> Link:
    """An entry about somebody else, with a digest that is right."""
    other = stored._replace(user_id="user:other", previous=previous)
    return other._replace(digest=digest(other))


def _forge_from(reach: Hand, seq: int) -> Link:
    """The chain from an entry on, made anew; its last link."""
    rows = list(reach.rows.values())
    before = GENESIS if seq == 1 else rows[seq - 2].digest
    for number in range(seq - 1, len(rows)):
        forged = _forged(rows[number], before)
        reach.put([forged])
        before = forged.digest
    return forged


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6)
ENTRIES = st.builds(
    Entry,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    user_id=TEXT,
    roles=st.lists(TEXT, max_size=3).map(tuple),
    action=TEXT,
    outcome=st.sampled_from(Outcome),
    what=st.lists(TEXT, max_size=3).map(tuple),
    case_id=st.none() | TEXT,
    purpose=st.none() | TEXT,
    run_id=st.none() | TEXT,
    status=st.none() | st.integers(100, 599),
)
PREVIOUS = st.sampled_from([GENESIS, "a" * 64])
PLACES = st.integers(1, 10**12)


@given(ENTRIES, ENTRIES, PLACES, PLACES, PREVIOUS, PREVIOUS)
def test_two_entries_have_one_digest_only_if_they_are_the_same(
    one: Entry, other: Entry, place: int, other_place: int, before: str, other_before: str
) -> None:
    same = (one, place, before) == (other, other_place, other_before)
    assert (
        link(one, place, before).digest == link(other, other_place, other_before).digest
    ) == same


@given(ENTRIES, PLACES, PREVIOUS, st.sampled_from(Link._fields[:-1]), st.data())
def test_every_column_is_in_the_digest(
    one: Entry, place: int, before: str, column: str, data: st.DataObject
) -> None:
    made = link(one, place, before)
    assert holds(made)
    value = data.draw(st.none() | st.integers() | TEXT | st.floats() | st.binary(max_size=3))
    changed = made._replace(**{column: value})
    assert holds(changed) == (
        type(value) is type(getattr(made, column)) and value == getattr(made, column)
    )


@pytest.mark.parametrize("hours", [-11, 0, 2, 14])
def test_a_moment_is_one_whatever_its_zone(hours: int) -> None:
    local = BEGUN.astimezone(timezone(timedelta(hours=hours)))
    assert link(entry(at=local), 1, GENESIS) == link(entry(at=BEGUN), 1, GENESIS)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        link(entry(at=datetime(2026, 3, 2)), 1, GENESIS)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\udcff", "ok"])
def test_any_text_can_be_stored_and_read_back_as_it_was_chained(
    text: str, database: Database, tmp_path: Path
) -> None:
    """NUL, which PostgreSQL refuses, and halves of characters stand as replacement characters."""
    told: dict[str, Any] = {"purpose": text, "what": (text,), "case_id": text, "user_id": text}
    write(database, tmp_path, [entry(**told), entry(1)])
    assert verified(database, tmp_path).holds

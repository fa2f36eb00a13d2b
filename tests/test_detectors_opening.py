"""A room whose parts do not fit cannot be opened, and the refusal says the cure."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

import queries
from graph_service import opening
from graph_service.errors import DeclarationError
from graph_service.opening import digest, open_room, open_rooms, words_of_guilt
from graph_service.room import Override

GOOD = Path(queries.__file__).parent / "overlapping_visits"
REFINED = Path(queries.__file__).parent / "clients_follow_worker"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return shutil.copytree(GOOD, tmp_path / GOOD.name)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "detector.toml",
            'name = "overlapping_visits"',
            'name = "other"',
            "name is not the folder's",
        ),
        ("detector.toml", 'strength = "hard"', 'strength = "certain"', "strength must be one of"),
        ("detector.toml", 'family = "identity"', 'family = "visits"', "family must be one of"),
        ("detector.toml", "weight = 0.7", "weight = 1.0", "between 0 and 1"),
        ("detector.toml", 'basis = "', 'reason = "', "basis is missing"),
        ("detector.toml", 'needs = [["visits"]]', "needs = []", "needs is empty"),
        ("detector.toml", 'case = "double_staffing"', "", "exactly one of case and ask"),
        ("detector.toml", 'unit = "s", why', 'unit = "s", because', "thresholds.tolerance_s"),
        ("detector.toml", 'sv = "Indikation:', 'sv = "Bedrägeri:', "word of guilt"),
        ("detector.toml", "title = { sv", "title = { no", "title must be a table of sv, en"),
        ("detector.toml", "[risk]", "[risk", "is no TOML"),
        ("swedish.toml", 'basis = "', 'reason = "', "swedish.toml must be a table of claim"),
        ("swedish.toml", "claim =", "# claim =", "swedish.toml lacks one of claim"),
        ("swedish.toml", 'silent_on = "Vem', 'silent_on = " "\n# "', "a silent_on is empty"),
        ("swedish.toml", 'unit = "meter"', 'unit = ""', "a unit is empty; say it in Swedish"),
        ("swedish.toml", "stay_days = ", "# stay_days = ", "lacks threshold stay_days"),
        ("swedish.toml", "stay_days = ", "stay_weeks = ", "lacks threshold stay_days"),
        (
            "swedish.toml",
            "stay_days = ",
            'stay_weeks = { unit = "v", why = "v" }\nstay_days = ',
            "swedish.toml tells of stay_weeks, which is no threshold",
        ),
        (
            "swedish.toml",
            'unit = "meter", why',
            'unit = "meter", because',
            "thresholds.same_building_m",
        ),
        ("swedish.toml", "[thresholds]", "[thresholds", "swedish.toml is no TOML"),
        ("swedish.toml", 'claim = "Två', 'claim = "Fuskare: två', "'Fuskare' is a word of guilt"),
        ("swedish.toml", 'unit = "meter"', 'unit = "brott"', "'brott' is a word of guilt"),
        ("find.sql", "$stay_share", "0.25", "threshold stay_share is used by no query"),
        ("find.sql", "$same_building_m", "$metres", "find.sql asks for $metres"),
        ("find.sql", "-- One row", "/* One row */ -- ", "two comment lines"),
    ],
)
def test_one_fault_is_refused_in_one_sentence(
    room: Path, file: str, old: str, new: str, said: str
) -> None:
    path = room / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DeclarationError) as refusal:
        open_room(room)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("Room overlapping_visits: ")


def test_a_missing_query_is_refused(room: Path) -> None:
    (room / "find.sql").unlink()
    with pytest.raises(DeclarationError, match=r"find\.sql is missing"):
        open_room(room)


def test_a_room_that_does_not_speak_swedish_is_refused(room: Path) -> None:
    (room / "swedish.toml").unlink()
    with pytest.raises(DeclarationError, match=r"swedish\.toml is missing"):
        open_room(room)


def test_thresholds_in_swedish_are_a_table(room: Path) -> None:
    path = room / "swedish.toml"
    text = path.read_text(encoding="utf-8").partition("[thresholds]")[0]
    path.write_text(f'{text}thresholds = "dagar"\n', encoding="utf-8")
    with pytest.raises(DeclarationError, match="thresholds must be a table"):
        open_room(room)


def test_a_refinement_without_its_function_is_refused(tmp_path: Path) -> None:
    room = shutil.copytree(REFINED, tmp_path / REFINED.name)
    path = room / "refine.py"
    path.write_text(path.read_text(encoding="utf-8").replace("def refine(", "def other("))
    with pytest.raises(DeclarationError, match="defines no refine"):
        open_room(room)
    assert open_rooms(REFINED.parent)


def test_the_digest_covers_each_file(room: Path) -> None:
    before = open_room(room).digest
    assert before == open_room(GOOD).digest
    for name in ("detector.toml", "swedish.toml", "find.sql", "cases.toml"):
        path = room / name
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}\n", encoding="utf-8")
        assert open_room(room).digest != before
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "as_of.py",
        "detector.py",
        "network.py",
        "room.py",
        "statistics.py",
        "engines/identity.sql",
        "engines/stockholm.sql",
        "graph/declaration.py",
        "graph/derive.py",
        "graph/owns.sql",
    ],
)
def test_the_digest_covers_what_all_rooms_stand_on(tmp_path: Path, name: str) -> None:
    ground = shutil.copytree(Path(opening.__file__).parent, tmp_path / "graph_service")
    assert digest(GOOD, ground) == open_room(GOOD).digest
    with (ground / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert digest(GOOD, ground) != open_room(GOOD).digest


def test_an_override_holds_from_its_date() -> None:
    room = open_room(GOOD)
    own = {"tolerance_s": Override(600, "older phones", date(2025, 6, 1))}
    assert room.in_force(own, date(2025, 5, 31))["tolerance_s"] == 300
    assert room.in_force(own, date(2025, 6, 1))["tolerance_s"] == 600


@pytest.mark.parametrize("text", ["a fraud", "Bedrägeriet", "GUILTY", "ett brott", "skyldig"])
def test_words_of_guilt_are_seen(text: str) -> None:
    assert words_of_guilt(text)


@pytest.mark.parametrize("text", ["indikation", "avvikelse", "uppslag", "ring broken", "avbrott"])
def test_words_of_suspicion_are_not(text: str) -> None:
    assert words_of_guilt(text) == []

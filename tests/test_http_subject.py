"""A person's own data over HTTP and at the terminal: who may ask, what is logged, what is sent."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from click.testing import CliRunner, Result

from api.cli import app
from graph_service.casework.audit.reading import Numbered, Wanted, newest_first
from tests.house import person
from tests.http_service import (
    CLIENTS,
    HIDDEN_WORKER,
    NORTH,
    WORKERS,
    Served,
    secrets_of,
    serving,
)

CLIENT, WORKER, STRANGER = CLIENTS[0], WORKERS[0], person(99)
PATH = "/v1/subject-exports"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("subject")) as found:
        yield found


def ask(served: Served, number: str, **given: object) -> httpx.Response:
    return served.client("lawyer").post(
        PATH,
        content=json.dumps({"person": number, **given}),
        headers={"Content-Type": "application/json"},
    )


def texts(data: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def last_entry(served: Served, action: str) -> Numbered:
    with served.service.database.reading() as session:
        return newest_first(session, Wanted(action=action), limit=1)[0]


def test_a_lawyer_is_given_the_file_and_the_log_tells_of_whom(served: Served) -> None:
    answer = ask(served, CLIENT)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert CLIENT not in str(answer.headers) and CLIENT not in str(answer.url)
    files = texts(answer.content)
    assert all(secret in "".join(files.values()) for secret in secrets_of(CLIENT))
    entry = last_entry(served, "subjects.export").entry
    assert entry.what == (f"person:{served.ref('person', CLIENT)}",)
    assert list((served.house.home.path / "spill").iterdir()) == [], "nothing of it stays"


def test_a_reference_does_as_well_as_a_number(served: Served) -> None:
    by_number, by_reference = (
        texts(ask(served, each).content) for each in (CLIENT, served.ref("person", CLIENT))
    )
    assert by_number["tabeller/visits.csv"] == by_reference["tabeller/visits.csv"]


def test_every_unit_is_in_it_and_who_sees_some_only_is_refused(served: Served) -> None:
    lawyer = served.client("lawyer", units=[NORTH])
    assert lawyer.post(PATH, json={"person": CLIENT}).status_code == 403


def test_the_protected_are_not_given_over_http_by_one_alone(served: Served) -> None:
    answer = ask(served, HIDDEN_WORKER)
    assert answer.status_code == 403
    assert not any(secret in answer.text for secret in secrets_of(HIDDEN_WORKER))
    assert last_entry(served, "subjects.export").entry.outcome == "refused"


def test_findings_need_a_ground_which_is_logged(served: Served) -> None:
    assert ask(served, WORKER, with_findings=True).status_code == 422
    assert ask(served, WORKER, legal_ground="OSL").status_code == 422
    with_number = ask(served, WORKER, with_findings=True, legal_ground=f"Begäran {CLIENT}")
    assert with_number.status_code == 422 and CLIENT not in with_number.text
    answer = ask(served, WORKER, with_findings=True, legal_ground="OSL 10 kap. 3 §")
    contents = json.loads(texts(answer.content)["uppgifter.json"])
    assert {each["detector"] for each in contents["findings"]} >= {"overlapping_visits"}
    assert last_entry(served, "subjects.export").entry.purpose == "OSL 10 kap. 3 §"


@pytest.mark.parametrize(
    "wrong",
    ["", "hej", CLIENT[2:], CLIENT[:-1] + "x", "person-" + "a" * 26, "skola:\x00", "skola:\ud800"],
    ids=ascii,
)
def test_what_names_nobody_is_refused_without_being_repeated(served: Served, wrong: str) -> None:
    answer = ask(served, wrong)
    assert answer.status_code in {404, 422}
    assert not wrong or wrong not in answer.text


# -- the terminal ---------------------------------------------------------------------------


def at_terminal(served: Served, *arguments: str, given: str | None = None) -> Result:
    home = str(served.house.home.path)
    return CliRunner().invoke(app, ["export-subject", *arguments, "--home", home], input=given)


def test_the_terminal_reads_the_number_from_standard_input(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "utdrag.zip"
    done = at_terminal(served, "-", "--out", str(out), given=f"{HIDDEN_WORKER}\n")
    assert done.exit_code == 0 and HIDDEN_WORKER not in done.output
    assert out.stat().st_mode & 0o777 == 0o600
    found = "".join(texts(out.read_bytes()).values())
    assert all(secret in found for secret in secrets_of(HIDDEN_WORKER)), "in clear for oneself"
    entry = last_entry(served, "cli.export-subject").entry
    assert entry.what == (f"person:{served.ref('person', HIDDEN_WORKER)}",)


def test_nothing_held_ends_well_and_says_so(served: Served, tmp_path: Path) -> None:
    done = at_terminal(served, STRANGER, "--out", str(tmp_path / "a.zip"), "--language", "en")
    assert done.exit_code == 0 and "Nothing is held" in done.output


def test_a_file_is_not_replaced_and_a_refusal_leaves_none(served: Served, tmp_path: Path) -> None:
    there = tmp_path / "there.zip"
    there.write_text("kept")
    assert at_terminal(served, CLIENT, "--out", str(there)).exit_code != 0
    assert there.read_text() == "kept"
    for arguments in (("hej",), (CLIENT, "--with-findings"), (CLIENT[2:],)):
        out = tmp_path / "none.zip"
        refused = at_terminal(served, *arguments, "--out", str(out))
        assert refused.exit_code != 0 and not out.exists()
        assert CLIENT not in str(refused.exception)

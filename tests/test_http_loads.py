"""Files over HTTP: the same receipts and rejects as the terminal's, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import Refusal
from api.http.upload import Upload, file_name
from graph_service.errors import UsageError
from graph_service.lake import Lake
from loaders import reject_file
from tests.house import csv_text, organisation, person, row
from tests.test_http_service import Here, here


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with here(tmp_path_factory.mktemp("loads")) as made:
        yield made


@pytest.fixture(scope="module")
def reviewer(town: Here) -> httpx.Client:
    return town.client("reviewer")


def _organisations(n: int, *, wrong: int = 0) -> str:
    rows = [row("organisations", org_id=organisation(i), name=f"Firma {n}") for i in range(n)]
    return csv_text(rows + [row("organisations", org_id=f"x{i}") for i in range(wrong)])


def _send(asked: httpx.Client, *files: tuple[str, str | bytes], **fields: str) -> httpx.Response:
    parts = [("files", (name, data)) for name, data in files]
    return asked.post("/v1/loads", files=parts, data=fields, timeout=60)


def _all(asked: httpx.Client, path: str, limit: int) -> list[dict[str, Any]]:
    items, cursor = [], None
    while True:
        choice = {"limit": limit, **({} if cursor is None else {"cursor": cursor})}
        page = asked.get(path, params=choice).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if (cursor := page["next"]) is None:
            return items


def _left_behind(town: Here) -> list[Path]:
    return list((town.service.home.path / "spill").iterdir())


def test_a_file_is_loaded_and_its_receipt_is_that_of_the_lake(
    town: Here, reviewer: httpx.Client
) -> None:
    answer = _send(reviewer, ("organisations.csv", _organisations(5, wrong=2)))
    assert answer.status_code == 201
    told = answer.json()
    (receipt,) = told["receipts"]
    assert (receipt["read"], receipt["stored"], receipt["rejected"]) == (7, 5, 2)
    stored = [each for each in Lake(town.service.home).receipts() if each.batch == told["batch"]]
    assert told["receipts"] == [each.as_json() for each in stored]
    assert answer.headers["location"] == f"/v1/loads/{told['batch']}"
    batch = reviewer.get(answer.headers["location"]).json()
    assert batch["items"] == told["receipts"] and batch["withdrawn_at"] is None
    assert not _left_behind(town)


def test_the_same_bytes_again_are_duplicates(reviewer: httpx.Client) -> None:
    text = _organisations(9, wrong=1)
    _send(reviewer, ("organisations.csv", text))
    (again,) = _send(reviewer, ("organisations.csv", text)).json()["receipts"]
    assert (again["read"], again["duplicates"], again["rejected"]) == (10, 9, 1)


def test_several_files_are_one_batch_in_the_order_they_came(reviewer: httpx.Client) -> None:
    persons = csv_text([row("persons", person_id=person(40), given_name="A")])
    files = (
        ("persons.csv", persons),
        ("organisations.csv", _organisations(3)),
        ("persons.csv", persons + f"{person(41)},B\n"),
    )
    told = _send(reviewer, *files).json()
    assert [each["file"] for each in told["receipts"]] == [name for name, _ in files]
    assert {each["batch"] for each in told["receipts"]} == {told["batch"]}


def test_a_named_room_reads_the_file_and_an_unknown_one_is_refused(reviewer: httpx.Client) -> None:
    assert (
        _send(reviewer, ("organisations.csv", _organisations(2)), source="canonical").status_code
        == 201
    )
    refused = _send(reviewer, ("organisations.csv", _organisations(2)), source="nowhere")
    assert refused.status_code == 422 and "canonical" in refused.json()["detail"]


def test_where_no_file_can_be_read_the_problem_holds_the_receipts(
    town: Here, reviewer: httpx.Client
) -> None:
    answer = _send(reviewer, ("visits.csv", b"\0\0\0"), ("odd.bin", b""))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()["receipts"]
    assert len(told) == 2 and all(each["refused"] for each in told)
    found = _all(reviewer, f"{answer.headers['location']}/rejects", 1)
    assert [each["code"] for each in found] == [each["refused"] for each in told]
    assert all(each["row"] is None and each["cure"]["sv"] for each in found)
    assert not _left_behind(town)


def test_a_file_that_is_refused_does_not_hold_up_the_others(reviewer: httpx.Client) -> None:
    answer = _send(reviewer, ("visits.csv", b""), ("organisations.csv", _organisations(1)))
    assert answer.status_code == 201
    assert [bool(each["refused"]) for each in answer.json()["receipts"]] == [True, False]


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_hold_each_receipt_and_each_reject_once(
    town: Here, reviewer: httpx.Client, limit: int
) -> None:
    files = (
        ("organisations.csv", _organisations(1, wrong=3)),
        ("visits.csv", b"\0"),
        ("persons.csv", csv_text([row("persons", person_id="1"), row("persons", person_id="2")])),
    )
    batch = _send(reviewer, *files).json()["batch"]
    home = town.service.home
    rejects = list(reject_file.listing(home, batch))
    assert len(rejects) == 3 + 1 + 2
    assert _all(reviewer, f"/v1/loads/{batch}/rejects", limit) == rejects
    receipts = [each.as_json() for each in Lake(home).receipts()]
    assert _all(reviewer, f"/v1/loads/{batch}", limit) == receipts[-3:]
    newest_first = _all(reviewer, "/v1/loads", limit)
    assert sorted(newest_first, key=str) == sorted(receipts, key=str)
    assert [each["batch"] for each in newest_first] == [each["batch"] for each in receipts][::-1]


def test_no_reject_holds_a_value(reviewer: httpx.Client) -> None:
    text = csv_text([row("persons", person_id="19900230238X", phone="hemligt")])
    batch = _send(reviewer, ("persons.csv", text)).json()["batch"]
    answer = reviewer.get(f"/v1/loads/{batch}/rejects").text
    assert "bad_identifier" in answer
    assert "19900230238X" not in answer and "hemligt" not in answer


def test_who_may_load_and_who_may_look(town: Here, reviewer: httpx.Client) -> None:
    batch = _send(reviewer, ("organisations.csv", _organisations(1))).json()["batch"]
    auditor, lawyer = town.client("auditor"), town.client("lawyer")
    assert auditor.get(f"/v1/loads/{batch}").status_code == 200
    assert auditor.get(f"/v1/loads/{batch}/rejects").status_code == 403
    before = len(Lake(town.service.home).receipts())
    for asked in (auditor, lawyer, town.client()):
        refused = _send(asked, ("organisations.csv", _organisations(1)))
        assert refused.status_code in (401, 403)
    assert len(Lake(town.service.home).receipts()) == before
    assert not _left_behind(town)


@pytest.mark.parametrize("path", ["/v1/loads/20990101T000000000000Z", "/v1/loads/x/rejects"])
def test_a_batch_that_is_not_there_is_not_found(reviewer: httpx.Client, path: str) -> None:
    assert reviewer.get(path).status_code == 404


def test_a_form_that_is_none_is_refused_and_nothing_is_stored(
    town: Here, reviewer: httpx.Client
) -> None:
    before = Lake(town.service.home).receipts()
    whole = httpx.Request("POST", "http://x", files={"files": ("persons.csv", b"person_id\n")})
    body, kind = whole.read(), whole.headers["content-type"]
    answers = [
        reviewer.post("/v1/loads", json={"files": []}),
        reviewer.post("/v1/loads"),
        reviewer.post("/v1/loads", files={"files": (None, b"x")}),
        reviewer.post("/v1/loads", content=body[:-8], headers={"Content-Type": kind}),
        reviewer.post("/v1/loads", content=b"--no\r\n" + body, headers={"Content-Type": kind}),
    ]
    assert [answer.status_code for answer in answers] == [415, 415, 422, 422, 422]
    assert Lake(town.service.home).receipts() == before
    assert not _left_behind(town)


def test_an_upload_beyond_its_limit_is_refused(tmp_path: Path) -> None:
    with here(tmp_path, upload_bytes=3 << 20) as made:
        asked = made.client("reviewer")
        fits = _send(asked, ("organisations.csv", _organisations(1).ljust(2 << 20, "\n")))
        assert fits.status_code == 201  # beyond what any other body may take
        assert _send(asked, ("organisations.csv", b"\n" * (3 << 20))).status_code == 413
        assert not _left_behind(made)


def test_a_load_waits_for_another_one_and_says_when_it_cannot(tmp_path: Path) -> None:
    with here(tmp_path, time_limit_seconds=1) as made:
        asked, home = made.client("reviewer"), made.service.home
        with home.writing("load"):
            refused = _send(asked, ("organisations.csv", _organisations(1)))
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) > 0
        assert not Lake(home).receipts() and not _left_behind(made)
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with home.writing("load"):
                held.set()
                release.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(30)
        threading.Timer(0.3, release.set).start()
        assert _send(asked, ("organisations.csv", _organisations(1))).status_code == 201
        holder.join()


def test_loads_at_once_are_each_whole(town: Here, reviewer: httpx.Client) -> None:
    texts = [csv_text([row("tips", tip_id=f"tip-{n}-{i}") for i in range(n)]) for n in range(1, 5)]

    async def all_at_once() -> list[httpx.Response]:
        base, headers = reviewer.base_url, reviewer.headers
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as asked:
            sent = (asked.post("/v1/loads", files={"files": ("tips.csv", t)}) for t in texts)
            return await asyncio.gather(*sent)

    answers = asyncio.run(all_at_once())
    told = [answer.json()["receipts"][0] for answer in answers]
    assert [(each["stored"], each["rejected"]) for each in told] == [(n, 0) for n in range(1, 5)]
    assert len({each["batch"] for each in told}) == 4


# -- the form itself -------------------------------------------------------------------------

NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\0'), min_size=1, max_size=40)


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=300)), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["source", "other"]), st.text("abc å", max_size=9)),
    st.data(),
)
def test_each_byte_of_each_part_arrives_however_the_request_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[str, bytes]],
    fields: dict[str, str],
    data: st.DataObject,
) -> None:
    parts = [("files", (name, content)) for name, content in files]
    sent = httpx.Request("POST", "http://x", files=parts, data=fields)
    body = sent.read()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    upload = Upload(sent.headers["content-type"], tmp_path_factory.mktemp("form"))
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        upload.write(body[start:end])
    upload.end()
    upload.close()
    assert [path.read_bytes() for path in upload.files] == [content for _, content in files]
    assert upload.fields == fields
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in upload.files)


@given(st.binary(max_size=300))
def test_a_file_never_leaves_its_folder(sent: bytes) -> None:
    name = file_name(sent)
    assert name not in ("", ".", "..") and "/" not in name and "\0" not in name
    assert not name.startswith(".") and len(name.encode()) <= 255


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"visits.csv", "visits.csv"),
        (b"C:\\Export\\visits.csv", "visits.csv"),
        (b"../../etc/passwd", "passwd"),
        ("besök.csv".encode(), "besök.csv"),
        (b"..", "file"),
        (b".csv", "csv"),
        (b"a" * 400 + b".csv", "a" * 120 + ".csv"),
    ],
)
def test_a_file_keeps_the_last_part_of_its_name(sent: bytes, kept: str) -> None:
    assert file_name(sent) == kept


def test_a_form_with_too_much_in_it_is_refused(tmp_path: Path) -> None:
    def body(parts: list[tuple[str, Any]]) -> tuple[str, bytes]:
        sent = httpx.Request("POST", "http://x", files=parts)
        return sent.headers["content-type"], sent.read()

    for parts in ([("x", (None, "y" * 2000))], [("x", (None, "y"))] * 1001):
        kind, content = body(parts)
        with pytest.raises(UsageError):
            Upload(kind, tmp_path).write(content)
    with pytest.raises(Refusal):
        Upload("application/json", tmp_path)


def test_whoever_leaves_in_the_middle_leaves_nothing(town: Here, reviewer: httpx.Client) -> None:
    whole = httpx.Request("POST", "http://x", files={"files": ("persons.csv", b"x" * 200_000)})
    content = whole.read()
    before = Lake(town.service.home).receipts()

    async def leave() -> None:
        async def half() -> AsyncIterator[bytes]:
            yield content[:100_000]
            raise ConnectionAbortedError

        headers = {**reviewer.headers, "Content-Type": whole.headers["content-type"]}
        async with httpx.AsyncClient(base_url=reviewer.base_url) as asked:
            with pytest.raises(ConnectionAbortedError):
                await asked.post("/v1/loads", content=half(), headers=headers)

    asyncio.run(leave())
    assert reviewer.get("/health").status_code == 200
    for _ in range(200):
        if not _left_behind(town):
            break
        threading.Event().wait(0.02)
    assert not _left_behind(town) and Lake(town.service.home).receipts() == before

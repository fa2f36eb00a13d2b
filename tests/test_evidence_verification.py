"""`graph-service verify`: what holds in one screen, offline, leaving nothing behind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from api.cli import main
from graph_service.errors import UsageError
from graph_service.evidence import package
from graph_service.evidence.bag import sealing as bag
from graph_service.evidence.bag.signature import Signer
from graph_service.evidence.verification.checks import verify
from graph_service.evidence.verification.fault import FaultKind
from graph_service.evidence.verification.unpacking import opened
from graph_service.texts import keys
from tests.evidence_bag import entry, manifest, parts, sealed, sign, signer, zipped

ROOT = Path(__file__).parents[1]
#: Nothing but this program: no home, no network, and no other process.
_ALONE = """
import sys
forbidden = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system")
def refuse(event, words):
    if event in forbidden:
        raise RuntimeError(f"verify asked for {event}")
sys.addaudithook(refuse)
from api.cli import main
main()
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("municipality"))


@pytest.fixture
def root(tmp_path: Path, own: Signer) -> Path:
    return sealed(tmp_path, own)


@pytest.fixture
def packed(root: Path, tmp_path: Path) -> Path:
    bag.pack(root, tmp_path / "package.zip")
    return tmp_path / "package.zip"


def alone(folder: Path, *words: str) -> tuple[int, str, str]:
    """The command on a machine that has the package and the program: exit code, output, errors."""
    work, temporary = folder / "work", folder / "temporary"
    for each in (work, temporary):
        each.mkdir(exist_ok=True)
    ran = subprocess.run(
        [sys.executable, "-c", _ALONE, *words],
        cwd=work,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [*work.iterdir(), *temporary.iterdir()] == [], "something was left behind"
    return ran.returncode, ran.stdout, ran.stderr


def said(*words: str, language: str = "en") -> tuple[int, str, str]:
    """The command in this process: exit code, output, errors."""
    out, err = io.StringIO(), io.StringIO()
    line = ["graph-service", "verify", *words, "--language", language]
    with (
        mock.patch.object(sys, "argv", line),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def named(faults: Any) -> set[tuple[str, str]]:
    return {(each.kind.value, each.file) for each in faults}


def test_it_holds_as_a_zip_as_its_folder_and_as_the_folder_around(
    packed: Path, root: Path, tmp_path: Path, own: Signer
) -> None:
    for path in (packed, root, tmp_path):
        found = verify(path, (), key=own.fingerprint)
        assert found.holds and found.faults == () and found.key_expected
        assert found.fingerprint == own.fingerprint and found.stamp is None
        assert found.files == len(parts(root)) and found.bytes == sum(
            map(len, parts(root).values())
        )
        assert found.about["External-Identifier"].startswith("case-")


def test_verifying_a_folder_changes_nothing_in_it(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert verify(root, ()).holds
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_every_fault_is_named_not_the_first_alone(root: Path, own: Signer) -> None:
    visits = root / package.ROWS / "visits.csv"
    visits.write_bytes(visits.read_bytes()[:-1])
    (root / package.CUSTODY).unlink()
    (root / "data" / "more.csv").write_bytes(b"a\n")
    (root / package.README).write_bytes(b"Trust me.\n")
    (root / package.TAG_MANIFEST_SIGNATURE).write_bytes(bytes(64))
    found = verify(root, (), key="0000-" * 15 + "0000")
    assert named(found.faults) == {
        ("changed", f"{package.ROWS}/visits.csv"),
        ("missing", package.CUSTODY),
        ("added", "data/more.csv"),
        ("changed", package.README),
        ("not_signed", package.TAG_MANIFEST_SIGNATURE),
        ("other_key", package.PUBLIC_KEY),
    }


def test_a_link_in_a_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes((root / package.RUN).read_bytes())
    (root / package.RUN).unlink()
    (root / package.RUN).symlink_to(secret)
    os.mkfifo(root / "data" / "pipe")
    assert named(verify(root, ()).faults) >= {("unsafe", package.RUN), ("unsafe", "data/pipe")}


@pytest.mark.parametrize(
    "line",
    [
        "0" * 64 + "  ../outside.txt",
        "0" * 64 + "  /etc/hostname",
        "0" * 64 + "  README.txt",
        "0" * 64 + " *data/run.json",
        "0" * 64 + "  data/run.json",
        "0" * 63 + "  data/run.json",
        "data/run.json",
        "",
        "\ufeff",
    ],
)
def test_a_manifest_is_read_as_it_is_written_and_in_no_other_way(
    root: Path, own: Signer, line: str
) -> None:
    """Whoever has the key may not lead a reader out of the bag either."""
    given = parts(root)
    given[package.MANIFEST] += f"{line}\n".encode()
    sign(given, own)
    for name, content in given.items():
        (root / name).write_bytes(content)
    assert ("unreadable", package.MANIFEST) in named(verify(root, ()).faults)


def test_what_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry("evidence/data/bomb.csv"), bytes(30 << 20), zipfile.ZIP_DEFLATED)
    path = tmp_path / "bomb.zip"
    path.write_bytes(made.getvalue())
    with opened(path) as unpacked:
        assert [each.kind for each in unpacked.faults] == [FaultKind.TOO_LARGE]
        assert list(unpacked.root.rglob("*")) == []


def test_an_entry_gives_no_more_than_it_says(tmp_path: Path) -> None:
    """A header that tells a smaller size than what comes out."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry("evidence/data/bomb.csv"), bytes(1 << 20), zipfile.ZIP_DEFLATED)
    content = made.getvalue().replace((1 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    path = tmp_path / "lies.zip"
    path.write_bytes(content)
    with opened(path) as unpacked:
        assert [(each.kind, each.file) for each in unpacked.faults] == [
            (FaultKind.CHANGED, "data/bomb.csv")
        ]
        assert not (unpacked.root / "data/bomb.csv").exists()


def test_a_file_that_is_another_entrys_folder_is_named(tmp_path: Path) -> None:
    for names in (["data/a", "data/a/b"], ["data/a/b", "data/a"]):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name in names:
                archive.writestr(entry(f"{package.ROOT}/{name}"), b"a\n")
        path = tmp_path / "both.zip"
        path.write_bytes(made.getvalue())
        with opened(path) as unpacked:
            assert named(unpacked.faults) == {("twice", names[1])}


def test_what_was_unpacked_is_gone_however_it_ends(packed: Path) -> None:
    """Ctrl-C among it."""
    with pytest.raises(KeyboardInterrupt), opened(packed) as unpacked:
        assert (unpacked.root / package.RUN).exists()
        raise KeyboardInterrupt
    assert not unpacked.root.parent.exists()


def test_it_is_unpacked_where_it_is_told_to_be(packed: Path, tmp_path: Path) -> None:
    """A server keeps personal data within the home, not where everybody's temporary files are."""
    spill = tmp_path / "spill"
    spill.mkdir()
    with opened(packed, spill) as unpacked:
        assert unpacked.root.is_relative_to(spill)
    assert verify(packed, (), spill=spill).holds and [*spill.iterdir()] == []


@pytest.mark.parametrize("content", [b"", b"PDF", b"PK", zipped({}), b"\0" * 1000])
def test_what_is_no_package_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    if content == b"PK":
        assert named(verify(path, ()).faults) == {("damaged", "other.zip")}
    else:
        with pytest.raises(UsageError, match="no package of evidence"):
            verify(path, ())


def test_a_zip_or_a_folder_of_something_else_is_no_package(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hej")
    for other in (path, tmp_path):
        with pytest.raises(UsageError, match="no package of evidence"):
            verify(other, ())
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.zip", "pipe"):
        with pytest.raises(UsageError, match="cannot be read"):
            verify(tmp_path / name, ())


def test_what_may_not_be_read_is_said(root: Path) -> None:
    """Of a file that somebody else owns; told to us, since tests may run as who reads all."""
    refused = mock.patch.object(bag, "hashed", side_effect=PermissionError(13, "Permission denied"))
    with refused, pytest.raises(UsageError, match="Permission denied"):
        verify(root, ())


def test_each_kind_of_fault_has_a_text() -> None:
    assert set(keys("verify_fault")) == {kind.value for kind in FaultKind}


# -- the terminal -----------------------------------------------------------------------------


def test_the_screen_says_what_holds(packed: Path, tmp_path: Path, own: Signer) -> None:
    code, out, err = alone(tmp_path, "verify", str(packed), "--language", "en")
    assert (code, err) == (0, "")
    assert out.startswith("THE PACKAGE HOLDS, if the key below is the municipality's\n")
    assert len(out.splitlines()) < 24
    assert own.fingerprint in out and "in another way" in out and "No time stamp" in out
    _, swedish, _ = said(str(packed), language="sv")
    assert swedish.startswith("PAKETET HÅLLER, om nyckeln") and own.fingerprint in swedish


def test_the_screen_says_what_does_not(root: Path, tmp_path: Path) -> None:
    (root / package.RUN).write_bytes(b"[]\n")
    bag.pack(root, tmp_path / "package.zip")
    path = str(tmp_path / "package.zip")
    code, out, err = alone(tmp_path, "verify", path, "--language", "en")
    assert code == 4 and "THE PACKAGE DOES NOT HOLD (faults: 1)" in err
    assert "THE PACKAGE DOES NOT HOLD (faults: 1)" in out
    assert "  data/run.json: changed since the package was packed\n" in out
    code, out, _ = said(path, "--format", "json")
    told = json.loads(out)
    assert code == 4 and told["holds"] is False
    assert [(each["kind"], each["file"]) for each in told["faults"]] == [("changed", package.RUN)]


def test_a_key_given_is_compared(packed: Path, tmp_path: Path, own: Signer) -> None:
    pem = tmp_path / "known.pem"
    pem.write_bytes(own.public_key)
    for key in (own.fingerprint, own.fingerprint.replace("-", "").upper(), str(pem)):
        code, out, _ = said(str(packed), "--key", key)
        assert code == 0 and "The key that --key names" in out
        assert out.startswith("THE PACKAGE HOLDS\n")
    other = signer(tmp_path, "other").fingerprint
    code, out, _ = said(str(packed), "--key", other)
    assert code == 4 and f"another key than the expected {other}" in out
    code, _, err = said(str(packed), "--key", "abc")
    assert code == 2 and "hexadecimal" in err


def test_what_is_no_package_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("hej\n")
    (tmp_path / "folder").mkdir()
    for name in ("letter.txt", "missing.zip", "folder"):
        code, out, err = said(str(tmp_path / name))
        assert code == 2 and out == "" and err and "Traceback" not in err


def test_nothing_in_a_package_steers_the_terminal(tmp_path: Path, own: Signer) -> None:
    given: Mapping[str, bytes] = parts(sealed(tmp_path, own)) | {
        bag.INFO: b"External-Identifier: \x1b[2JPAKETET\x1b]0;\x07\n",
        "data/rows/\u202ex.csv": b"a\n",
        "data/\x1b[31m.csv": b"a\n",
    }
    path = tmp_path / "package.zip"
    path.write_bytes(zipped(given))
    code, out, err = said(str(path))
    assert code == 4
    for text in (out, err):
        assert all(letter.isprintable() for line in text.splitlines() for letter in line)


def test_a_size_that_bag_info_tells_wrongly_is_a_fault(root: Path, own: Signer) -> None:
    """Each hash right, and signed: what a slip of ours would look like."""
    given = parts(root)
    given[bag.INFO] = given[bag.INFO].replace(b"Payload-Oxum: ", b"Payload-Oxum: 1")
    given[package.TAG_MANIFEST] = manifest(given, sorted(bag.TAG_FILES))
    sign(given, own)
    for name, content in given.items():
        (root / name).write_bytes(content)
    assert named(verify(root, ()).faults) == {("unreadable", bag.INFO)}

"""A bag that the world's own tools take: bagit, sha256sum, openssl, unzip."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import bagit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_service.errors import EvidenceError
from graph_service.evidence import package
from graph_service.evidence.bag import sealing as bag
from graph_service.evidence.bag.readme import readme
from graph_service.evidence.bag.signature import KeyFile
from graph_service.home import Home
from tests.evidence_bag import ABOUT, DATA, parts, sealed, signer, written, zipped
from tests.test_house import GUILT

#: The commands of the README: lines indented by four spaces.
COMMANDS: Final = re.findall(r"^ {4}(\S.*)$", readme(), re.MULTILINE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sealed(tmp_path, signer(tmp_path))


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    words = ["sh", "-c", command]
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_bagit_takes_it_and_reads_what_it_says(root: Path) -> None:
    found = bagit.Bag(str(root))
    assert found.validate() and found.has_oxum()
    assert found.algorithms == ["sha256"]
    assert {label: found.info[label] for label in ABOUT} == ABOUT
    assert set(found.payload_entries()) == set(DATA)
    assert set(found.tagfile_entries()) == set(bag.TAG_FILES)


def test_each_file_is_listed_by_a_manifest_or_signs_one(root: Path) -> None:
    assert set(bag.files(root)) == {
        *DATA,
        *bag.TAG_FILES,
        package.TAG_MANIFEST,
        package.PUBLIC_KEY,
        package.MANIFEST_SIGNATURE,
        package.TAG_MANIFEST_SIGNATURE,
    }


def test_bagit_hears_of_a_payload_that_changed(root: Path) -> None:
    """That the judge judges."""
    (root / package.RUN).write_bytes(b"[]\n")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(root)).validate()


def test_the_working_folder_of_the_process_stays(tmp_path: Path) -> None:
    """`bagit.make_bag` moves it, under the feet of whatever else the service does."""
    seen = []

    class Watching:
        def stamp(self, data: bytes) -> bytes:
            seen.append(Path.cwd())
            return b"stamp"

    before = Path.cwd()
    bag.seal(written(tmp_path), ABOUT, signer(tmp_path), Watching())
    assert seen == [before] and Path.cwd() == before


def test_equal_folders_give_equal_bytes(tmp_path: Path) -> None:
    own = signer(tmp_path)
    one, other = sealed(tmp_path / "one", own), tmp_path / "other" / package.ROOT
    shutil.copytree(one, other, copy_function=shutil.copy)
    for path in other.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (0, 0))
    bag.seal(other, dict(reversed(ABOUT.items())), own, None)
    bag.pack(one, tmp_path / "one.zip")
    bag.pack(other, tmp_path / "other.zip")
    content = (tmp_path / "one.zip").read_bytes()
    assert content == (tmp_path / "other.zip").read_bytes() == zipped(parts(one))


def test_the_zip_is_there_whole_or_not_at_all(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "package.zip"
    out.parent.mkdir()
    out.write_bytes(b"earlier")
    (root / "data" / "link").symlink_to(root / package.RUN)
    with pytest.raises(EvidenceError, match="data/link"):
        bag.pack(root, out)
    assert out.read_bytes() == b"earlier" and [*out.parent.iterdir()] == [out]
    (root / "data" / "link").unlink()
    bag.pack(root, out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600 and [*out.parent.iterdir()] == [out]
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert {each.filename.partition("/")[0] for each in archive.infolist()} == {package.ROOT}
        assert not any("syn:" in each.filename for each in archive.infolist())


@pytest.mark.parametrize(
    "name",
    [
        "data/två.csv",
        "data/a b.csv",
        "data/.hidden",
        "data/a%.csv",
        "data/a\n.csv",
        "data/a.",
        "-rf",
    ],
)
def test_a_name_that_some_system_does_not_take_is_refused(tmp_path: Path, name: str) -> None:
    root = written(tmp_path, {**DATA, name: b"a\n"})
    with pytest.raises(EvidenceError, match="a name that cannot be"):
        bag.seal(root, ABOUT, signer(tmp_path), None)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    root = written(tmp_path)
    os.mkfifo(root / "data" / "pipe")
    with pytest.raises(EvidenceError, match="data/pipe"):
        bag.seal(root, ABOUT, signer(tmp_path), None)


@pytest.mark.parametrize(
    "wrong",
    [{"Contact": "a\nPayload-Oxum: 1.1"}, {"contact": "a"}, {"A:B": "c"}, {"Contact": " "}],
)
def test_a_line_of_bag_info_is_one_line(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(EvidenceError, match=re.escape("bag-info.txt")):
        bag.seal(written(tmp_path), {**ABOUT, **wrong}, signer(tmp_path), None)


@given(st.text(min_size=1, max_size=30))
def test_a_name_that_is_taken_is_plain_below_the_folder(name: str) -> None:
    """Whatever the manifest of a hostile package lists."""
    if bag.NAME.fullmatch(name):
        path = Path(os.path.normpath(Path("/bag") / name))
        assert path.is_relative_to("/bag") and path.as_posix() == f"/bag/{name}"
        assert name.isascii() and name.isprintable() and not {*' \\:%"*?<>|'} & {*name}


def test_every_path_of_a_package_is_a_name_that_is_taken() -> None:
    paths = [value for name, value in vars(package).items() if name.isupper() and name != "ROOT"]
    for path in (each for each in paths if isinstance(each, str)):
        assert bag.NAME.fullmatch(path), path


# -- the README, with nothing of ours ---------------------------------------------------------


def test_the_readme_says_the_same_in_both_languages_without_a_word_of_guilt() -> None:
    half = len(COMMANDS) // 2
    assert half == 8 and COMMANDS[:half] == COMMANDS[half:]
    path = Path(bag.__file__).with_name("readme.toml")
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(told) == {"sv", "en"}
    assert not GUILT.search(readme())


def test_the_commands_of_the_readme_work_as_they_stand(root: Path) -> None:
    checks = [command for command in COMMANDS if "openssl ts" not in command]
    answers = [shell(command, root) for command in checks]
    for command, answer in zip(checks, answers, strict=True):
        assert answer.returncode == 0, (command, answer.stderr)
    said = [answer.stdout for answer in answers[:7]]
    assert said[0].count(": OK\n") == len(DATA) == len(said[0].splitlines())
    assert said[1].count(": OK\n") == len(bag.TAG_FILES) == len(said[1].splitlines())
    assert said[2].strip() == said[3].strip() == str(len(DATA))
    assert said[4] == said[5] == "Signature Verified Successfully\n"
    own = KeyFile(Home(root.parent / "home"), None).signer().fingerprint
    assert said[6].split()[0] == own.replace("-", "")


def test_the_commands_of_the_readme_find_what_was_changed(root: Path) -> None:
    sums, tags, count, lines, manifest, tag_manifest = COMMANDS[:6]
    visits = root / package.ROWS / "visits.csv"
    visits.write_bytes(visits.read_bytes().replace(b"b-1,", b"b-x,"))
    answer = shell(sums, root)
    assert answer.returncode and "data/rows/visits.csv: FAILED" in answer.stdout
    (root / "data" / "added.csv").write_text("a\n")
    assert shell(count, root).stdout.strip() != shell(lines, root).stdout.strip()
    (root / package.MANIFEST).write_bytes((root / package.MANIFEST).read_bytes() + b"\n")
    assert shell(manifest, root).returncode
    assert f"{package.MANIFEST}: FAILED" in shell(tags, root).stdout
    (root / package.TAG_MANIFEST).write_bytes(b"")
    assert shell(tag_manifest, root).returncode


def test_unzip_gives_the_folder_back(root: Path, tmp_path: Path) -> None:
    bag.pack(root, tmp_path / "package.zip")
    there = tmp_path / "there"
    there.mkdir()
    if shutil.which("unzip"):
        assert shell("unzip -q ../package.zip", there).returncode == 0
    else:
        with zipfile.ZipFile(tmp_path / "package.zip") as archive:
            archive.extractall(there)
    assert parts(there / package.ROOT) == parts(root)

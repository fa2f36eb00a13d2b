"""Whoever tampers with a package is found, whatever they do, and what they touched is named."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import bagit
import pytest

from graph_service.evidence import package
from graph_service.evidence.bag import sealing as bag
from graph_service.evidence.bag.signature import KeyFile, Signer
from graph_service.evidence.export import export
from graph_service.evidence.verification.checks import Verified, verify
from graph_service.evidence.verification.fault import FaultKind
from graph_service.room import Room
from loaders.cut import cut
from tests.casework import ANNA
from tests.evidence_bag import (
    DATA,
    Parts,
    entry,
    parts,
    recount,
    sealed,
    sign,
    signer,
    zipped,
)
from tests.evidence_case import ROOMS, town

TAMPERINGS = 200
VISITS = f"{package.ROWS}/visits.csv"


@dataclass
class Case:
    """An untouched package, another one of the same municipality, and somebody else's key."""

    whole: Parts
    zip: bytes
    other: Parts
    own: Signer
    stranger: Signer
    folder: Path
    rooms: Collection[Room] = ()

    def verified(self, tampered: bytes) -> Verified:
        path = self.folder / "tampered.zip"
        path.write_bytes(tampered)
        return verify(path, self.rooms, key=self.own.fingerprint)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("tampering")
    own = signer(folder)
    root = sealed(folder / "one", own)
    bag.pack(root, folder / "package.zip")
    elsewhere = {**DATA, VISITS: b"visit_id,worker_id,minutes\nb-9,syn:p9,9\n"}
    about = {"External-Identifier": "case-0000000000000002 export-0000000000000002"}
    other = sealed(folder / "two", own, elsewhere, **about)
    return Case(
        whole=parts(root),
        zip=(folder / "package.zip").read_bytes(),
        other=parts(other),
        own=own,
        stranger=signer(folder, "stranger"),
        folder=folder,
    )


#: What somebody did: the tampered package, and which files must be named (one of them at least).
Done: TypeAlias = tuple[bytes, set[str]]


def flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    return content[:at] + bytes([content[at] ^ chance.randrange(1, 256)]) + content[at + 1 :]


def byte_of_a_file(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = chance.choice(sorted(given))
    given[name] = flipped(given[name], chance.randrange(len(given[name])), chance)
    return zipped(given), {name}


def byte_of_the_zip(case: Case, chance: random.Random) -> Done:
    """Any byte: of a header, of content, of the archive's own list."""
    at = chance.randrange(len(case.zip))
    return flipped(case.zip, at, chance), touched(case.zip, at)


def touched(archive: bytes, at: int) -> set[str]:
    """The entry that a byte of an archive belongs to, or the archive itself."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        if at >= read.start_dir:
            return set()
        before = [each.filename for each in read.infolist() if each.header_offset <= at]
        return {before[-1].removeprefix(f"{package.ROOT}/")}


def row_dropped(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = chance.choice([VISITS, f"{package.ROWS}/decisions.csv", package.FINDINGS])
    lines = given[name].splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    given[name] = b"".join(lines)
    return zipped(given), {name}


def row_dropped_and_counted(case: Case, chance: random.Random) -> Done:
    """The manifest is made anew, and the tag manifest too, half of the time."""
    given = dict(case.whole)
    lines = given[VISITS].splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    given[VISITS] = b"".join(lines)
    recount(given, tags=chance.random() < 0.5)
    return zipped(given), {package.MANIFEST}


def file_added(case: Case, chance: random.Random) -> Done:
    folder = chance.choice(["", "data/", "data/rows/", "signature/", "new/"])
    name = f"{folder}added-{chance.randrange(99)}.txt"
    return zipped(case.whole | {name: b"hej\n"}), {name}


def file_added_and_counted(case: Case, chance: random.Random) -> Done:
    given = case.whole | {f"data/rows/added-{chance.randrange(99)}.csv": b"a\n"}
    recount(given, tags=True)
    return zipped(given), {package.MANIFEST}


def file_removed(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = chance.choice(sorted(given))
    del given[name]
    return zipped(given), {name}


def file_renamed(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = chance.choice(sorted(given))
    given[f"{name}.old"] = given.pop(name)
    return zipped(given), {name}


def files_swapped(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    while True:
        one, other = chance.sample(sorted(given), 2)
        if given[one] != given[other]:
            given[one], given[other] = given[other], given[one]
            return zipped(given), {one, other}


def signed_by_another(case: Case, chance: random.Random) -> Done:
    """A whole forgery: sound in itself, by a key that is not the municipality's."""
    given = dict(case.whole)
    given[VISITS] += b"b-1000,syn:p1,1\n"
    recount(given, tags=True)
    sign(given, case.stranger)
    return zipped(given), {package.PUBLIC_KEY}


def signature_of_another(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = chance.choice([package.MANIFEST, package.TAG_MANIFEST])
    given[bag.signature_of(name)] = case.stranger.sign(given[name])
    return zipped(given), {bag.signature_of(name)}


def signature_cut(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    name = bag.signature_of(chance.choice([package.MANIFEST, package.TAG_MANIFEST]))
    given[name] = chance.choice([b"", given[name][:-1], given[name] + b"\n"])
    return zipped(given), {name}


def key_written_otherwise(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    given[package.PUBLIC_KEY] += chance.choice([b"\n", b"hidden", b" "])
    return zipped(given), {package.PUBLIC_KEY}


def payload_of_another(case: Case, chance: random.Random) -> Done:
    """Another package's payload, with its manifest and the manifest's own good signature."""
    given = {name: content for name, content in case.whole.items() if not name.startswith("data/")}
    given |= {name: content for name, content in case.other.items() if name.startswith("data/")}
    for name in (package.MANIFEST, package.MANIFEST_SIGNATURE):
        given[name] = case.other[name]
    return zipped(given), {package.MANIFEST}


def readme_changed(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    given[package.README] = given[package.README].replace(b"sha256sum", b"true     ", 1)
    if chance.random() < 0.5:
        return zipped(given), {package.README}
    recount(given, tags=True)
    return zipped(given), {package.TAG_MANIFEST}


def case_changed(case: Case, chance: random.Random) -> Done:
    given = dict(case.whole)
    given[bag.INFO] = given[bag.INFO].replace(b"case-0000000000000001", b"case-0000000000000009")
    return zipped(given), {bag.INFO}


def stamp_made_up(case: Case, chance: random.Random) -> Done:
    name = package.TIME_STAMP
    given = case.whole | {name: b"0\x03\x02\x01\x00"}
    if chance.random() < 0.5:
        given[bag.signature_of(name)] = case.stranger.sign(given[name])
    return zipped(given), {name}


def archive_rewritten(case: Case, chance: random.Random) -> Done:
    """The same files, in an archive that hides something or shows them otherwise."""
    made = io.BytesIO()
    what = chance.choice(["comment", "extra", "date", "deflated", "order", "folder", "mode"])
    names = sorted(case.whole, reverse=what == "order")
    with zipfile.ZipFile(made, "w") as archive:
        if what == "folder":
            archive.writestr(entry(f"{package.ROOT}/data/"), b"")
        for name in names:
            info = entry(f"{package.ROOT}/{name}")
            if what == "comment":
                info.comment = b"hidden"
            if what == "extra":
                info.extra = struct.pack("<HH4s", 0xCAFE, 4, b"abcd")
            if what == "date":
                info.date_time = (2026, 3, 3, 0, 0, 0)
            if what == "mode":
                info.external_attr = 0o100755 << 16
            kind = zipfile.ZIP_DEFLATED if what == "deflated" else zipfile.ZIP_STORED
            archive.writestr(info, case.whole[name], kind)
    return made.getvalue(), set()


def archive_lengthened(case: Case, chance: random.Random) -> Done:
    more = chance.randbytes(chance.randrange(1, 40))
    if chance.random() < 0.3:
        made = io.BytesIO(case.zip)
        with zipfile.ZipFile(made, "a") as archive:
            archive.comment = more
        return made.getvalue(), set()
    return (more + case.zip if chance.random() < 0.5 else case.zip + more), set()


def archive_cut(case: Case, chance: random.Random) -> Done:
    return case.zip[: chance.randrange(30, len(case.zip))], set()


def entry_twice(case: Case, chance: random.Random) -> Done:
    """Readers differ in which of two they show."""
    made = io.BytesIO(case.zip)
    name = chance.choice(sorted(case.whole))
    with zipfile.ZipFile(made, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(entry(f"{package.ROOT}/{name}"), b"other\n")
    return made.getvalue(), {name}


def entry_unsafe(case: Case, chance: random.Random) -> Done:
    """A name that leads out of the folder, or that some system takes for another."""
    names = [
        "../outside.txt",
        "/outside.txt",
        "evidence/../../outside.txt",
        "evidence/data/../../../outside.txt",
        "evidence\\data\\outside.txt",
        "C:/outside.txt",
        "evidence/data/outside.",
        "evidence/.hidden",
        "evidence/data/\u202etxt.csv",
        "evidence/data/a:b",
        "elsewhere/outside.txt",
        "evidence/Data/run.json",
        "evidence/DATA/RUN.JSON",
    ]
    name = chance.choice(names)
    made = io.BytesIO(case.zip)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(entry(name), b"out\n")
    return made.getvalue(), {name.encode("unicode_escape").decode(), name.partition("/")[2]}


def entry_links(case: Case, chance: random.Random) -> Done:
    made = io.BytesIO(case.zip)
    link = entry(f"{package.ROOT}/data/link")
    link.external_attr = chance.choice([0o120777, 0o010644, 0o060644]) << 16
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    return made.getvalue(), {f"{package.ROOT}/data/link"}


def entry_with_nul(case: Case, chance: random.Random) -> Done:
    """What some readers take for the file's own name, since they stop at the NUL."""
    name = chance.choice(sorted(DATA)).encode()
    return case.zip.replace(name, name[:-1] + b"\x00"), {name[:-1].decode()}


TAMPERS: tuple[Callable[[Case, random.Random], Done], ...] = (
    byte_of_a_file,
    byte_of_the_zip,
    row_dropped,
    row_dropped_and_counted,
    file_added,
    file_added_and_counted,
    file_removed,
    file_renamed,
    files_swapped,
    signed_by_another,
    signature_of_another,
    signature_cut,
    key_written_otherwise,
    payload_of_another,
    readme_changed,
    case_changed,
    stamp_made_up,
    archive_rewritten,
    archive_lengthened,
    archive_cut,
    entry_twice,
    entry_unsafe,
    entry_links,
    entry_with_nul,
)


def test_what_nobody_touched_holds(case: Case) -> None:
    assert zipped(case.whole) == case.zip
    assert case.verified(case.zip).faults == ()
    assert case.verified(zipped(case.other)).faults == ()


@pytest.mark.parametrize("seed", range(TAMPERINGS))
def test_every_tampering_is_found_and_named(case: Case, seed: int) -> None:
    chance = random.Random(seed)
    tampered, files = TAMPERS[seed % len(TAMPERS)](case, chance)
    assert tampered != case.zip
    found = case.verified(tampered)
    assert not found.holds
    named = {word for fault in found.faults for word in (fault.file, fault.words.get("said", ""))}
    if files:
        assert any(file in name for file in files for name in named), (files, found.faults)
    else:
        assert named - {""}
    outside = [path for path in case.folder.parent.iterdir() if path.name.startswith("outside")]
    assert outside == [] and not Path("/outside.txt").exists()


def test_a_forgery_holds_in_itself_so_the_key_must_be_compared(case: Case) -> None:
    """Why the fingerprint stands large on the screen."""
    forged, _ = signed_by_another(case, random.Random(1))
    path = case.folder / "forged.zip"
    path.write_bytes(forged)
    alone = verify(path, ())
    assert alone.holds and not alone.key_expected
    assert alone.fingerprint == case.stranger.fingerprint != case.own.fingerprint


def test_the_bytes_that_are_not_payload_count_as_well(
    case: Case,
) -> None:
    """Not by chance: all through the archive's frame, the tag files, the key and a signature."""
    with zipfile.ZipFile(io.BytesIO(case.zip)) as archive:
        small = {each.header_offset for each in archive.infolist()}
        places = [at for offset in small for at in range(offset, offset + 30)]
        places += range(archive.start_dir, len(case.zip), 29)
    chance = random.Random(0)
    for at in places[::17]:
        assert not case.verified(flipped(case.zip, at, chance)).holds, at
    for name in (bag.DECLARATION, bag.INFO, package.PUBLIC_KEY, package.MANIFEST_SIGNATURE):
        for at in range(0, len(case.whole[name]), 9):
            given = case.whole | {name: flipped(case.whole[name], at, chance)}
            assert not case.verified(zipped(given)).holds, (name, at)


# -- a package as it is exported --------------------------------------------------------------


@pytest.fixture(scope="module")
def real(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The case of `evidence_case`, as the police get it."""
    folder = tmp_path_factory.mktemp("real")
    with town(folder) as made:
        own = KeyFile(made.home, None).signer()
        export(
            made.home,
            made.database,
            made.request(),
            ANNA,
            folder / "package.zip",
            clock=made.clock,
            rooms=ROOMS,
            cutter=cut,
            signer=own,
        )
    content = (folder / "package.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        whole = {
            name.removeprefix(f"{package.ROOT}/"): archive.read(name) for name in archive.namelist()
        }
    return Case(whole, content, case.other, own, case.stranger, folder, ROOMS)


def test_an_exported_package_holds_and_bagit_takes_it(real: Case, tmp_path: Path) -> None:
    assert zipped(real.whole) == real.zip
    found = real.verified(real.zip)
    assert found.faults == () and len(found.outcomes) >= 5
    assert sum(each.holds is True for each in found.outcomes) >= 5
    with zipfile.ZipFile(io.BytesIO(real.zip)) as archive:
        archive.extractall(tmp_path)
    assert bagit.Bag(str(tmp_path / package.ROOT)).validate()


@pytest.mark.parametrize("seed", range(12))
def test_whoever_has_no_key_is_found_in_an_exported_package(real: Case, seed: int) -> None:
    tamper = (
        byte_of_a_file,
        byte_of_the_zip,
        row_dropped,
        row_dropped_and_counted,
        files_swapped,
        signed_by_another,
    )[seed % 6]
    tampered, files = tamper(real, random.Random(seed))
    named = {fault.file for fault in real.verified(tampered).faults}
    assert named and (not files or named & files or files <= {package.MANIFEST})


def test_a_row_that_is_gone_is_named_with_or_without_the_key(real: Case) -> None:
    """By its row in the municipality's own file."""
    names, *rows = csv.reader(real.whole[VISITS].decode().splitlines())
    for n, values in enumerate(rows[:2]):
        row = dict(zip(names, values, strict=True))
        given = dict(real.whole)
        lines = given[VISITS].splitlines(keepends=True)
        given[VISITS] = b"".join([*lines[: n + 1], *lines[n + 2 :]])
        for signed in (False, True):
            if signed:
                recount(given, tags=True)
                sign(given, real.own)
            found = real.verified(zipped(given))
            gone = [each for each in found.faults if each.kind is FaultKind.ROW_MISSING]
            told = {"row": row["row"], "source": f"visits.csv ({row['file_sha256'][:8]})"}
            assert [(each.file, each.words) for each in gone] == [(VISITS, told)]


def cited_row_dropped(given: Parts) -> str:
    """The row of a visit on which a finding stands; the finding is named."""
    header, *lines = given[VISITS].decode().splitlines(keepends=True)
    names, *rows = csv.reader([header, *lines])
    for n, values in enumerate(rows):
        if values[at := names.index("cited_by")]:
            given[VISITS] = "".join([header, *lines[:n], *lines[n + 1 :]]).encode()
            return values[at].split()[0]
    raise AssertionError("no row is cited")


def value_of_a_cited_row_changed(given: Parts) -> str:
    table = list(csv.reader(given[VISITS].decode().splitlines()))
    names = table[0]
    row = next(row for row in table[1:] if row[names.index("cited_by")])
    before = row[names.index("end")]
    given[VISITS] = given[VISITS].replace(before.encode(), before.replace("25", "24", 1).encode())
    return row[names.index("cited_by")].split()[0]


def query_altered(given: Parts) -> str:
    name = f"{package.ROOMS}/overlapping_visits/find.sql"
    given[name] = given[name].replace(b"SELECT", b"SELECT ", 1)
    return "overlapping_visits"


def finding_altered(given: Parts) -> str:
    first, *others = given[package.FINDINGS].decode().splitlines(keepends=True)
    told = json.loads(first)
    altered = first.replace(f'"events":{told["events"]}', f'"events":{told["events"] + 1}')
    altered = altered.replace(f'"events": {told["events"]}', f'"events": {told["events"] + 1}')
    assert altered != first
    given[package.FINDINGS] = "".join([altered, *others]).encode()
    return str(told["finding_id"])


def finding_left_out(given: Parts) -> str:
    _, *others = given[package.FINDINGS].decode().splitlines(keepends=True)
    given[package.FINDINGS] = "".join(others).encode()
    return package.FINDINGS


@pytest.mark.parametrize(
    "tamper",
    [
        cited_row_dropped,
        value_of_a_cited_row_changed,
        query_altered,
        finding_altered,
        finding_left_out,
    ],
)
def test_whoever_has_the_key_is_found_by_counting_again(
    real: Case, tamper: Callable[[Parts], str]
) -> None:
    """Every hash and signature is right: the rows no longer give what the package says."""
    given = dict(real.whole)
    named = tamper(given)
    assert given != real.whole
    recount(given, tags=True)
    sign(given, real.own)
    found = real.verified(zipped(given))
    kinds = {fault.kind for fault in found.faults} - {FaultKind.ROW_MISSING}
    assert kinds and kinds <= {FaultKind.DIFFERS, FaultKind.NOT_RUN}
    assert any(named in f"{fault.file} {fault.words}" for fault in found.faults), found

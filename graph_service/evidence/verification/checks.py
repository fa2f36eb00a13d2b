"""Whether a package holds: every byte, the signatures, the time stamp, and the findings again.

Nothing of the package is trusted and nothing of it is run. Everything that is wrong is named, not
the first thing alone. What holds proves that the owner of the key packed just this; whose key it
is, the recipient must know from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from graph_service.errors import EvidenceError, UsageError
from graph_service.evidence import package, rerun
from graph_service.evidence.bag import sealing, signature, timestamp
from graph_service.evidence.bag.timestamp import Stamp
from graph_service.evidence.rerun.writing import Outcome
from graph_service.evidence.verification.absent import absent
from graph_service.evidence.verification.fault import Fault, FaultKind
from graph_service.evidence.verification.unpacking import Unpacked, opened, shown
from graph_service.room import Room

_LINE: Final = re.compile(r"([0-9a-f]{64})  (.+)")
_TOLD: Final = re.compile(r"([A-Z][A-Za-z-]*): (.*\S)")
#: Manifests and tag files are read whole; none is anywhere near as long.
_LONGEST: Final = 16 << 20
#: Of a package that was not opened nothing more can be said.
_UNOPENED: Final = (FaultKind.DAMAGED, FaultKind.TOO_LARGE)
#: Rows of one table that are named; their number says the rest.
_MOST_ROWS: Final = 20
#: What need not be there: a stamp, which `bag-info.txt` announces.
_STAMP: Final = (package.TIME_STAMP, sealing.signature_of(package.TIME_STAMP))
#: What stands outside both manifests.
_OUTSIDE: Final = (
    package.TAG_MANIFEST,
    package.PUBLIC_KEY,
    package.MANIFEST_SIGNATURE,
    package.TAG_MANIFEST_SIGNATURE,
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. `bytes` and `files` are those of the bag.

    `about` is what bag-info.txt says. `fingerprint` is of the key in the package, None where
    there is none; `key_expected` whether it was compared with one given. `outcomes` tell of each
    finding how it was had again.
    """

    about: Mapping[str, str]
    files: int
    bytes: int
    fingerprint: str | None
    key_expected: bool
    stamp: Stamp | None
    outcomes: tuple[Outcome, ...]
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


def verify(
    path: Path,
    rooms: Collection[Room],
    *,
    key: str | None = None,
    authority_certificates: Collection[x509.Certificate] = (),
    spill: Path | None = None,
) -> Verified:
    """Check a package, zipped or as a folder, without network and without leaving anything behind.

    `rooms` are the installed program's; `key` is the fingerprint of the key that should have
    signed, as `signature.expected` gives it. It is unpacked below `spill`, else where the system
    keeps temporary files. Raises UsageError for what is no package, or cannot be read.
    """
    try:
        with opened(path, spill) as unpacked:
            return _verified(unpacked, rooms, key, authority_certificates)
    except OSError as error:
        raise UsageError(f"{path} cannot be read or unpacked ({error.strerror}).") from error


def _verified(
    unpacked: Unpacked,
    rooms: Collection[Room],
    key: str | None,
    authority_certificates: Collection[x509.Certificate],
) -> Verified:
    faults = list(unpacked.faults)
    if any(each.kind in _UNOPENED for each in faults):
        return Verified({}, 0, 0, None, key is not None, None, (), tuple(faults))
    there = _Bag(unpacked.root, faults)
    there.check()
    fingerprint = _signatures(there, key)
    stamp = _stamp(there, authority_certificates)
    outcomes = _again(there, rooms)
    faults += _rows_missing(there)
    return Verified(
        about=there.about,
        files=len(there.names),
        bytes=sum((unpacked.root / name).stat().st_size for name in there.names),
        fingerprint=fingerprint,
        key_expected=key is not None,
        stamp=stamp,
        outcomes=outcomes,
        faults=tuple(faults),
    )


class _Bag:
    """The folder of a bag under examination; `faults` grows as they are found."""

    def __init__(self, root: Path, faults: list[Fault]) -> None:
        self.root, self.faults = root, faults
        self.about: dict[str, str] = {}
        self.names = frozenset(self._names())

    def check(self) -> None:
        """Hold every file against the manifests, and the manifests against what is there."""
        tags = self._manifest(package.TAG_MANIFEST)
        payload = self._manifest(package.MANIFEST)
        for name, digest in (tags | payload).items():
            if self.has(name) and sealing.hashed(self.root / name) != digest:
                self.fault(FaultKind.CHANGED, name)
        self.about = self._told()
        stamped = _STAMP if sealing.STAMPED in self.about else ()
        listed = {*tags, *payload, *_OUTSIDE, *stamped}
        for name in sorted(self.names - listed):
            self.fault(FaultKind.ADDED, name)
        for name in sorted({*sealing.TAG_FILES} | listed):
            self.has(name)
        self._hold_against_size(payload)

    def fault(self, kind: FaultKind, file: str, said: str = "") -> None:
        """Note a fault; of a file that is missing or cannot be read nothing more is said."""
        mute = {FaultKind.MISSING, FaultKind.CHANGED, FaultKind.UNSAFE, FaultKind.TWICE}
        if not any(each.file == file and each.kind in mute for each in self.faults):
            self.faults.append(Fault(kind, file, {"said": said}))

    def has(self, name: str) -> bool:
        """Whether a file is there; that it is not is a fault."""
        there = name in self.names
        if not there:
            self.fault(FaultKind.MISSING, name)
        return there

    def read(self, name: str) -> bytes | None:
        """A tag file, or None where it is missing or far too long."""
        if not self.has(name):
            return None
        with (self.root / name).open("rb") as file:
            content = file.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            self.fault(FaultKind.UNREADABLE, name)
            return None
        return content

    def lines(self, name: str) -> list[str]:
        """A text file's lines; a fault where it is no text or its last line is cut."""
        content = self.read(name)
        if content is None:
            return []
        try:
            *lines, last = content.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            lines, last = [], "?"
        if last:
            self.fault(FaultKind.UNREADABLE, name)
        return lines

    def _names(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                self.fault(FaultKind.UNSAFE, shown(name))
            elif path.is_file() and sealing.NAME.fullmatch(name):
                yield name
            elif path.is_file():
                self.fault(FaultKind.UNSAFE, shown(name))

    def _manifest(self, name: str) -> dict[str, str]:
        """What a manifest lists: path → SHA-256. It lists payload or tag files, each once."""
        of_payload = name == package.MANIFEST
        found: dict[str, str] = {}
        for number, line in enumerate(self.lines(name), start=1):
            match = _LINE.fullmatch(line)
            listed = match[2] if match else ""
            its_own = (
                listed.startswith(f"{package.DATA}/") if of_payload else listed in sealing.TAG_FILES
            )
            if not match or not its_own or not sealing.NAME.fullmatch(listed) or listed in found:
                self.fault(FaultKind.UNREADABLE, name, str(number))
            else:
                found[listed] = match[1]
        return found

    def _told(self) -> dict[str, str]:
        """What bag-info.txt says; bagit.txt is the same in every package."""
        if self.read(sealing.DECLARATION) not in (None, sealing.DECLARED.encode()):
            self.fault(FaultKind.UNREADABLE, sealing.DECLARATION)
        found: dict[str, str] = {}
        for number, line in enumerate(self.lines(sealing.INFO), start=1):
            match = _TOLD.fullmatch(line)
            if match and line.isprintable() and match[1] not in found:
                found[match[1]] = match[2]
            else:
                self.fault(FaultKind.UNREADABLE, sealing.INFO, str(number))
        return found

    def _hold_against_size(self, payload: Iterable[str]) -> None:
        """The payload's size as bag-info.txt has it, where no file of it is at fault already."""
        if any(each.file.startswith(f"{package.DATA}/") for each in self.faults) or not self.about:
            return
        sizes = [(self.root / name).stat().st_size for name in payload]
        oxum = f"{sum(sizes)}.{len(sizes)}"
        if self.about.get(sealing.OXUM) != oxum:
            self.fault(FaultKind.UNREADABLE, sealing.INFO, f"{sealing.OXUM}: {oxum}")


def _signatures(there: _Bag, expected: str | None) -> str | None:
    """Check both signatures, and the stamp's; the fingerprint of the key that is there."""
    pem = there.read(package.PUBLIC_KEY)
    if pem is None:
        return None
    try:
        key = signature.PublicKey.read(pem)
    except EvidenceError:
        there.fault(FaultKind.NO_KEY, package.PUBLIC_KEY)
        return None
    if expected is not None and key.fingerprint != expected:
        there.fault(FaultKind.OTHER_KEY, package.PUBLIC_KEY, expected)
    signed = [package.MANIFEST, package.TAG_MANIFEST]
    if package.TIME_STAMP in there.names:
        signed.append(package.TIME_STAMP)
    for name in signed:
        content, by = there.read(name), there.read(sealing.signature_of(name))
        if content is not None and by is not None and not key.signed(content, by):
            there.fault(FaultKind.NOT_SIGNED, sealing.signature_of(name), name)
    return key.fingerprint


def _stamp(there: _Bag, trusted: Collection[x509.Certificate]) -> Stamp | None:
    if package.TIME_STAMP not in there.names:
        return None
    answer, stamped = there.read(package.TIME_STAMP), there.read(package.TAG_MANIFEST)
    if answer is None or stamped is None:
        return None
    try:
        return timestamp.read(answer, stamped, trusted)
    except EvidenceError as error:
        there.fault(FaultKind.STAMP, package.TIME_STAMP, str(error))
        return None


def _again(there: _Bag, rooms: Collection[Room]) -> tuple[Outcome, ...]:
    """Each finding once more, by the installed rooms, from what the package holds."""
    if package.RERUN not in there.names:
        return ()  # a fault already, where a manifest lists it
    try:
        outcomes = tuple(rerun.again(there.root / package.DATA, rooms))
    except EvidenceError as error:
        there.fault(FaultKind.NOT_RUN, package.FINDINGS, str(error))
        return ()
    for each in outcomes:
        if each.holds is False:
            named = {"said": each.said, "said_sv": each.said_sv, "finding_id": each.finding_id}
            there.faults.append(Fault(FaultKind.DIFFERS, package.FINDINGS, named))
    return outcomes


def _rows_missing(there: _Bag) -> list[Fault]:
    """Once something is wrong: which packaged rows are gone."""
    tables = [Path(name) for name in sorted(there.names) if name.startswith(f"{package.ROWS}/")]
    if not there.faults or package.LINES not in there.names:
        return []
    return [
        Fault(FaultKind.ROW_MISSING, str(path), {"row": row, "source": source})
        for path in tables
        if path.suffix == ".csv"
        for row, source in absent(there.root, path.stem)[:_MOST_ROWS]
    ]

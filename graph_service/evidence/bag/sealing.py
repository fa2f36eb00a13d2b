"""A folder of evidence made into a BagIt bag (RFC 8493), signed, and packed into one file.

`bagit.make_bag` changes the working folder of the whole process, which serves others meanwhile,
and lists tag files in the order in which the disk gives them. So the manifests are written here,
and the library judges what was written before anything is signed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

import bagit  # type: ignore[import-untyped]  # one file, without types

from graph_service.errors import EvidenceError
from graph_service.evidence import package
from graph_service.evidence.bag.readme import readme
from graph_service.evidence.bag.signature import Signer

DECLARATION: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
DECLARED: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
OXUM: Final = "Payload-Oxum"
#: The line that says that there is a time stamp, so that it cannot be taken away unnoticed.
STAMPED: Final = "Time-Stamp"
#: What the tag manifest lists; signatures stand outside it.
TAG_FILES: Final = (package.README, INFO, DECLARATION, package.MANIFEST)
#: Every system takes these names as they stand, and no manifest has to escape them.
NAME: Final = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?<!\.)/)*"
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?<!\.)"
)
#: A label and what is said of it, on one line.
_LABEL: Final = re.compile(r"[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)*")
_BLOCK: Final = 1 << 20
#: The zip format's first moment: a package's own dates stand within it.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_PLAIN_FILE: Final = 0o100644 << 16


class Stamping(Protocol):
    """A third party that attests when something was there (`timestamp.Authority`)."""

    def stamp(self, data: bytes) -> bytes:
        """The answer about these bytes."""
        ...


def seal(root: Path, about: Mapping[str, str], signer: Signer, authority: Stamping | None) -> None:
    """Make the folder `root`, whose `data` is written, a signed bag.

    `about` are the lines of `bag-info.txt` (RFC 8493, 2.2.2), but for the payload's size. With an
    authority the tag manifest is stamped, and the stamp signed: no byte of a package is outside
    a signature of ours but the signatures and the key themselves.
    """
    payload = [name for name in files(root) if name.startswith(f"{package.DATA}/")]
    size = sum((root / name).stat().st_size for name in payload)
    told = {**about, OXUM: f"{size}.{len(payload)}"}
    if authority is not None:
        told[STAMPED] = package.TIME_STAMP
    _write(root / DECLARATION, DECLARED)
    _write(root / INFO, _info(told))
    _write(root / package.README, readme())
    _write(root / package.MANIFEST, _manifest(root, payload))
    _write(root / package.TAG_MANIFEST, _manifest(root, sorted(TAG_FILES)))
    _judge(root)
    (root / package.SIGNATURES).mkdir(exist_ok=True)
    (root / package.PUBLIC_KEY).write_bytes(signer.public_key)
    signed = [package.MANIFEST, package.TAG_MANIFEST]
    if authority is not None:
        stamp = authority.stamp((root / package.TAG_MANIFEST).read_bytes())
        (root / package.TIME_STAMP).write_bytes(stamp)
        signed.append(package.TIME_STAMP)
    for name in signed:
        (root / signature_of(name)).write_bytes(signer.sign((root / name).read_bytes()))


def signature_of(name: str) -> str:
    """Where the signature of a file lies."""
    return f"{package.SIGNATURES}/{name.rpartition('/')[2]}.sig"


def files(root: Path) -> list[str]:
    """Every file below a folder, by its path from there, in order.

    Raises EvidenceError for a name that some system would not take, or what is no plain file.
    """
    found = []
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise EvidenceError(f"{name} is no plain file and cannot be evidence.")
        if path.is_file():
            if not NAME.fullmatch(name):
                raise EvidenceError(f"A file of the package has a name that cannot be: {name!r}.")
            found.append(name)
    return sorted(found)


def hashed(path: Path) -> str:
    """A file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).hexdigest()


def pack(root: Path, out: Path) -> None:
    """Pack a folder into one zip, which is there whole or not at all.

    Equal folders give equal bytes: entries are in order, have one date, and are stored, since
    what a compressor makes of them depends on its version.
    """
    names = files(root)
    with _replacing(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            path = root / name
            entry = zipfile.ZipInfo(f"{package.ROOT}/{name}", _MOMENT)
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK)


def _info(told: Mapping[str, str]) -> str:
    for label, value in told.items():
        if not _LABEL.fullmatch(label) or not value.isprintable() or not value.strip():
            raise EvidenceError(f"bag-info.txt cannot say {label}: {value!r}.")
    return "".join(f"{label}: {told[label]}\n" for label in sorted(told))


def _manifest(root: Path, names: list[str]) -> str:
    """As `sha256sum` writes it, and `sha256sum -c` checks it."""
    return "".join(f"{hashed(root / name)}  {name}\n" for name in names)


def _judge(root: Path) -> None:
    try:
        bagit.Bag(str(root)).validate()
    except bagit.BagError as error:
        raise EvidenceError(f"The package does not hold as a BagIt bag: {error}.") from error


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """A file that its owner alone may read, written beside `out` and put in its place."""
    handle, draft = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle, no path
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(out)
    finally:
        Path(draft).unlink(missing_ok=True)
    folder = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""A small sealed package, told by hand, and ways to take it apart and put it together again.

`Parts` is a package as a mapping of paths to bytes. `zipped` packs it in memory just as
`bag.pack` does on disk, which a test holds it to: what somebody tampers with looks untouched.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from graph_service.evidence import package
from graph_service.evidence.bag import sealing as bag
from graph_service.evidence.bag.signature import KeyFile, Signer
from graph_service.home import Home

Parts: TypeAlias = dict[str, bytes]

ABOUT: Mapping[str, str] = {
    "Source-Organization": "Exstads kommun",
    "External-Identifier": "case-0000000000000001 export-0000000000000001",
    "Bagging-Date": "2026-03-03",
}
_ROWS = "visit_id,worker_id,minutes\n" + "".join(f"b-{n},syn:p{n % 7},{n}\n" for n in range(60))
DATA: Mapping[str, bytes] = {
    package.REPORT: b"%PDF-1.7\n" + bytes(range(256)) * 8,
    package.CONTENTS: '{"title": "Ärende"}\n'.encode(),
    f"{package.ROWS}/visits.csv": _ROWS.encode(),
    f"{package.ROWS}/decisions.csv": b"decision_id,hours\nd-1,40\nd-2,10\n",
    package.ROWS_SCHEMA: b"{}\n",
    package.LINES: b"file,offset\n",
    package.FINDINGS: b'{"finding_id": "1"}\n{"finding_id": "2"}\n',
    f"{package.ROOMS}/overlapping_visits/find.sql": b"SELECT 1\n",
    package.RUN: b"{}\n",
    package.CUSTODY: b"{}\n",
}


def signer(folder: Path, name: str = "home") -> Signer:
    """A home's own signer."""
    return KeyFile(Home(folder / name), None).signer()


def written(folder: Path, data: Mapping[str, bytes] = DATA) -> Path:
    """A bag's folder with its payload, not yet sealed."""
    root = folder / package.ROOT
    for name, content in data.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def sealed(folder: Path, by: Signer, data: Mapping[str, bytes] = DATA, **about: str) -> Path:
    root = written(folder, data)
    bag.seal(root, {**ABOUT, **about}, by, None)
    return root


def parts(root: Path) -> Parts:
    """Every file of a bag."""
    return {name: (root / name).read_bytes() for name in bag.files(root)}


def entry(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    made.create_system, made.external_attr = 3, 0o100644 << 16
    return made


def zipped(given: Mapping[str, bytes]) -> bytes:
    """As `bag.pack` packs."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(given):
            archive.writestr(entry(f"{package.ROOT}/{name}"), given[name])
    return made.getvalue()


def manifest(given: Parts, names: list[str]) -> bytes:
    return "".join(
        f"{hashlib.sha256(given[name]).hexdigest()}  {name}\n" for name in names
    ).encode()


def recount(given: Parts, *, tags: bool) -> None:
    """Make the manifests fit what is there, as anybody can who has no key."""
    payload = sorted(name for name in given if name.startswith("data/"))
    size = sum(len(given[name]) for name in payload)
    lines = given[bag.INFO].decode().splitlines()
    told = [line for line in lines if not line.startswith(bag.OXUM)]
    oxum = f"{bag.OXUM}: {size}.{len(payload)}"
    given[package.MANIFEST] = manifest(given, payload)
    if tags:
        given[bag.INFO] = "".join(f"{line}\n" for line in sorted([*told, oxum])).encode()
        given[package.TAG_MANIFEST] = manifest(given, sorted(bag.TAG_FILES))


def sign(given: Parts, by: Signer) -> None:
    """Sign what is there."""
    given[package.PUBLIC_KEY] = by.public_key
    for name in (package.MANIFEST, package.TAG_MANIFEST):
        given[bag.signature_of(name)] = by.sign(given[name])

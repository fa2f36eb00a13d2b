"""The terminal. Each subject has its own module; this one joins them and maps errors to exits."""

from __future__ import annotations

import sys

import typer

from api.session import Group, say
from graph_service.errors import GraphServiceError

app = typer.Typer(
    cls=Group,
    name="graph-service",
    help="Finds indicators of organised welfare crime in a municipality's own files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run one command. Exit codes are the contract's: 0, 1 our defect, 2, 3, 130."""
    try:
        app()
    except GraphServiceError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

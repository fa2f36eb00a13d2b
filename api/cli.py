"""The terminal. Each subject has its own module; this one joins them and maps errors to exits."""

from __future__ import annotations

import sys

import click

from api import cli_demo, cli_load, cli_run, cli_synth
from api.session import Group, say
from graph_service.errors import GraphServiceError


@click.group(cls=Group, name="graph-service")
def app() -> None:
    """Find indicators of organised welfare crime in a municipality's own files."""


for command in (*cli_load.COMMANDS, *cli_run.COMMANDS, cli_synth.synth, cli_demo.demo):
    app.add_command(command)


def main() -> None:
    """Run one command. Exit codes are the contract's: 0, 1 our defect, 2, 3, 130."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except GraphServiceError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""One tree of errors. Each says what is wrong, where, and the cure; none holds a value from a row.

GraphServiceError
├── UsageError        the command or its arguments do not fit            exit 2
├── FileRefused       one file cannot be read as what it claims to be    a receipt, exit 2 or 3
├── DeclarationError  a room, table or mapping contradicts itself        exit 2
├── HomeError         the home folder cannot be read or written          exit 2
├── RunError          a run cannot be made or found                      exit 2
└── StoreError        the graph database cannot be started or asked      exit 2
"""

from __future__ import annotations


class GraphServiceError(Exception):
    """A refusal that the user can mend. Anything else that escapes is our defect (exit 1)."""

    exit_code = 2


class UsageError(GraphServiceError):
    """The command or its arguments do not fit."""


class FileRefused(GraphServiceError):
    """A file that is refused as a whole, with the contract's code and where the fault lies.

    `detail` may name columns, sheets, tables or a path inside a document, never a value.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class DeclarationError(GraphServiceError):
    """A room, table or mapping contradicts itself; the sentence says the cure."""


class HomeError(GraphServiceError):
    """The home folder cannot be read or written."""


class RunError(GraphServiceError):
    """A run cannot be made or found."""


class StoreError(GraphServiceError):
    """The graph database cannot be started, reached, written or asked."""

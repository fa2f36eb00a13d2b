"""One tree of errors. Each says what is wrong, where, and the cure; none holds a value from a row.

GraphServiceError
├── UsageError        the command or its arguments do not fit            exit 2
├── FileRefused       one file cannot be read as what it claims to be    a receipt, exit 2 or 3
├── DeclarationError  a room, table or mapping contradicts itself        exit 2
├── HomeError         the home folder cannot be read or written          exit 2
├── RunError          a run cannot be made or found                      exit 2
├── StoreError        the graph database cannot be started or asked      exit 2
├── CaseworkError     the casework database cannot be reached or changed exit 2
├── AccessError       who asks may not, or must say more                 exit 2
│   ├── NotSignedIn   nobody is signed in, or the proof of it has lapsed (HTTP 401)
│   ├── NotAllowed    this role may not do this                          (HTTP 403)
│   ├── NotThere      it does not exist, or not for who asks             (HTTP 404)
│   └── SignInUnavailable  nobody can tell now whether the proof holds   (HTTP 503)
├── Conflict          somebody else changed it first                     exit 2 (HTTP 409)
├── OutOfTime         it takes longer than it may, or waits too long     exit 2 (HTTP 503)
├── BackupError       a backup is not as it was written                  exit 4
├── EvidenceError     a package of evidence does not hold                exit 4
└── AuditError        the log cannot be written, or does not hold        exit 4
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


class CaseworkError(GraphServiceError):
    """The casework database cannot be reached, or is of another version."""


class AccessError(GraphServiceError):
    """Who asks may not do this, or must say more (a case, a purpose)."""


class NotSignedIn(AccessError):
    """Nobody is signed in, or what should prove it is wrong, revoked or too old."""


class NotAllowed(AccessError):
    """The roles of who asks do not allow it."""


class NotThere(AccessError):
    """It does not exist, or not for who asks: the two are never told apart."""


class SignInUnavailable(AccessError):
    """Where people sign in cannot be reached, so that nobody can tell whether a token holds."""


class Conflict(GraphServiceError):
    """It was changed since it was read, or its state does not allow the change."""


class OutOfTime(GraphServiceError):
    """What was asked takes longer than it may, or waits too long for other work to end."""


class BackupError(GraphServiceError):
    """A backup is not as it was written; names the file."""

    exit_code = 4


class EvidenceError(GraphServiceError):
    """A package of evidence does not hold, or is none; names the file."""

    exit_code = 4


class AuditError(GraphServiceError):
    """The log cannot be written, or its entries do not hold together."""

    exit_code = 4

"""Terminal: the key that signs packages of evidence: what recipients are told of it, a new one."""

from __future__ import annotations

import click

from api.desk import at_desk
from api.session import Command, Group, Session, current, say
from graph_service.evidence.bag.signature import KeyFile
from graph_service.texts import text


@click.group(cls=Group, name="signing-key")
def signing_key() -> None:
    """The key that signs packages of evidence."""


@signing_key.command(cls=Command)
def show() -> None:
    """Print the key's fingerprint and public key, and the fingerprints of those before it.

    Give recipients the fingerprint in another way than in a package. A home without a key gets
    one.
    """
    _print(current())


@signing_key.command(cls=Command)
def renew() -> None:
    """Make a new key. The public key of the one before is kept; its private one is gone."""
    session = current()
    with at_desk(session, "signing_key.renew") as desk:
        made = _file(session).renew()
        desk.tells("key", [made.fingerprint])
    say(text(session.language, "signing_key", "renewed"))
    _print(session)


def _file(session: Session) -> KeyFile:
    return KeyFile(session.home, session.settings.signing_key)


def _print(session: Session) -> None:
    file = _file(session)
    signer = file.signer()
    for fingerprint in file.fingerprints():
        state = "in_force" if fingerprint == signer.fingerprint else "earlier"
        print(fingerprint, text(session.language, "signing_key", state))
    print(signer.public_key.decode("ascii"), end="")

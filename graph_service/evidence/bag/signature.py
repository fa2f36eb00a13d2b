"""Signatures of evidence: Ed25519 (RFC 8032) by a key that no database holds.

The private key is one file, PKCS#8 in PEM, which its owner alone may read. Beside it every public
key that ever signed for this home is kept, so that an old package can still be told to be ours.
A key is known by its fingerprint: the SHA-256 of its SubjectPublicKeyInfo (RFC 5280), in hex.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from graph_service.errors import EvidenceError, UsageError
from graph_service.home import Home

_DIGITS: Final = 64
_GROUP: Final = 4
#: A public key is 113 bytes of PEM; what is much longer is something else.
_LONGEST_KEY: Final = 4_096


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs."""

    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """A detached signature: 64 raw bytes, as `openssl pkeyutl -sigfile` reads them."""
        return self._key.sign(data)

    @property
    def public_key(self) -> bytes:
        """The public key in PEM."""
        return _pem(self._key.public_key())

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self._key.public_key())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whose signature it should be."""

    _key: Ed25519PublicKey = field(repr=False)

    @classmethod
    def read(cls, pem: bytes) -> PublicKey:
        """The key of a PEM file, written as this program writes it and in no other way.

        Raises EvidenceError for anything else: nothing may hide in a file that no hash covers.
        """
        try:
            found = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise EvidenceError("This is no public key in PEM.") from error
        if not isinstance(found, Ed25519PublicKey) or _pem(found) != pem:
            raise EvidenceError("This is no Ed25519 key in its plain form.")
        return cls(found)

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self._key)

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether the key's owner signed just these bytes."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class KeyFile:
    """Where a home's key lies: `path`, or HOME/signing.key where none is given.

    Public keys that have signed are kept in HOME/signing, named by their fingerprint.
    """

    def __init__(self, home: Home, path: Path | None) -> None:
        self._home = home
        self.path = path or home.path / "signing.key"
        self._kept = home.path / "signing"

    def signer(self) -> Signer:
        """The key in force, made when first asked for.

        Raises UsageError where the key that signed before is gone: another one in its place would
        make recipients doubt every earlier package.
        """
        with self._home.writing("signing"):
            if self.path.exists():
                return self._noted(self._read())
            if self.fingerprints():
                raise UsageError(
                    f"The key that signed earlier packages is not at {self.path}. Bring it back, "
                    "or make a new one with `graph-service signing-key renew` and tell recipients."
                )
            return self._noted(self._made())

    def renew(self) -> Signer:
        """Make a new key and forget the private one before it; its public key is kept."""
        with self._home.writing("signing"):
            if self.path.exists():
                self._noted(self._read())
            return self._noted(self._made())

    def fingerprints(self) -> Mapping[str, Path]:
        """Every key that has signed for this home, and where its public key lies."""
        return {path.stem: path for path in sorted(self._kept.glob("*.pem"))}

    def _noted(self, signer: Signer) -> Signer:
        """Keep its public key before anything is signed with it."""
        kept = self._kept / f"{signer.fingerprint}.pem"
        if not kept.exists():
            try:
                self._kept.mkdir(mode=0o700, exist_ok=True)
                _replace(kept, signer.public_key)
            except OSError as error:
                raise UsageError(
                    f"The public key cannot be kept in {self._kept} ({error.strerror})."
                ) from error
        return signer

    def _read(self) -> Signer:
        try:
            found = load_pem_private_key(self.path.read_bytes(), password=None)
        except OSError as error:
            raise UsageError(
                f"The signing key {self.path} cannot be read ({error.strerror})."
            ) from error
        except (ValueError, TypeError, UnsupportedAlgorithm):
            found = None  # said below, without what the file holds
        if not isinstance(found, Ed25519PrivateKey):
            raise UsageError(
                f"{self.path} is not an Ed25519 key in PEM without a passphrase. "
                "Bring back the one that was there."
            )
        return Signer(found)

    def _made(self) -> Signer:
        key = Ed25519PrivateKey.generate()
        try:
            _replace(
                self.path,
                key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            )
        except OSError as error:
            raise UsageError(
                f"The signing key {self.path} cannot be written ({error.strerror}). "
                "Name another place in GRAPH_SERVICE_SIGNING_KEY."
            ) from error
        return Signer(key)


def expected(given: str) -> str:
    """The fingerprint of the key that somebody expects: as they wrote it, or of a file in PEM.

    Grouping and case do not matter. Raises UsageError for what is neither.
    """
    digits = re.sub(r"[\s:-]", "", given).lower()
    if re.fullmatch(rf"[0-9a-f]{{{_DIGITS}}}", digits):
        return _grouped(digits)
    try:
        with Path(given).open("rb") as file:
            found = load_pem_public_key(file.read(_LONGEST_KEY))
    except (OSError, ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise UsageError(
            f"--key takes a fingerprint of {_DIGITS} hexadecimal digits, or a file that holds an "
            "Ed25519 public key in PEM."
        )
    return _fingerprint(found)


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _fingerprint(key: Ed25519PublicKey) -> str:
    subject = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _grouped(hashlib.sha256(subject).hexdigest())


def _grouped(digits: str) -> str:
    """In fours, to be read aloud; hyphens, so that a shell takes it for one word."""
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def _replace(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.building")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - a handle, no path
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

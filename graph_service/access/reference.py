"""Opaque references: what stands for an entity in URLs, casework and the log.

`<kind>-<26 letters>`: the first 130 bits of HMAC-SHA256 (RFC 2104) under the home's own key, over
the entity's node_id, in base32 (RFC 4648) in lower case. The same entity has the same reference
in every run; nobody without the key can tell whose it is, nor try numbers one by one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import Final

from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import KINDS

LETTERS: Final = 26
#: What a reference looks like, of whichever kind.
PATTERN: Final = re.compile(rf"(?:{'|'.join(KINDS)})-[a-z2-7]{{{LETTERS}}}")

MACROS: Final = Path(__file__).with_name("reference.sql")
_BLOCK: Final = 64  # bytes that SHA-256 takes in at a time


def reference(key: bytes, node_id: str) -> str:
    """The reference of an entity; `key` is `Home.reference_key()`."""
    digest = hmac.digest(key, node_id.encode(), hashlib.sha256)
    letters = base64.b32encode(digest).decode().lower()[:LETTERS]
    return f"{node_id.partition(':')[0]}-{letters}"


def kind_of(reference: str) -> str:
    """The kind of the entity that a reference stands for."""
    return reference.partition("-")[0]


def install(engine: Engine, key: bytes) -> None:
    """Make `reference_of(node_id)`, `keyed(message)` and `holds_personal_number(v)` in an engine.

    The key lies in session variables, which no file keeps.
    """
    whole = key.ljust(_BLOCK, b"\0")
    for name, pad in (("inner_key", 0x36), ("outer_key", 0x5C)):
        value = bytes(byte ^ pad for byte in whole)
        engine.execute(f"SET VARIABLE {name} = CAST($value AS BLOB)", {"value": value})
    engine.script(MACROS)

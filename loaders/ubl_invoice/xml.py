"""Reads one UBL document child by child: no entities, no DTD, no network, no growing tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat

from lxml import etree

from graph_service.errors import FileRefused
from loaders.document import MAX_FIELD_BYTES

UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES: Final = {
    "cac": f"{UBL}CommonAggregateComponents-2",
    "cbc": f"{UBL}CommonBasicComponents-2",
}
_ROOTS: Final = {
    f"{UBL}Invoice-2 Invoice": "Invoice",
    f"{UBL}CreditNote-2 CreditNote": "CreditNote",
}
#: An attachment is no field of ours: it is read past, bounded by the parser's own 10 MB a text.
_ATTACHMENT: Final = f"{{{NAMESPACES['cbc']}}}EmbeddedDocumentBinaryObject"
_BOUND: Final = re.compile(r"too (long|big)|limit exceeded|excessive depth", re.IGNORECASE)


class _RootReached(Exception):
    """The root element has begun."""


def document_kind(path: Path) -> str:
    """Tell `Invoice` or `CreditNote` from the root alone.

    Raises FileRefused: `unsafe_xml` for any DOCTYPE (entities, external subsets), `bad_structure`
    when it is not well-formed so far, `unknown_source` for another root, `empty_file`.
    """
    root: list[str] = []

    def doctype(*_: object) -> None:
        raise FileRefused("unsafe_xml", "DOCTYPE")

    def element(name: str, _: object) -> None:
        root.append(name)
        raise _RootReached

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        with path.open("rb") as source:
            if not source.read(1):
                raise FileRefused("empty_file")
            source.seek(0)
            parser.ParseFile(source)
    except _RootReached:
        pass
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FileRefused("bad_structure", _place(error)) from None
    if root[0] not in _ROOTS:
        raise FileRefused("unknown_source", "/")
    return _ROOTS[root[0]]


def children(path: Path) -> Iterator[etree._Element]:
    """Yield each complete child of the root, then forget it.

    Raises FileRefused: `bad_structure` where it is not well-formed, `too_large` for a field over
    1 MiB or anything beyond the parser's own bounds.
    """
    with path.open("rb") as source:
        try:
            yield from _children(source)
        except etree.XMLSyntaxError as error:
            raise FileRefused(_syntax_code(error), _place(error)) from None


def _children(source: IO[bytes]) -> Iterator[etree._Element]:
    events = etree.iterparse(
        source,
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = 0
    for event, element in events:
        if event == "start":
            depth += 1
            continue
        depth -= 1
        _refuse_oversize(element)
        if depth == 1:
            yield element
            element.clear(keep_tail=False)
            while element.getprevious() is not None:
                del element.getparent()[0]


def _refuse_oversize(element: etree._Element) -> None:
    text = element.text
    if (
        not text or len(text) * 4 <= MAX_FIELD_BYTES or element.tag == _ATTACHMENT
    ):  # UTF-8: ≤ 4 each
        return
    if len(text.encode()) > MAX_FIELD_BYTES:
        raise FileRefused("too_large", f"line {element.sourceline}")


def _syntax_code(error: etree.XMLSyntaxError) -> str:
    """Tell the parser's own bounds (text, name, comment, depth) from plain malformedness."""
    return "too_large" if _BOUND.search(str(error.msg)) else "bad_structure"


def _place(error: Exception) -> str:
    """Where it broke, never what stood there: parsers quote names from the document."""
    line = getattr(error, "lineno", None)
    return f"line {line}" if line else "/"

"""The contents as pages: a tagged PDF (PDF/UA-1), and the picture of the acts over time.

The templates beside this file are the program's own; all that a case says reaches them as JSON
and is set as text, never read as markup. Only the typefaces within `typst` are used, nothing is
fetched, and the PDF's date is the day on which the package is made, so that the same contents
give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import typst

from graph_service.evidence import package
from graph_service.evidence.material import Material
from graph_service.evidence.recipients import Document
from graph_service.evidence.report.contents import Contents
from graph_service.evidence.report.layout import laid_out
from graph_service.evidence.report.timeline import timeline

_TEMPLATES: Final = Path(__file__).parent
_PATHS: Final = {Document.REPORT: package.REPORT, Document.DOSSIER: package.DOSSIER}
#: PDF/UA-1 (ISO 14289-1): tags, language, titles, alternative texts; else it is no PDF at all.
_STANDARD: Final = "ua-1"


def write(contents: Contents, material: Material, root: Path) -> None:
    """Write the document and the timeline below a bag's root.

    The picture of the network is taken from there, if it has been drawn.
    """
    picture = root / package.NETWORK_PICTURE
    drawn = picture.read_text(encoding="utf-8") if picture.is_file() else None
    over_time = timeline(contents)
    document = root / _PATHS[material.recipient.document]
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_bytes(pages(contents, over_time, drawn))
    path = root / package.TIMELINE_PICTURE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(over_time, encoding="utf-8")


def pages(contents: Contents, over_time: str, network: str | None = None) -> bytes:
    """The PDF of a document; pictures are SVG."""
    document = Document(contents.document)
    made: bytes = typst.compile(
        str(_TEMPLATES / f"{document}.typ"),
        root=str(_TEMPLATES),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=_STANDARD,
        sys_inputs={
            "told": json.dumps(laid_out(contents), ensure_ascii=False),
            "timeline": over_time if contents.acts else "",
            "network": network or "",
        },
    )
    return made

"""The few shapes of SVG 1.1 that the picture is made of; all text is text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape

from graph_service.evidence.report.printed import printable

WIDTH: Final = 720
SMALL: Final = 8.0
#: How wide a letter is, as a share of the type size: a bold Libertinus Serif takes 0.5 of it.
LETTER: Final = 0.5
INK, QUIET = "#1c2329", "#59636b"


def document(title: str, height: float, drawn: Iterable[str]) -> str:
    """The whole picture, `WIDTH` wide."""
    size = f"0 0 {WIDTH} {height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img" xml:lang="sv" '
            "font-family=\"'Libertinus Serif', 'Liberation Serif', serif\">",
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def written(
    x: float,
    y: float,
    told: str,
    size: float,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = INK,
) -> str:
    """A line of text, with nothing that a page's typefaces lack; `y` is its base line."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{colour}">{escape(printable(told))}</text>'
    )

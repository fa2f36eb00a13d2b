"""What a PDF says, how it is tagged, and where its text lies: for tests of the pages."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

import pypdf
import pypdfium2

from graph_service.texts import text as text_of

Box = tuple[float, float, float, float]
#: In points: what is left of the margins beside and below the text.
MARGIN, FOOT = 60.0, 30.0


@cache
def words(pdf: bytes) -> list[str]:
    """The text of each page, each run of white space one space."""
    read = pypdf.PdfReader(io.BytesIO(pdf))
    return [re.sub(r"\s+", " ", page.extract_text()) for page in read.pages]


@cache
def whole(pdf: bytes) -> str:
    """All text without any white space, and without what each page has above and below it."""
    around = rf"(Rapport|{sv_pages('dossier')}) · ärende \S+ sida \d+ av \d+|{sv_pages('footer')}"
    inside = "".join(re.sub(around, "", page) for page in words(pdf))
    return re.sub(r"[\s\N{ZERO WIDTH SPACE}]", "", inside)


def sv_pages(key: str) -> str:
    return re.escape(text_of("sv", "pages", key)).replace(r"\ ", " ")


def pressed(text: str) -> str:
    return re.sub(r"\s", "", text)


def structure(node: Any) -> list[str]:
    """The kinds of all elements of a tagged PDF, in reading order; figures have their words."""
    node = node.get_object()
    if not isinstance(node, dict):
        return []
    kinds = [str(node["/S"])] if "/S" in node else []
    if kinds == ["/Figure"]:
        assert len(node["/Alt"]) > 20
    under = node.get("/K", [])
    under = under.get_object() if hasattr(under, "get_object") else under
    for each in under if isinstance(under, list) else [under]:
        if not isinstance(each, int):
            kinds += structure(each)
    return kinds


def in_place(pdf: bytes, but: Collection[int] = ()) -> None:
    """All text of a PDF is within its margins, and none upon other text but on some pages."""
    for number, (width, height, boxes) in enumerate(printed_boxes(pdf)):
        for left, bottom, right, top in boxes:
            assert left > MARGIN
            assert right < width - MARGIN
            assert bottom > FOOT
            assert top < height - FOOT
        for at, one in enumerate(boxes):
            assert number in but or not any(upon(one, other) for other in boxes[at + 1 :])


def printed_boxes(pdf: bytes) -> Iterator[tuple[float, float, list[Box]]]:
    """Of each page its size and where its text lies, in points from the lower left corner."""
    with pypdfium2.PdfDocument(pdf) as read:
        for page in read:
            text = page.get_textpage()
            yield *page.get_size(), [text.get_rect(at) for at in range(text.count_rects())]
            text.close()
            page.close()


def upon(one: Box, other: Box) -> bool:
    """Whether two boxes share more than the edges that letters of neighbouring lines share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return across > 1.0 and high > 3.0

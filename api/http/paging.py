"""Lists in pages: a cursor names a place in one list, and is no right to read it.

It is signed with the home's key, so that what it says of a place can be handed to a database as
it is, and holds for the list it was given with: the same path and the same filters. The place
is that of the last item shown, not a count, so that no item is shown twice or passed over when
others come between. A list of a run names the run and goes on in it, whatever run is current.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from api.http.door import service_of
from graph_service.errors import UsageError

#: Items on a page, where the request does not say, and at most.
USUAL: Final = 50
MOST: Final = 200
_LONGEST: Final = 2000
_SIGNATURE_BYTES: Final = 16

Item = TypeVar("Item")
#: Where an item stands: the texts and numbers that its list is ordered by, the last of them unique.
#: They are seen in URLs and so hold no personal number.
Place: TypeAlias = tuple[Any, ...]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last one."
    )


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page is asked for: up to `limit` items after the place `after`, None at the start.

    `run_id` is the run that the list is of, for lists of a run and but on the first page.
    """

    limit: int
    after: Place | None
    run_id: str | None
    _key: bytes
    _asked: bytes

    def cut(
        self, found: Sequence[Item], place: Callable[[Item], Place], *, run_id: str | None = None
    ) -> tuple[list[Item], str | None]:
        """The page's items and the next cursor, of `limit` + 1 or fewer that were found."""
        shown = list(found[: self.limit])
        further = len(found) > self.limit
        return shown, self.cursor(place(shown[-1]), run_id=run_id) if further else None

    def cursor(self, place: Place, *, run_id: str | None = None) -> str:
        """What leads to the page after a place."""
        told = json.dumps([run_id, *place], separators=(",", ":")).encode()
        signature = _signature(self._key, self._asked, told)
        return urlsafe_b64encode(signature + told).rstrip(b"=").decode()


async def page_asked(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items on a page.")] = USUAL,
    cursor: Annotated[
        str | None, Query(max_length=_LONGEST, description="`next` of the page before.")
    ] = None,
) -> PageAsked:
    """The page that a request asks for; UsageError for a cursor that is not of this list."""
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in {"limit", "cursor"}
    )
    asked = f"{request.url.path}?{urlencode(filters)}".encode()
    key = service_of(request).home.reference_key()
    if cursor is None:
        return PageAsked(limit, None, None, key, asked)
    run_id, *after = _read(key, asked, cursor)
    return PageAsked(limit, tuple(after), run_id, key, asked)


#: For a route that answers a page: `page: Paging`.
Paging = Annotated[PageAsked, Depends(page_asked)]


def _read(key: bytes, asked: bytes, cursor: str) -> list[Any]:
    try:
        signed = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
    except (NotBase64, ValueError):
        signed = b""
    signature, told = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, asked, told)):
        raise UsageError(
            "The cursor is not one of this list. Send `next` of the page before with the same "
            "filters, or begin again without a cursor."
        )
    found: list[Any] = json.loads(told)
    return found


def _signature(key: bytes, asked: bytes, told: bytes) -> bytes:
    message = b"\n".join((b"cursor", asked, told))
    return hmac.digest(key, message, hashlib.sha256)[:_SIGNATURE_BYTES]

"""Answers that a caller may keep: each has a tag, and one that is known already is not sent again.

The tag is made of the answer itself, so that it changes exactly when the answer does: with the
run, with what the caller may see, and with the case. It is made anew for each request, since
the log must tell what was read, whether it had to be sent or not.
"""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Header, Response

from api.http.door import does
from graph_service.access import table

_TAG_DIGITS: Final = 32
_KEEP: Final = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Case, Purpose",
}
_ETAG: Final = {"description": "The answer's tag.", "schema": {"type": "string"}}

#: The header of a request that has an answer already.
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", max_length=2000, description="Tags of answers already had."),
]


def tells(operation: str, *refusals: HTTPStatus, example: Any = None) -> dict[str, Any]:
    """What a route says of itself that tells of a run; `example` is one of its answers.

    Where one must be signed in, what is asked of may not be there: no run, or not for who asks.
    """
    if table.operation(operation).roles is not None:
        refusals = (*refusals, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
    told = does(operation, *refusals)
    answer: dict[str, Any] = {"description": "The answer.", "headers": {"ETag": _ETAG}}
    if example is not None:
        answer["content"] = {"application/json": {"example": example}}
    told["responses"] = {HTTPStatus.OK.value: answer, **told["responses"]}
    return told


def reads(operation: str, *refusals: HTTPStatus, example: Any = None) -> dict[str, Any]:
    """The same of a route that sends no answer again which the caller has."""
    told = tells(operation, *refusals, example=example)
    unchanged = {"description": "The caller has this answer.", "headers": {"ETag": _ETAG}}
    told["responses"][HTTPStatus.NOT_MODIFIED.value] = unchanged
    return told


def answer(content: Any, known: str | None = None) -> Response:
    """The answer as JSON with its tag, or 304 where `known` (If-None-Match) names the tag."""
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:_TAG_DIGITS]}"'
    headers = {"ETag": tag, **_KEEP}
    if known is not None and names(known, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def names(known: str, tag: str) -> bool:
    """Whether a header If-None-Match names a tag, compared weakly (RFC 9110, 13.1.2)."""
    named = (each.strip().removeprefix("W/") for each in known.split(","))
    return known.strip() == "*" or tag in named

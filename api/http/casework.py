"""What the routes of casework share: what they say of themselves, and what they name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Header, Path
from fastapi.responses import JSONResponse
from pydantic_core import to_jsonable_python

from api.http.conditional import reads
from api.http.door import Asked, does
from api.http.problems import MEDIA_TYPE, Problem, Refusal
from api.http.seen import NO_ENTITY, seen
from api.http.shapes.casework import ANSWERS, Changed
from graph_service.access.reference import kind_of
from graph_service.casework.case_file import Outline
from graph_service.errors import NotThere
from graph_service.results.subjects import FindingSeen, entities_seen, finding_seen

NO_FINDING: Final = "There is no such finding in the current run, or it is not for you to see."
_CASE_ID: Final = re.compile(r"case-[0-9a-f]{16}")
_NO_NUL: Final = r"^[^\x00]*$"

#: Ids in paths: any text but one that no database would take; an unknown one is answered 404.
CaseId = Annotated[str, Path(max_length=64, pattern=_NO_NUL, description="As cases are listed by.")]
PartId = Annotated[str, Path(max_length=255, pattern=_NO_NUL)]
OfFinding = Annotated[
    str, Path(max_length=100, pattern=_NO_NUL, description="As findings are listed by.")
]
#: The header that says which version of a case the caller has read.
IfMatch = Annotated[
    str | None,
    Header(max_length=200, description="ETag of the case as you read it; `*` takes any."),
]


def shows(operation: str, answer: str, *refusals: HTTPStatus, page: bool = False) -> dict[str, Any]:
    """What a route says of itself that reads; `answer` is an example of what it answers."""
    example = ANSWERS[answer]
    return reads(
        operation, *refusals, example={"items": [example], "next": None} if page else example
    )


def writes(
    operation: str, answer: str, *refusals: HTTPStatus, status: HTTPStatus = HTTPStatus.OK
) -> dict[str, Any]:
    """What a route says of itself that changes something and answers how it then is."""
    told = does(operation, *refusals)
    content = {"application/json": {"example": ANSWERS[answer]}}
    told["responses"] = {
        status.value: {"description": "How it is now.", "content": content},
        **told["responses"],
    }
    return {**told, "status_code": status.value}


def guarded(told: dict[str, Any]) -> dict[str, Any]:
    """The same of a route that needs to know which version of the case the caller has read."""
    told["responses"] |= {
        HTTPStatus.PRECONDITION_FAILED.value: {
            "description": "Somebody changed the case first; nothing was written.",
            "model": Changed,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Changed"}}},
        },
        HTTPStatus.PRECONDITION_REQUIRED.value: {
            "description": "The header If-Match is missing.",
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    }
    return told


def within(ask: Asked, case_id: str) -> None:
    """Note for the log which case is asked for, where it can be one."""
    if _CASE_ID.fullmatch(case_id):
        ask.case_id = case_id


def tag(case: Outline) -> str:
    """A case's ETag: every change of it, or of what belongs to it, is a version."""
    return f'"{case.version}"'


def expected(if_match: str | None) -> int | None:
    """The version that If-Match names, None for any; Refusal where it is missing.

    A tag that no case had is one that no case has.
    """
    if if_match is None:
        raise Refusal(
            HTTPStatus.PRECONDITION_REQUIRED,
            "Send If-Match with the ETag of the case as you read it, so that nobody's change is "
            "lost unseen.",
        )
    if if_match.strip() == "*":
        return None
    named = re.fullmatch(r'\s*"?(\d{1,9})"?\s*', if_match, re.ASCII)
    return int(named[1]) if named else -1


def changed(current: Outline, refused: Mapping[str, Any], why: str) -> JSONResponse:
    """The refusal of a change to a case that is another by now: 412, with both sides' words."""
    status = HTTPStatus.PRECONDITION_FAILED
    told = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": why,
        "current": to_jsonable_python(current),
        "refused": to_jsonable_python(refused),
    }
    headers = {"Cache-Control": "no-store", "ETag": tag(current)}
    return JSONResponse(told, status.value, headers=headers, media_type=MEDIA_TYPE)


def finding_of(ask: Asked, finding_id: str) -> FindingSeen:
    """A finding that the caller may see, noted for the log; else NotThere."""
    with seen(ask) as view:
        found = finding_seen(view.reading.engine, finding_id)
    if found is None:
        raise NotThere(NO_FINDING)
    ask.tells("finding", [finding_id])
    return found


def provider_of(ask: Asked, reference: str) -> None:
    """See that there is such an organisation for the caller; else NotThere."""
    if not reference.startswith("organisation-"):
        raise NotThere(NO_ENTITY)
    entities_of(ask, [reference])


def entities_of(ask: Asked, references: Collection[str]) -> Mapping[str, bool]:
    """The entities, each with whether it is an insider; NotThere unless all may be seen."""
    known = entities_among(ask, references)
    if set(known) != set(references):
        raise NotThere(NO_ENTITY)
    for reference in sorted(known):
        ask.tells(kind_of(reference), [reference])
    return known


def entities_among(ask: Asked, references: Collection[str]) -> Mapping[str, bool]:
    """Those of the entities that the caller may see; none before the first run."""
    if not references:
        return {}
    with seen(ask) as view:
        return entities_seen(view.reading.engine, references)


def moment(text: Any) -> datetime:
    """A moment of a cursor."""
    return datetime.fromisoformat(text)


def day(text: Any) -> date:
    """A day of a cursor."""
    return date.fromisoformat(text)

"""What people say of findings and providers: judgements, snoozes, and the provider's own reply."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic_core import to_jsonable_python

from api.http.casework import OfFinding, day, finding_of, moment, provider_of, shows, writes
from api.http.conditional import IfNoneMatch, answer
from api.http.door import Asked, Asking, AuditedRoute, does
from api.http.paging import Page, PageAsked, Paging
from api.http.seen import Ref
from api.http.shapes.casework import Judgement, ReplyReceived, SnoozeUntil
from graph_service.casework.dispositions import Disposition, Dispositions, Judged, Precision
from graph_service.casework.replies import Replies, Reply
from graph_service.casework.snoozes import Snooze, Snoozed, Snoozes
from graph_service.errors import NotThere, UsageError

router = APIRouter(prefix="/v1", tags=["judgements"], route_class=AuditedRoute)


@router.get(
    "/findings/{finding_id}/disposition",
    response_model=Disposition,
    summary="What somebody judged of a finding",
    **shows("findings.read", "disposition", HTTPStatus.NOT_FOUND),
)
def judged(ask: Asking, finding_id: OfFinding, known: IfNoneMatch = None) -> Response:
    """The judgement that stands, also where a dismissal has expired; 404 where there is none."""
    finding_of(ask, finding_id)
    found = _dispositions(ask).of(finding_id)
    if found is None:
        raise NotThere("Nobody has judged this finding, or it is not for you to see.")
    return answer(to_jsonable_python(found), known)


@router.put(
    "/findings/{finding_id}/disposition",
    summary="Judge a finding",
    **writes("findings.dispose", "disposition", HTTPStatus.NOT_FOUND),
)
def judge(ask: Asking, finding_id: OfFinding, asked: Judgement) -> Disposition:
    """Confirm or dismiss it, with a reason. What is dismissed adds nothing to later scores."""
    found = finding_of(ask, finding_id)
    if asked.story is not None and asked.story not in found.stories:
        raise UsageError("The finding has no such innocent story. Choose one that it lists.")
    return _dispositions(ask).judge(
        ask.caller,
        Judged(finding_id, found.detector, found.provider, found.insider),
        asked.verdict,
        asked.reason,
        story=asked.story,
        expires_on=asked.expires_on,
    )


@router.delete(
    "/findings/{finding_id}/disposition",
    summary="Take a judgement back",
    status_code=HTTPStatus.NO_CONTENT.value,
    **does("findings.dispose", HTTPStatus.NOT_FOUND),
)
def unjudged(ask: Asking, finding_id: OfFinding) -> None:
    """The finding counts again in the next run. The judgement stays on record."""
    finding_of(ask, finding_id)
    _dispositions(ask).undo(finding_id, ask.caller)


@router.get(
    "/findings/{finding_id}/dispositions",
    response_model=Page[Disposition],
    summary="Every judgement of a finding",
    **shows("findings.read", "disposition", HTTPStatus.NOT_FOUND, page=True),
)
def judgements(
    ask: Asking, finding_id: OfFinding, page: Paging, known: IfNoneMatch = None
) -> Response:
    """The newest first, also those that were taken back or that another one ended."""
    finding_of(ask, finding_id)
    after = None if page.after is None else (moment(page.after[0]), str(page.after[1]))
    found = _dispositions(ask).history(finding_id, after=after, limit=page.limit + 1)
    items, further = page.cut(
        found, lambda told: (told.decided_at.isoformat(), told.disposition_id)
    )
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.get(
    "/precision",
    response_model=Page[Precision],
    summary="How often each detector held",
    **shows("findings.list", "precision", page=True),
)
def precision(ask: Asking, page: Paging, known: IfNoneMatch = None) -> Response:
    """Of the findings that people judged, how many they confirmed; by detector."""
    every = _dispositions(ask).precision(insiders=ask.caller.sees_insiders)
    after = "" if page.after is None else str(page.after[0])
    rest = [told for told in every if told.detector > after]
    items, further = page.cut(rest, lambda told: (told.detector,))
    return answer(to_jsonable_python({"items": items, "next": further}), known)


@router.get(
    "/findings/{finding_id}/snooze",
    response_model=Snooze,
    summary="Until when a finding rests",
    **shows("findings.read", "snooze", HTTPStatus.NOT_FOUND),
)
def finding_rests(ask: Asking, finding_id: OfFinding, known: IfNoneMatch = None) -> Response:
    """It is left out of the day's queue until then; 404 where it does not rest."""
    finding_of(ask, finding_id)
    return _rests(ask, Snoozed.FINDING, finding_id, known)


@router.put(
    "/findings/{finding_id}/snooze",
    summary="Put a finding off",
    **writes("findings.dispose", "snooze", HTTPStatus.NOT_FOUND),
)
def finding_put_off(ask: Asking, finding_id: OfFinding, asked: SnoozeUntil) -> Snooze:
    """It leaves the day's queue until then, and counts in every score as before."""
    finding_of(ask, finding_id)
    return _snoozes(ask).put_off(ask.caller, Snoozed.FINDING, finding_id, asked.until, asked.reason)


@router.delete(
    "/findings/{finding_id}/snooze",
    summary="Take a finding up again",
    status_code=HTTPStatus.NO_CONTENT.value,
    **does("findings.dispose", HTTPStatus.NOT_FOUND),
)
def finding_woken(ask: Asking, finding_id: OfFinding) -> None:
    """It is in the day's queue again."""
    finding_of(ask, finding_id)
    _snoozes(ask).wake(ask.caller, Snoozed.FINDING, finding_id)


@router.get(
    "/providers/{ref}/snooze",
    response_model=Snooze,
    summary="Until when a provider rests",
    **shows("providers.read", "snooze", HTTPStatus.NOT_FOUND),
)
def provider_rests(ask: Asking, ref: Ref, known: IfNoneMatch = None) -> Response:
    """It is left out of the day's queue until then; 404 where it does not rest."""
    provider_of(ask, ref)
    return _rests(ask, Snoozed.PROVIDER, ref, known)


@router.put(
    "/providers/{ref}/snooze",
    summary="Put a provider off",
    **writes("findings.dispose", "snooze", HTTPStatus.NOT_FOUND),
)
def provider_put_off(ask: Asking, ref: Ref, asked: SnoozeUntil) -> Snooze:
    """It leaves the day's queue until then, and is scored as before."""
    provider_of(ask, ref)
    return _snoozes(ask).put_off(ask.caller, Snoozed.PROVIDER, ref, asked.until, asked.reason)


@router.delete(
    "/providers/{ref}/snooze",
    summary="Take a provider up again",
    status_code=HTTPStatus.NO_CONTENT.value,
    **does("findings.dispose", HTTPStatus.NOT_FOUND),
)
def provider_woken(ask: Asking, ref: Ref) -> None:
    """It is in the day's queue again."""
    provider_of(ask, ref)
    _snoozes(ask).wake(ask.caller, Snoozed.PROVIDER, ref)


@router.get(
    "/providers/{ref}/replies",
    response_model=Page[Reply],
    summary="What a provider answered",
    **shows("replies.record", "reply", HTTPStatus.NOT_FOUND, page=True),
)
def replies(ask: Asking, ref: Ref, page: Paging, known: IfNoneMatch = None) -> Response:
    """The provider's own words when asked about findings (FL 25 §), the newest first."""
    provider_of(ask, ref)
    found = _replies(ask).of_provider(ref, after=_after(page), limit=page.limit + 1)
    return _answered(ask, page, found, known)


@router.post(
    "/providers/{ref}/replies",
    summary="Record a provider's reply",
    **writes("replies.record", "reply", HTTPStatus.NOT_FOUND, status=HTTPStatus.CREATED),
)
def replied(ask: Asking, ref: Ref, asked: ReplyReceived) -> Reply:
    """It is shown with the findings that it answers, all of them the provider's."""
    provider_of(ask, ref)
    for finding_id in asked.findings:
        if finding_of(ask, finding_id).provider != ref:
            raise UsageError("One of the findings is another provider's. Name this one's only.")
    return _replies(ask).record(
        ask.caller,
        ref,
        received_on=asked.received_on,
        text=asked.text,
        findings=asked.findings,
    )


@router.get(
    "/findings/{finding_id}/replies",
    response_model=Page[Reply],
    summary="What the provider answered to a finding",
    **shows("replies.record", "reply", HTTPStatus.NOT_FOUND, page=True),
)
def answers(
    ask: Asking, finding_id: OfFinding, page: Paging, known: IfNoneMatch = None
) -> Response:
    """The provider's own words, the newest first."""
    finding_of(ask, finding_id)
    found = _replies(ask).to_finding(finding_id, after=_after(page), limit=page.limit + 1)
    return _answered(ask, page, found, known)


def _rests(ask: Asked, kind: Snoozed, reference: str, known: str | None) -> Response:
    found = _snoozes(ask).of(kind, reference)
    if found is None:
        raise NotThere("It is not snoozed, or it is not for you to see.")
    return answer(to_jsonable_python(found), known)


def _answered(ask: Asked, page: PageAsked, found: list[Reply], known: str | None) -> Response:
    items, further = page.cut(found, lambda told: (told.received_on.isoformat(), told.reply_id))
    for told in items:
        ask.tells("reply", [told.reply_id])
    return answer(to_jsonable_python({"items": items, "next": further}), known)


def _after(page: PageAsked) -> tuple[date, str] | None:
    return None if page.after is None else (day(page.after[0]), str(page.after[1]))


def _dispositions(ask: Asked) -> Dispositions:
    return Dispositions(ask.service.database, clock=ask.service.clock)


def _snoozes(ask: Asked) -> Snoozes:
    return Snoozes(ask.service.database, clock=ask.service.clock)


def _replies(ask: Asked) -> Replies:
    return Replies(ask.service.database, clock=ask.service.clock)

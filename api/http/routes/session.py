"""Signing in with a name and a password, who one is, and signing out."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.http.door import Asked, Asking, AuditedRoute, does
from graph_service.access.table import Caller, Role
from graph_service.casework.passwords import LONGEST_PASSWORD
from graph_service.casework.users import SignInRefused
from graph_service.errors import Conflict

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=AuditedRoute)


class SignIn(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "anna", "password": "fyra ord av slumpen"}]},
    )

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD)


class Me(BaseModel):
    """Who is signed in. `units` is null for one who sees every unit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "user:25a6d2ecfe395995",
                    "name": "anna",
                    "roles": ["reviewer"],
                    "units": ["norr"],
                }
            ]
        }
    )

    user_id: str
    name: str
    roles: list[Role]
    units: list[str] | None

    @classmethod
    def of(cls, caller: Caller) -> Me:
        """The same, in the order of the alphabet."""
        return cls(
            user_id=caller.user_id,
            name=caller.name,
            roles=sorted(caller.roles),
            units=None if caller.units is None else sorted(caller.units),
        )


class Opened(BaseModel):
    """A session. Send the token as `Authorization: Bearer …`; nobody can show it again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "gss_N02as4u2llIebBoMSHv7Ffp8yetQGxS67D-cxOur9lQ",
                    "expires_at": "2026-03-02T16:00:00Z",
                    "user": {
                        "user_id": "user:25a6d2ecfe395995",
                        "name": "anna",
                        "roles": ["reviewer"],
                        "units": ["norr"],
                    },
                }
            ]
        }
    )

    token: str
    expires_at: datetime
    user: Me


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Sign in",
    **does("session.open", HTTPStatus.UNAUTHORIZED),
)
def sign_in(ask: Asking, request: Request, given: SignIn) -> Opened:
    """Open a session of eight hours. Five failures in a quarter of an hour rest the name."""
    try:
        opened = ask.service.users.sign_in(given.name, given.password)
    except SignInRefused as refused:
        if refused.user_id is not None:
            ask.tells("user", [refused.user_id.partition(":")[2]])
        raise
    # From here the log names who signed in.
    request.state.asked = Asked(ask.service, opened.caller)
    return Opened(token=opened.token, expires_at=opened.expires_at, user=Me.of(opened.caller))


@router.get("", summary="Who is signed in", **does("session.read"))
def read_session(ask: Asking) -> Me:
    """Whose token this is, and what it lets one see."""
    return Me.of(ask.caller)


@router.delete(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Sign out",
    **does("session.close", HTTPStatus.CONFLICT),
)
def sign_out(ask: Asking, request: Request) -> None:
    """End the session of the token that is sent."""
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    if not ask.service.users.sign_out(token):
        raise Conflict(
            "This token is of no session here. A key is revoked by an administrator; a sign-in "
            "provider's token ends there."
        )

"""Who may come in: people with a password, and robots with a key."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from api.http.door import Asked, Asking, AuditedRoute, does
from api.http.paging import Page, Paging, Place
from graph_service.access.table import Role
from graph_service.casework.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD
from graph_service.casework.users import LONGEST_KEY
from graph_service.errors import NotAllowed

router = APIRouter(prefix="/v1", tags=["users"], route_class=AuditedRoute)

_Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="Letters, digits and . _ @ + -, and no six digits in a row.",
        json_schema_extra={"pattern": r"^(?!.*\d{6})[\w.@+-]{1,64}$"},
    ),
]
_Password = Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
_Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
_Unit = Annotated[str, Field(min_length=1, max_length=200)]
_Units = Annotated[list[_Unit], Field(max_length=500)]
_ShownRoles = Annotated[list[Role], BeforeValidator(sorted)]
_ShownUnits = Annotated[list[str], BeforeValidator(sorted)]
_Id = Annotated[str, Path(pattern=r"^(user|key):[0-9a-f]{1,64}$")]
_USER: Final[JsonDict] = {
    "user_id": "user:25a6d2ecfe395995",
    "name": "anna",
    "roles": ["reviewer"],
    "units": ["norr"],
    "created_at": "2026-03-02T08:00:00Z",
    "disabled_at": None,
}
_KEY: Final[JsonDict] = {
    "key_id": "key:4e0a99d03d5b2612",
    "name": "nightly-loader",
    "roles": ["reviewer"],
    "units": None,
    "created_by": "user:25a6d2ecfe395995",
    "created_at": "2026-03-02T08:00:00Z",
    "expires_at": "2026-05-31T08:00:00Z",
    "revoked_at": None,
    "last_used_on": "2026-03-03",
}


class NewUser(BaseModel):
    """Somebody to let in. `units` null lets them see every unit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "anna",
                    "password": "fyra ord av slumpen",
                    "roles": ["reviewer"],
                    "units": ["norr"],
                }
            ]
        },
    )

    name: _Name
    password: _Password
    roles: _Roles
    units: _Units | None


class UserChange(BaseModel):
    """What is to be otherwise; what is left out stays. `units` null lets them see every unit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"disabled": True}, {"roles": ["lawyer"], "units": None}]},
    )

    roles: _Roles | None = None
    units: _Units | None = None
    disabled: bool | None = None
    password: _Password | None = None


class User(BaseModel):
    """A person who signs in here; what their password is, nobody can read."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_USER]})

    user_id: str
    name: str
    roles: _ShownRoles
    units: _ShownUnits | None
    created_at: datetime
    disabled_at: datetime | None


class NewKey(BaseModel):
    """A robot to let in, for at most 400 days. `units` null lets it see every unit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "nightly-loader", "roles": ["reviewer"], "units": None, "days": 90}
            ]
        },
    )

    name: _Name
    roles: _Roles
    units: _Units | None
    days: int = Field(ge=1, le=LONGEST_KEY.days)


class Key(BaseModel):
    """A robot's key, without its secret."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_KEY]})

    key_id: str
    name: str
    roles: _ShownRoles
    units: _ShownUnits | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None


class IssuedKey(BaseModel):
    """A new key with its secret, which nobody can show again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": _KEY | {"last_used_on": None},
                    "secret": "gsk_U_aAhoHbBA6mQ8qdeqml5v4g5r-jK3NK_xFdjF_ZYXA",
                }
            ]
        }
    )

    key: Key
    secret: str


@router.get("/users", summary="People who may come in", **does("users.list"))
def list_users(ask: Asking, page: Paging) -> Page[User]:
    """People by name, those who may come in no longer too."""
    found = ask.service.users.everybody(after=_after(page.after), limit=page.limit + 1)
    shown, following = page.cut(found, lambda user: (user.name,))
    return Page(items=[User.model_validate(each) for each in shown], next=following)


@router.post(
    "/users",
    status_code=HTTPStatus.CREATED,
    summary="Let somebody in",
    **does("users.change", HTTPStatus.CONFLICT),
)
def add_user(ask: Asking, given: NewUser) -> User:
    """Let somebody in by name and password."""
    made = ask.service.users.add(given.name, given.password, given.roles, given.units)
    _note(ask, made.user_id)
    return User.model_validate(made)


@router.patch(
    "/users/{user_id}",
    summary="Change what somebody may",
    **does("users.change", HTTPStatus.NOT_FOUND),
)
def change_user(ask: Asking, user_id: _Id, change: UserChange) -> User:
    """Change roles, units or password, or let them in no longer; it holds at once.

    Nobody changes their own roles or units.
    """
    _note(ask, user_id)
    given = change.model_fields_set
    if user_id == ask.caller.user_id and given & {"roles", "units"}:
        raise NotAllowed("Nobody changes their own roles or units. Ask another administrator.")
    changed = ask.service.users.change(
        user_id,
        roles=change.roles,
        units=change.units,
        all_units="units" in given and change.units is None,
        disabled=change.disabled,
        password=change.password,
    )
    return User.model_validate(changed)


@router.get("/keys", summary="Keys of robots", **does("users.list"))
def list_keys(ask: Asking, page: Paging) -> Page[Key]:
    """Keys by name, those that hold no longer too."""
    found = ask.service.users.every_key(after=_after(page.after), limit=page.limit + 1)
    shown, following = page.cut(found, lambda key: (key.name,))
    return Page(items=[Key.model_validate(each) for each in shown], next=following)


@router.post(
    "/keys",
    status_code=HTTPStatus.CREATED,
    summary="Let a robot in",
    **does("keys.change", HTTPStatus.CONFLICT),
)
def issue_key(ask: Asking, given: NewKey) -> IssuedKey:
    """Make a key; its secret is in this answer and nowhere else."""
    made, secret = ask.service.users.issue_key(
        given.name,
        given.roles,
        given.units,
        lasts=timedelta(days=given.days),
        by=ask.caller.user_id,
    )
    _note(ask, made.key_id)
    return IssuedKey(key=Key.model_validate(made), secret=secret)


@router.delete(
    "/keys/{key_id}",
    summary="End a key",
    **does("keys.change", HTTPStatus.NOT_FOUND),
)
def revoke_key(ask: Asking, key_id: _Id) -> Key:
    """End a key at once; its name stays taken, so that the log can be read."""
    _note(ask, key_id)
    return Key.model_validate(ask.service.users.revoke_key(key_id))


def _after(place: Place | None) -> str:
    return "" if place is None else str(place[0])


def _note(ask: Asked, identity: str) -> None:
    kind, _, reference = identity.partition(":")
    if kind in ("user", "key"):
        ask.tells(kind, [reference])

"""People whom the municipality's own OpenID Connect provider has signed in.

A bearer token is verified here, without asking the provider: signature by its published keys
(RFC 7515, asymmetric algorithms only), issuer, audience and times (RFC 7519). What one may comes
from the token's claims; where these are silent, one may nothing and sees no unit.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import GuestProtocol, JWKRegistry, KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from graph_service.access.table import Caller, Role
from graph_service.errors import NotSignedIn, SignInUnavailable, UsageError
from graph_service.settings import OidcSettings

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA", "Ed25519")
#: How far the provider's clock may be from ours.
LEEWAY: Final = timedelta(seconds=60)
#: A token of an unknown key makes us fetch the keys anew, at most so often.
REFETCH: Final = timedelta(minutes=1)
#: How long we wait before we try again where no keys could be fetched yet.
RETRY: Final = timedelta(seconds=10)
#: Keys are fetched anew at least so often, so that one withdrawn by the provider stops working.
KEYS_LAST: Final = timedelta(hours=1)
EVERY_UNIT: Final = "*"
_FETCH_SECONDS: Final = 5.0
#: Six digits in a row may be a personal number; such a name is not taken over.
_NUMBER: Final = re.compile(r"\d{6}")


class OidcProvider:
    """One provider, and its keys as they were last fetched. Threads may share it."""

    def __init__(self, settings: OidcSettings, *, clock: Callable[[], datetime]) -> None:
        _require_safe(settings.issuer)
        self._settings = settings
        self._clock = clock
        self._keys = _Keys(settings.issuer, clock)

    def caller_of(self, token: str) -> Caller:
        """Who the token says that it is.

        NotSignedIn where it does not hold; SignInUnavailable where there are no keys to tell.
        A caller without a role that we know may do nothing, and the access table says so.
        """
        try:
            claims = jwt.decode(token, self._keys.of, registry=_ASYMMETRIC).claims
            self._rules().validate(claims)
        except (JoseError, ValueError) as error:
            raise NotSignedIn(
                "The sign-in provider's token does not hold: its signature, issuer, audience or "
                "time is wrong. Sign in anew."
            ) from error
        return Caller(
            user_id=_user_id(claims["iss"], claims["sub"]),
            name=_name(claims),
            roles=self._roles(claims),
            units=self._units(claims),
        )

    def _rules(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=int(LEEWAY.total_seconds()),
            iss={"essential": True, "value": self._keys.issuer},
            aud={"essential": True, "value": self._settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        told = _claim(claims, self._settings.roles_claim)
        names = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
        return frozenset(role for role in Role if role.value in names)

    def _units(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        told = _claim(claims, self._settings.units_claim)
        if told == EVERY_UNIT:
            return None
        names = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        return frozenset(name for name in names if isinstance(name, str))


class _Asymmetric(JWSRegistry):
    """Which signatures count: never `none`, never a secret shared with the provider.

    EdDSA is taken without the library's warning: providers still write it for Ed25519.
    """

    max_header_length = 4096  # a chain of certificates (x5c) may stand there

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS:
            return super().get_alg(name)
        return self.algorithms[name]


_ASYMMETRIC: Final = _Asymmetric(algorithms=ALGORITHMS, strict_check_header=False)


class _Keys:
    """The provider's issuer name and signing keys."""

    def __init__(self, issuer: str, clock: Callable[[], datetime]) -> None:
        self.issuer = issuer
        self._address = issuer
        self._clock = clock
        self._lock = threading.Lock()
        self._set: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def of(self, token: GuestProtocol) -> KeySet:
        """The keys among which the token's must be.

        While the provider cannot be reached, the keys that were fetched last count.
        """
        with self._lock:
            if self._due(token.headers().get("kid")):
                try:
                    self._set = self._fetch()
                except SignInUnavailable:
                    if self._set is None:
                        raise
            if self._set is None:
                raise _unavailable()
            return self._set

    def _due(self, wanted: object) -> bool:
        now = self._clock()
        if self._tried_at is None:
            return True
        if self._set is None or self._fetched_at is None:
            return now - self._tried_at >= RETRY
        old = now - self._fetched_at >= KEYS_LAST
        unknown = wanted is not None and all(key.kid != wanted for key in self._set)
        return (old or unknown) and now - self._tried_at >= REFETCH

    def _fetch(self) -> KeySet:
        self._tried_at = self._clock()
        try:
            with httpx.Client(timeout=_FETCH_SECONDS) as client:
                about = _json(client, f"{self._address}/.well-known/openid-configuration")
                issuer, address = about.get("issuer"), about.get("jwks_uri")
                if not isinstance(issuer, str) or issuer.rstrip("/") != self._address:
                    raise ValueError("the document is of another issuer")
                if not isinstance(address, str):
                    raise ValueError("the document names no keys")
                _require_safe(address)
                keys = _signing_keys(_json(client, address))
        except (httpx.HTTPError, ValueError, UsageError) as error:
            raise _unavailable() from error
        self.issuer, self._fetched_at = issuer, self._tried_at
        return keys


def _unavailable() -> SignInUnavailable:
    return SignInUnavailable(
        "The sign-in provider's keys cannot be fetched, so no token of it can be checked. "
        "Try again in a minute; else see GRAPH_SERVICE_OIDC_ISSUER."
    )


def _json(client: httpx.Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    if answer.status_code != HTTPStatus.OK:
        raise ValueError("the provider refuses")
    told = answer.json()
    if not isinstance(told, dict):
        raise ValueError("the provider does not answer with an object")
    return told


def _signing_keys(told: Mapping[str, Any]) -> KeySet:
    """The keys for signatures; one of a kind that we do not know is passed over (RFC 7517 §5)."""
    listed, keys = told.get("keys"), []
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if each.get("use", "sig") == "sig":
            try:
                keys.append(JWKRegistry.import_key(each))
            except (JoseError, ValueError):
                continue
    if not keys:
        raise ValueError("the provider publishes no key for signatures")
    return KeySet(keys)


def _require_safe(address: str) -> None:
    """Keys come over TLS, or from this very machine: who can change them signs in as anybody."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return
    raise UsageError(
        "The sign-in provider's address is not https (plain http only on this machine). "
        "Change GRAPH_SERVICE_OIDC_ISSUER."
    )


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """A claim by its name, or by its path with dots (`realm_access.roles`)."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _user_id(issuer: str, subject: str) -> str:
    return "oidc:" + hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:32]


def _name(claims: Mapping[str, Any]) -> str:
    for claim in ("preferred_username", "name"):
        name = claims.get(claim)
        if isinstance(name, str) and name and not _NUMBER.search(name):
            return name[:200]
    return "-"

"""Tokens of a sign-in provider: a real one, and one of our own whose keys rotate and fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from graph_service.access import table
from graph_service.access.oidc import KEYS_LAST, LEEWAY, REFETCH, RETRY, OidcProvider
from graph_service.access.table import Role
from graph_service.errors import NotAllowed, NotSignedIn, SignInUnavailable, UsageError
from graph_service.settings import OidcSettings

AUDIENCE = "graph-service"
#: Made once: making one takes longer than verifying a hundred tokens.
FIRST = RSAKey.generate_key(2048, {"kid": "first"})
SECOND = RSAKey.generate_key(2048, {"kid": "second"})


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Issuer:
    """A provider on this machine: its keys, what it publishes, and how often it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.keys: dict[str, Key] = {"first": FIRST}
        self.up = True
        self.asked = 0
        self.url = ""
        self.extra: list[dict[str, Any]] = []
        self.about: dict[str, Any] = {}

    def answer(self, path: str) -> dict[str, Any] | None:
        if not self.up:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.about
        self.asked += 1
        published = [key.as_dict(private=False) for key in self.keys.values()]
        return {"keys": [*self.extra, *published]}

    def token(self, kid: str = "first", alg: str = "RS256", **claims: Any) -> str:
        now = int(self.clock().timestamp())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "s-1",
            "iat": now,
            "exp": now + 600,
            "roles": ["reviewer"],
            "units": ["north"],
        }
        told |= claims
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": kid}, told, self.keys[kid], algorithms=[alg])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Iterator[Issuer]:
    with serving(Issuer(clock)) as made:
        yield made


@contextmanager
def serving(made: Issuer) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = made.answer(self.path)
            body = json.dumps(told).encode()
            self.send_response(503 if told is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def provider(issuer: Issuer, clock: Clock) -> OidcProvider:
    return OidcProvider(OidcSettings(issuer.url, AUDIENCE), clock=clock)


@pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
def test_a_real_provider_signs_a_reviewer_in() -> None:
    """From the login form to the caller: oidc-provider-mock, by the authorization code flow."""
    with warnings.catch_warnings(record=True):  # what it imports is deprecated elsewhere
        import oidc_provider_mock  # noqa: PLC0415
    claims = {"name": "Anna Granskare", "roles": ["reviewer", "cook"], "units": ["north", "south"]}
    user = oidc_provider_mock.User(sub="anna", claims=claims)
    with oidc_provider_mock.run_server_in_thread(user_claims=[user]) as server:
        url = f"http://localhost:{server.server_port}"
        token = signed_in(url, "anna")
        clock = lambda: datetime.now(UTC)  # noqa: E731
        provider = OidcProvider(OidcSettings(url, AUDIENCE), clock=clock)
        caller = provider.caller_of(token)
        assert caller.name == "Anna Granskare"
        assert caller.roles == {Role.REVIEWER}
        assert caller.units == {"north", "south"}
        assert caller.user_id.startswith("oidc:") and "anna" not in caller.user_id
        with pytest.raises(NotSignedIn):
            OidcProvider(OidcSettings(url, "another"), clock=clock).caller_of(token)
        later = lambda: datetime.now(UTC) + timedelta(hours=2)  # noqa: E731
        with pytest.raises(NotSignedIn):
            OidcProvider(OidcSettings(url, AUDIENCE), clock=later).caller_of(token)


def signed_in(url: str, subject: str) -> str:
    """An ID token, as a browser and a client get it."""
    back = "http://localhost:1/back"
    asked = {
        "client_id": AUDIENCE,
        "redirect_uri": back,
        "response_type": "code",
        "scope": "openid profile",
    }
    with httpx.Client(base_url=url, timeout=60) as browser:
        form = browser.post("/oauth2/authorize", params=asked, data={"sub": subject})
        code = parse_qs(urlsplit(form.headers["location"]).query)["code"][0]
        told = browser.post(
            "/oauth2/token",
            auth=(AUDIENCE, "any"),
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": back},
        )
    token: str = told.json()["id_token"]
    return token


def test_one_person_has_one_id_and_two_have_two(issuer: Issuer, provider: OidcProvider) -> None:
    ids = [provider.caller_of(issuer.token(sub=sub)).user_id for sub in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("ES256", ECKey.generate_key("P-256", {"kid": "other"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "other"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "other"})),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_other_asymmetric_signatures_hold(
    alg: str, key: Key, issuer: Issuer, provider: OidcProvider
) -> None:
    issuer.keys["other"] = key
    assert provider.caller_of(issuer.token("other", alg)).roles == {Role.REVIEWER}


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp"])
def test_a_token_without_a_claim_that_must_be_there_does_not_hold(
    claim: str, issuer: Issuer, provider: OidcProvider
) -> None:
    with pytest.raises(NotSignedIn):
        provider.caller_of(issuer.token(**{claim: None}))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://127.0.0.1:1"},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": [AUDIENCE, 7]},
        {"sub": ""},
        {"sub": 7},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
        {"exp": True},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_does_not_hold(
    claims: dict[str, Any], issuer: Issuer, provider: OidcProvider
) -> None:
    with pytest.raises(NotSignedIn):
        provider.caller_of(issuer.token(**claims))


def test_one_of_several_audiences_suffices(issuer: Issuer, provider: OidcProvider) -> None:
    assert provider.caller_of(issuer.token(aud=["another", AUDIENCE])).roles


def test_times_hold_to_the_second_with_the_leeway(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    ends, leeway, second = clock() + timedelta(minutes=10), LEEWAY, timedelta(seconds=1)
    token = issuer.token()
    clock.now = ends + leeway - second
    assert provider.caller_of(token).roles
    clock.now = ends + leeway
    with pytest.raises(NotSignedIn):
        provider.caller_of(token)
    begins = int((clock() + leeway).timestamp())
    assert provider.caller_of(issuer.token(nbf=begins)).roles
    with pytest.raises(NotSignedIn):
        provider.caller_of(issuer.token(nbf=begins + 1))


def test_a_token_without_a_signature_does_not_hold(issuer: Issuer, provider: OidcProvider) -> None:
    head, body, _ = issuer.token().split(".")
    for alg in ("none", "None", "NONE"):
        unsigned = _part({"alg": alg, "kid": "first", "typ": "JWT"})
        for tail in ("", _bytes(b"x")):
            with pytest.raises(NotSignedIn):
                provider.caller_of(f"{unsigned}.{body}.{tail}")
    with pytest.raises(NotSignedIn):
        provider.caller_of(f"{head}.{body}.")


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_the_public_key_is_no_secret_to_sign_with(
    form: str, issuer: Issuer, provider: OidcProvider
) -> None:
    """The known confusion: HS256 over the public key, which everybody has."""
    key = issuer.keys["first"]
    secret = {
        "pem": key.as_pem(private=False),
        "der": key.as_der(private=False),
        "jwk": json.dumps(key.as_dict(private=False)).encode(),
    }[form]
    body = issuer.token().split(".")[1]
    head = _part({"alg": "HS256", "kid": "first", "typ": "JWT"})
    forged = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
    with pytest.raises(NotSignedIn):
        provider.caller_of(f"{head}.{body}.{_bytes(forged)}")


def test_a_published_secret_is_no_signing_key(issuer: Issuer, provider: OidcProvider) -> None:
    secret = b"s" * 32
    issuer.extra = [{"kty": "oct", "kid": "shared", "k": _bytes(secret), "alg": "HS256"}]
    body = issuer.token().split(".")[1]
    head = _part({"alg": "HS256", "kid": "shared", "typ": "JWT"})
    signed = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
    with pytest.raises(NotSignedIn):
        provider.caller_of(f"{head}.{body}.{_bytes(signed)}")


def test_every_changed_byte_of_a_token_is_noticed(issuer: Issuer, provider: OidcProvider) -> None:
    head, body, tail = (_read(part) for part in issuer.token().split("."))
    for part, whole in enumerate((head, body, tail)):
        for place in range(0, len(whole), 7):
            changed = [head, body, tail]
            changed[part] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            with pytest.raises(NotSignedIn):
                provider.caller_of(".".join(_bytes(each) for each in changed))


@pytest.mark.parametrize("token", ["..", "a.b.c", "é.ü.å", "." * 2 + "x" * 200_000])
def test_what_is_no_token_does_not_hold(token: str, provider: OidcProvider) -> None:
    with pytest.raises(NotSignedIn):
        provider.caller_of(token)


def test_rotated_keys_work_and_withdrawn_ones_stop(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    old = issuer.token()
    provider.caller_of(old)
    assert issuer.asked == 1
    issuer.keys = {"second": SECOND}
    clock.now += REFETCH
    assert provider.caller_of(issuer.token("second")).roles
    assert issuer.asked == 2
    with pytest.raises(NotSignedIn):
        provider.caller_of(old)


def test_a_withdrawn_key_stops_within_the_hour_though_no_new_one_is_met(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    provider.caller_of(issuer.token())
    withdrawn = dict(issuer.keys)
    issuer.keys = {"second": SECOND}
    clock.now += KEYS_LAST
    issuer.keys, published = withdrawn, issuer.keys
    token = issuer.token()
    issuer.keys = published
    with pytest.raises(NotSignedIn):
        provider.caller_of(token)


def test_unknown_keys_do_not_make_us_hammer_the_provider(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    provider.caller_of(issuer.token())
    stranger = RSAKey.generate_key(2048, {"kid": "stranger"})
    for _ in range(20):
        token = jwt.encode({"alg": "RS256", "kid": "stranger"}, {"iss": issuer.url}, stranger)
        with pytest.raises(NotSignedIn):
            provider.caller_of(token)
        clock.now += timedelta(seconds=10)
    assert issuer.asked == 1 + 3, "once a minute within 200 seconds"


def test_keys_that_we_have_count_while_the_provider_is_down(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    provider.caller_of(issuer.token())
    issuer.up = False
    clock.now += 3 * KEYS_LAST
    assert provider.caller_of(issuer.token()).roles


def test_without_any_keys_nobody_can_tell(
    issuer: Issuer, provider: OidcProvider, clock: Clock
) -> None:
    issuer.up = False
    with pytest.raises(SignInUnavailable):
        provider.caller_of(issuer.token())
    issuer.up = True
    with pytest.raises(SignInUnavailable):
        provider.caller_of(issuer.token())
    clock.now += RETRY
    assert provider.caller_of(issuer.token()).roles


@pytest.mark.parametrize(
    "about",
    [{"issuer": "https://example.se"}, {"jwks_uri": None}, {"jwks_uri": "http://example.se/keys"}],
    ids=str,
)
def test_a_document_of_somebody_else_is_not_believed(
    about: dict[str, Any], issuer: Issuer, provider: OidcProvider
) -> None:
    issuer.about = about
    with pytest.raises(SignInUnavailable):
        provider.caller_of(issuer.token())


def test_keys_of_kinds_unknown_to_us_are_passed_over(
    issuer: Issuer, provider: OidcProvider
) -> None:
    issuer.extra = [{"kty": "AKP", "kid": "new"}, {"kid": "bare"}, {"kty": "RSA", "kid": "half"}]
    issuer.extra.append(issuer.keys["first"].as_dict(private=False) | {"use": "enc"})
    assert provider.caller_of(issuer.token()).roles


@pytest.mark.parametrize("address", ["http://example.se", "ftp://localhost", "example.se", ""])
def test_keys_come_over_tls_or_from_this_machine(address: str, clock: Clock) -> None:
    with pytest.raises(UsageError):
        OidcProvider(OidcSettings(address, AUDIENCE), clock=clock)


@pytest.mark.parametrize(
    ("told", "roles"),
    [
        (["reviewer", "lawyer"], {Role.REVIEWER, Role.LAWYER}),
        ("reviewer lawyer", {Role.REVIEWER, Role.LAWYER}),
        (["Reviewer", "root", 7, None, ["lawyer"]], set()),
        ({"reviewer": True}, set()),
        (None, set()),
        (True, set()),
    ],
    ids=["several", "one text", "none of ours", "a mapping", "none", "a truth"],
)
def test_roles_are_those_that_we_know(
    told: Any, roles: set[Role], issuer: Issuer, provider: OidcProvider
) -> None:
    caller = provider.caller_of(issuer.token(roles=told))
    assert caller.roles == roles
    if not roles:
        with pytest.raises(NotAllowed):
            table.require("providers.list", caller)


@pytest.mark.parametrize(
    ("told", "units"),
    [
        (["north", "south"], {"north", "south"}),
        ("north", {"north"}),
        ("*", None),
        (["*"], {"*"}),
        ([], set()),
        (None, set()),
        (7, set()),
        ([7, "north"], {"north"}),
    ],
    ids=lambda told: str(sorted(told) if isinstance(told, set) else told),
)
def test_units_that_are_not_told_are_none_at_all(
    told: Any, units: set[str] | None, issuer: Issuer, provider: OidcProvider
) -> None:
    assert provider.caller_of(issuer.token(units=told)).units == units


def test_claims_may_stand_deeper(issuer: Issuer, clock: Clock) -> None:
    settings = OidcSettings(issuer.url, AUDIENCE, "realm_access.roles", "https://kommun.se/units")
    nested = {"realm_access": {"roles": ["auditor"]}, "https://kommun.se/units": ["west"]}
    caller = OidcProvider(settings, clock=clock).caller_of(issuer.token(roles=None, **nested))
    assert (caller.roles, caller.units) == ({Role.AUDITOR}, {"west"})


def test_a_name_that_may_be_a_personal_number_is_not_taken_over(
    issuer: Issuer, provider: OidcProvider
) -> None:
    token = issuer.token(preferred_username="199001012385", name="Bo Granskare")
    assert provider.caller_of(token).name == "Bo Granskare"
    token = issuer.token(preferred_username="19900101-2385", name="900101-2385")
    assert provider.caller_of(token).name == "-"


def test_an_issuer_with_a_slash_at_its_end_is_the_same(issuer: Issuer, clock: Clock) -> None:
    issuer.about = {"issuer": issuer.url + "/"}
    settings = replace(OidcSettings(issuer.url, AUDIENCE))
    provider = OidcProvider(settings, clock=clock)
    assert provider.caller_of(issuer.token(iss=issuer.url + "/")).roles
    with pytest.raises(NotSignedIn):
        provider.caller_of(issuer.token())


def test_many_at_once_fetch_the_keys_once(issuer: Issuer, provider: OidcProvider) -> None:
    token, failed = issuer.token(), list[Exception]()

    def ask() -> None:
        try:
            provider.caller_of(token)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and issuer.asked == 1


def _part(told: dict[str, Any]) -> str:
    return _bytes(json.dumps(told).encode())


def _bytes(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

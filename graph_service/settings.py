"""What the environment says. Read here and nowhere else, once, when a command starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from graph_service.errors import UsageError

#: Texts exist in these languages; the first is the default.
LANGUAGES: Final = ("sv", "en")
DEFAULT_MEMORY: Final = "2GiB"
_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B)", re.IGNORECASE)
_ANCHOR: Final = "GRAPH_SERVICE_AUDIT_ANCHOR"
_STAMP_URL: Final = re.compile(r"https?://[^\s/@]+(/\S*)?")
_NEO4J_URI: Final = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://[^\s/@]+/?")


@dataclass(frozen=True, slots=True)
class Neo4jSettings:
    """Which Neo4j database holds the graph, and how to log in there."""

    uri: str
    user: str = "neo4j"
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    database: str = "neo4j"

    def secret(self) -> str:
        """The password: as given, else the first line of its file, read anew at each call."""
        if self.password is not None:
            return self.password
        if self.password_file is None:
            raise UsageError(
                "NEO4J_URI is set without a password. Set NEO4J_PASSWORD_FILE or NEO4J_PASSWORD."
            )
        return _first_line(self.password_file, "Neo4j's password")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Who signs users in: an OpenID Connect provider, and where its tokens say what one may."""

    issuer: str
    audience: str
    roles_claim: str = "roles"
    units_claim: str = "units"


@dataclass(frozen=True, slots=True)
class TimestampSettings:
    """Which time-stamp authority (RFC 3161) stamps evidence, and its certificates in PEM."""

    url: str
    certificates: Path


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's certificate chain and its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What the HTTP service lets in, and how much of it.

    A person asks some ten times a minute and a robot some hundred times: the limit on requests
    stops what runs wild before it takes the service from everybody else. Wrong passwords are
    limited by address here, and by name in casework. Each worker counts for itself.
    """

    #: The names by which the service may be called; every one where none is given.
    allowed_hosts: tuple[str, ...] = ()
    #: Proxies whose word on the caller's address is taken.
    trusted_proxies: tuple[str, ...] = ()
    upload_bytes: int = 4 << 30
    time_limit_seconds: int = 30
    requests_per_minute: int = 30_000
    failed_sign_ins_per_minute: int = 30
    #: Requests without a token are a demo reviewer's; `serve --demo` alone sets it.
    demo: bool = False
    #: Where several workers leave what they count.
    metrics: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things lie, in which language texts are shown, and the graph database if one is set."""

    home: Path
    language: str = LANGUAGES[0]
    cache: Path = Path("graph-service-cache")
    neo4j: Neo4jSettings | None = None
    database_url: str | None = field(default=None, repr=False)
    oidc: OidcSettings | None = None
    audit_anchor: Path | None = None
    #: The key that signs evidence; `signing.key` in the home where none is named.
    signing_key: Path | None = None
    timestamp: TimestampSettings | None = None
    #: Of who signs in at the terminal with --as, where nobody is there to be asked.
    password: str | None = field(default=None, repr=False)
    serve: ServeSettings = ServeSettings()


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; `docs/settings.md` lists every name.

    Without NEO4J_URI `neo4j` is None, without GRAPH_SERVICE_OIDC_ISSUER `oidc` is, without
    GRAPH_SERVICE_TIMESTAMP_URL `timestamp` is.
    """
    environment = os.environ if environment is None else environment
    return Settings(
        home=Path(environment.get("GRAPH_SERVICE_HOME") or "graph-service-home"),
        language=language(environment.get("GRAPH_SERVICE_LANGUAGE") or "sv"),
        cache=_cache(environment),
        neo4j=_neo4j(environment),
        database_url=_database_url(environment),
        oidc=_oidc(environment),
        audit_anchor=Path(anchor) if (anchor := environment.get(_ANCHOR)) else None,
        signing_key=Path(key) if (key := environment.get("GRAPH_SERVICE_SIGNING_KEY")) else None,
        timestamp=_timestamp(environment),
        password=environment.get("GRAPH_SERVICE_PASSWORD") or None,
        serve=_serve(environment),
    )


def hand_down(chosen: Settings) -> None:
    """Let the processes that this one starts read what was chosen on its command line."""
    serve = chosen.serve
    os.environ |= {
        "GRAPH_SERVICE_HOME": str(chosen.home),
        "GRAPH_SERVICE_LANGUAGE": chosen.language,
        "GRAPH_SERVICE_ALLOWED_HOSTS": ",".join(serve.allowed_hosts),
        "GRAPH_SERVICE_DEMO": "yes" if serve.demo else "",
    }
    if serve.metrics is not None:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(serve.metrics)


def _serve(environment: Mapping[str, str]) -> ServeSettings:
    usual = ServeSettings()
    metrics = environment.get("PROMETHEUS_MULTIPROC_DIR")
    limit = environment.get("GRAPH_SERVICE_UPLOAD_LIMIT")
    return ServeSettings(
        allowed_hosts=_listed(environment.get("GRAPH_SERVICE_ALLOWED_HOSTS")),
        trusted_proxies=_listed(environment.get("GRAPH_SERVICE_TRUSTED_PROXIES")),
        upload_bytes=size(limit, "GRAPH_SERVICE_UPLOAD_LIMIT") if limit else usual.upload_bytes,
        time_limit_seconds=_count(
            environment, "GRAPH_SERVICE_TIME_LIMIT", usual.time_limit_seconds
        ),
        requests_per_minute=_count(
            environment, "GRAPH_SERVICE_REQUESTS_PER_MINUTE", usual.requests_per_minute
        ),
        failed_sign_ins_per_minute=_count(
            environment,
            "GRAPH_SERVICE_FAILED_SIGN_INS_PER_MINUTE",
            usual.failed_sign_ins_per_minute,
        ),
        demo=environment.get("GRAPH_SERVICE_DEMO") == "yes",
        metrics=Path(metrics) if metrics else None,
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _count(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name)
    if not text:
        return usual
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise UsageError(f"{name} takes a whole number from 1.")
    return int(text)


def _database_url(environment: Mapping[str, str]) -> str | None:
    """DATABASE_URL, or the first line of the file that DATABASE_URL_FILE names."""
    if url := environment.get("DATABASE_URL"):
        return url
    file = environment.get("DATABASE_URL_FILE")
    return _first_line(Path(file), "an address such as postgresql://…") if file else None


def _oidc(environment: Mapping[str, str]) -> OidcSettings | None:
    issuer = environment.get("GRAPH_SERVICE_OIDC_ISSUER")
    if not issuer:
        return None
    audience = environment.get("GRAPH_SERVICE_OIDC_AUDIENCE")
    if not audience:
        raise UsageError(
            "GRAPH_SERVICE_OIDC_ISSUER is set without GRAPH_SERVICE_OIDC_AUDIENCE. "
            "Give the name that the provider's tokens are made out to."
        )
    return OidcSettings(
        issuer=issuer.rstrip("/"),
        audience=audience,
        roles_claim=environment.get("GRAPH_SERVICE_OIDC_ROLES_CLAIM") or "roles",
        units_claim=environment.get("GRAPH_SERVICE_OIDC_UNITS_CLAIM") or "units",
    )


def _timestamp(environment: Mapping[str, str]) -> TimestampSettings | None:
    url = environment.get("GRAPH_SERVICE_TIMESTAMP_URL")
    certificates = environment.get("GRAPH_SERVICE_TIMESTAMP_CA")
    if not url:
        return None
    if not _STAMP_URL.fullmatch(url):
        raise UsageError(
            "GRAPH_SERVICE_TIMESTAMP_URL is not the address of a time-stamp authority. "
            "Give one such as https://stamps.example/tsa."
        )
    if not certificates:
        raise UsageError(
            "GRAPH_SERVICE_TIMESTAMP_URL is set without GRAPH_SERVICE_TIMESTAMP_CA. "
            "Name the file of the authority's certificates, in PEM."
        )
    return TimestampSettings(url, Path(certificates))


def _first_line(path: Path, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The secret file {path} cannot be read. Write there {what} as one line of UTF-8."
        ) from error
    return text.partition("\n")[0].rstrip("\r")


def _cache(environment: Mapping[str, str]) -> Path:
    """What was fetched and can be fetched again lies here, shared by all homes."""
    if given := environment.get("GRAPH_SERVICE_CACHE"):
        return Path(given)
    user = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or ".") / ".cache"
    return Path(user) / "graph-service"


def _neo4j(environment: Mapping[str, str]) -> Neo4jSettings | None:
    uri = environment.get("NEO4J_URI")
    if not uri:
        return None
    if not _NEO4J_URI.fullmatch(uri):
        raise UsageError(
            "NEO4J_URI is not the address of a Neo4j server. "
            "Give one such as bolt://127.0.0.1:7687 or neo4j+s://host."
        )
    file = environment.get("NEO4J_PASSWORD_FILE")
    return Neo4jSettings(
        uri=uri,
        user=environment.get("NEO4J_USER") or "neo4j",
        password=environment.get("NEO4J_PASSWORD") or None,
        password_file=Path(file) if file else None,
        database=environment.get("NEO4J_DATABASE") or "neo4j",
    )


def language(name: str) -> str:
    """One of `LANGUAGES`, or a refusal."""
    if name not in LANGUAGES:
        raise UsageError(f"There are no texts in that language. Use one of {', '.join(LANGUAGES)}.")
    return name


def memory(text: str) -> str:
    """A memory bound as the engine reads it, such as `2GiB`, or a refusal."""
    size(text, "--memory")
    return "".join(text.split())


def size(text: str, of: str) -> int:
    """Bytes of a size such as `2GiB`, or a refusal that says what it is the size `of`."""
    match = _MEMORY.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"{of} takes a size such as 2GiB or 512MiB.")
    unit = match[2].upper()
    base = 1024 if unit.endswith("IB") else 1000
    return int(float(match[1]) * base ** ("KMGT".index(unit[0]) + 1))

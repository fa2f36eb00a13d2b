"""Terminal: verify a package of evidence, offline and without a home folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import click

import queries
from api.listing import as_json
from api.session import Command, Session, current
from graph_service.errors import EvidenceError
from graph_service.evidence.bag import signature, timestamp
from graph_service.evidence.rerun.writing import How, Outcome
from graph_service.evidence.verification.checks import Verified
from graph_service.evidence.verification.checks import verify as verify_package
from graph_service.evidence.verification.fault import Fault
from graph_service.opening import open_rooms
from graph_service.texts import text

#: What a screen shows of findings and of faults; programs get all.
_MOST_LINES: Final = 20


@click.command(cls=Command)
@click.argument("package", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="FINGERPRINT|FILE",
    help="The key that should have signed, as the municipality told you.",
)
@click.option(
    "--authority",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The time-stamp authority's certificates in PEM (else GRAPH_SERVICE_TIMESTAMP_CA).",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def verify(package: Path, key: str | None, authority: Path | None, form: str) -> None:
    """Check PACKAGE, a zip or its folder: every byte, the signatures, and the findings once more.

    Needs neither network nor a home folder and leaves nothing behind. Exit 4 where it does not
    hold, 2 where it is no package.
    """
    session = current()
    found = verify_package(
        package,
        open_rooms(Path(queries.__file__).parent),
        key=None if key is None else signature.expected(key),
        authority_certificates=_certificates(session, authority),
    )
    if form == "json":
        print(as_json(told(found, session.language)))
    else:
        for line in screen(package, found, session.language):
            print(line)
    if not found.holds:
        raise EvidenceError(_headline(found, session.language))


def told(found: Verified, language: str) -> dict[str, Any]:
    """What was found in plain values."""
    stamp = found.stamp
    return {
        "holds": found.holds,
        "about": dict(found.about),
        "files": found.files,
        "bytes": found.bytes,
        "key": {"fingerprint": found.fingerprint, "expected": found.key_expected},
        "time_stamp": stamp
        and {"at": stamp.at, "authority": stamp.authority, "trusted": stamp.trusted},
        "findings": [
            {
                "finding_id": each.finding_id,
                "how": each.how,
                "holds": each.holds,
                "said": _said(each, language),
                "by_signature_only": each.attested,
            }
            for each in found.outcomes
        ],
        "faults": [
            {"kind": each.kind, "file": each.file, "said": _fault(each, language)}
            for each in found.faults
        ],
    }


def _certificates(session: Session, given: Path | None) -> tuple[Any, ...]:
    settings = session.settings.timestamp
    path = given or (settings and settings.certificates)
    return timestamp.certificates(path) if path else ()


def screen(package: Path, found: Verified, language: str) -> list[str]:
    """What holds and what does not, in one screen; nothing of the package steers the terminal."""
    return ["".join(map(_printable, line)) for line in _lines(package, found, language)]


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else "\ufffd"


def _lines(package: Path, found: Verified, language: str) -> list[str]:
    lines = [_headline(found, language)]
    lines += _some([f"  {_fault(each, language)}" for each in found.faults], language)
    size = text(language, "verify", "size", files=found.files, bytes=found.bytes)
    lines += ["", f"{package.name}: {size}"]
    lines += [f"  {label}: {value}" for label, value in found.about.items()]
    lines += ["", *_key(found, language), _stamp(found, language), ""]
    hows = Counter(each.how for each in found.outcomes if each.holds is not False)
    counts = {how.value: hows[how] for how in How}
    lines.append(text(language, "verify", "findings", **counts))
    return lines + _some([_finding(each, language) for each in _telling(found)], language)


def _headline(found: Verified, language: str) -> str:
    if found.holds:
        return text(language, "verify", "holds" if found.key_expected else "holds_by_key")
    return text(language, "verify", "does_not_hold", faults=len(found.faults))


def _key(found: Verified, language: str) -> list[str]:
    """The fingerprint in two rows of groups, to be read aloud."""
    if found.fingerprint is None:
        return [text(language, "verify", "no_key")]
    compared = "key_expected" if found.key_expected else "key_compare"
    return [
        text(language, "verify", "key"),
        f"    {found.fingerprint}",
        text(language, "verify", compared),
    ]


def _stamp(found: Verified, language: str) -> str:
    if found.stamp is None:
        return text(language, "verify", "no_stamp")
    said = "stamp" if found.stamp.trusted else "stamp_unknown"
    authority = found.stamp.authority or text(language, "verify", "somebody")
    return text(language, "verify", said, at=found.stamp.at.isoformat(), authority=authority)


def _telling(found: Verified) -> list[Outcome]:
    """Findings, those first of which there is most to say."""
    order = (False, None, True)
    return sorted(found.outcomes, key=lambda each: order.index(each.holds))


def _finding(each: Outcome, language: str) -> str:
    how = "differs" if each.holds is False else How(each.how).value
    if each.holds is None:
        how = How.SIGNATURE.value
    line = f"  {each.finding_id}  {text(language, 'verify_how', how, said=_said(each, language))}"
    if not each.attested:
        return line
    return line + text(language, "verify_but", "attested", names=", ".join(each.attested))


def _said(each: Outcome, language: str) -> str:
    return each.said_sv if language == "sv" else each.said


def _fault(fault: Fault, language: str) -> str:
    words = {"said": "", **fault.words}
    return text(language, "verify_fault", fault.kind.value, file=fault.file, **words)


def _some(lines: list[str], language: str) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    more = text(language, "verify", "more", more=len(lines) - _MOST_LINES)
    return [*lines[:_MOST_LINES], f"  {more}"]

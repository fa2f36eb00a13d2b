"""Time stamps by an authority of our own: asked for, held against its certificates, verified."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_service import settings as service
from graph_service.errors import EvidenceError, OutOfTime, UsageError
from graph_service.evidence import package
from graph_service.evidence.bag import sealing as bag
from graph_service.evidence.bag import timestamp
from graph_service.evidence.bag.readme import readme
from graph_service.evidence.bag.signature import Signer
from graph_service.evidence.bag.timestamp import Authority
from graph_service.evidence.verification.checks import verify
from graph_service.evidence.verification.fault import FaultKind
from tests.evidence_bag import ABOUT, parts, recount, sign, signer, written, zipped
from tests.test_evidence_bag import COMMANDS, shell
from tests.timestamp_authority import Stamper, serving

#: What the library says of a certificate whose serial number was touched; tests touch every bit.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")


@pytest.fixture(scope="module")
def stamper(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return Stamper.made(tmp_path_factory.mktemp("authority") / "own")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return Stamper.made(tmp_path_factory.mktemp("authority") / "other", "Other Root")


@pytest.fixture(scope="module")
def authority(stamper: Stamper) -> Iterator[Authority]:
    with serving(stamper) as url:
        yield Authority(url, timestamp.certificates(stamper.root))


@pytest.fixture
def own(tmp_path: Path) -> Signer:
    return signer(tmp_path)


@pytest.fixture
def root(tmp_path: Path, own: Signer, authority: Authority) -> Path:
    root = written(tmp_path)
    bag.seal(root, ABOUT, own, authority)
    return root


def test_a_stamp_says_when_and_by_whom(authority: Authority) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    answer = authority.stamp(b"bytes")
    stamp = timestamp.read(answer, b"bytes", authority.certificates)
    assert before <= stamp.at <= datetime.now(UTC) + timedelta(seconds=2)
    assert stamp.authority == "CN=Test Stamper" and stamp.trusted
    assert timestamp.read(answer, b"bytes", ()).trusted is False


def test_a_stamp_is_of_these_bytes_by_this_authority(
    authority: Authority, stranger: Stamper
) -> None:
    answer = authority.stamp(b"bytes")
    with pytest.raises(EvidenceError, match="other bytes"):
        timestamp.read(answer, b"other", ())
    with pytest.raises(EvidenceError, match="other bytes"):
        timestamp.read(answer, b"other", authority.certificates)
    with pytest.raises(EvidenceError, match="by the certificates given"):
        timestamp.read(answer, b"bytes", timestamp.certificates(stranger.root))


def test_a_stamp_that_was_touched_does_not_hold(authority: Authority) -> None:
    """Wherever a byte of what the authority signed is another."""
    answer = authority.stamp(b"bytes")
    signed = answer.index(b"\x18\x0f")  # GeneralizedTime: when
    for at in (*range(signed + 2, signed + 17), *range(len(answer) - 200, len(answer), 23)):
        wrong = answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]
        with pytest.raises(EvidenceError):
            timestamp.read(wrong, b"bytes", authority.certificates)
    for wrong in (b"", b"no DER", answer[:-1], answer[:100]):
        with pytest.raises(EvidenceError):
            timestamp.read(wrong, b"bytes", ())


@pytest.mark.parametrize("trusted", [True, False])
def test_a_touched_stamp_is_read_or_refused(authority: Authority, *, trusted: bool) -> None:
    """Whichever bit of it, its certificates too: no answer brings a reader down."""
    answer = authority.stamp(b"bytes")
    refused = 0
    for at in range(len(answer)):
        wrong = answer[:at] + bytes([answer[at] ^ 1 << at % 8]) + answer[at + 1 :]
        try:
            timestamp.read(wrong, b"bytes", authority.certificates if trusted else ())
        except EvidenceError:
            refused += 1
    assert refused > len(answer) // 10


def test_an_authority_that_others_trust_is_not_ours(stamper: Stamper, stranger: Stamper) -> None:
    with serving(stranger) as url:
        asked = Authority(url, timestamp.certificates(stamper.root))
        with pytest.raises(EvidenceError, match="by the certificates given"):
            asked.stamp(b"bytes")


def test_an_answer_given_before_is_not_taken_again(authority: Authority, stamper: Stamper) -> None:
    with serving(authority.stamp(b"bytes")) as url:
        asked = Authority(url, authority.certificates)
        with pytest.raises(EvidenceError, match="another question"):
            asked.stamp(b"bytes")


@pytest.mark.parametrize(
    ("answer", "status", "refusal", "said"),
    [
        (b"busy", 503, OutOfTime, "GRAPH_SERVICE_TIMESTAMP_URL"),
        (b"<html>", 200, EvidenceError, "cannot be read"),
        (b"x" * 100_000, 200, EvidenceError, "too long"),
        (bytes.fromhex("30053003020102"), 200, EvidenceError, "cannot be read|did not grant"),
    ],
)
def test_an_authority_that_does_not_answer_well_makes_no_package(
    answer: bytes, status: int, refusal: type[Exception], said: str, stamper: Stamper
) -> None:
    with serving(answer, status) as url:
        asked = Authority(url, timestamp.certificates(stamper.root))
        with pytest.raises(refusal, match=said):
            asked.stamp(b"bytes")


def test_an_authority_that_is_not_there_makes_no_package(
    tmp_path: Path, own: Signer, stamper: Stamper
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(OutOfTime, match="does not answer"):
            bag.seal(
                written(tmp_path),
                ABOUT,
                own,
                Authority(url, timestamp.certificates(stamper.root)),
            )
    assert not (tmp_path / package.ROOT / package.TAG_MANIFEST_SIGNATURE).exists()


def test_a_stamped_package_holds(root: Path, own: Signer, authority: Authority) -> None:
    found = verify(root, (), key=own.fingerprint, authority_certificates=authority.certificates)
    assert found.faults == () and found.stamp and found.stamp.trusted
    unknown = verify(root, (), key=own.fingerprint)
    assert unknown.faults == () and unknown.stamp and not unknown.stamp.trusted


def test_a_stamp_by_somebody_else_is_a_fault(root: Path, stranger: Stamper) -> None:
    trusted = timestamp.certificates(stranger.root)
    found = verify(root, (), authority_certificates=trusted)
    assert [(each.kind, each.file) for each in found.faults] == [
        (FaultKind.STAMP, package.TIME_STAMP)
    ]


def test_a_stamp_cannot_be_taken_away_or_touched(
    root: Path, tmp_path: Path, authority: Authority
) -> None:
    whole = parts(root)
    stamp, signature = package.TIME_STAMP, bag.signature_of(package.TIME_STAMP)
    path = tmp_path / "tampered.zip"
    without = {name: content for name, content in whole.items() if name not in (stamp, signature)}
    path.write_bytes(zipped(without))
    assert {each.file for each in verify(path, ()).faults} == {stamp, signature}
    for at in range(0, len(whole[stamp]), 61):
        wrong = whole[stamp][:at] + bytes([whole[stamp][at] ^ 4]) + whole[stamp][at + 1 :]
        path.write_bytes(zipped(whole | {stamp: wrong}))
        named = {each.file for each in verify(path, ()).faults}
        assert signature in named, at


def test_a_stamp_of_another_package_is_a_fault(
    root: Path, tmp_path: Path, own: Signer, authority: Authority
) -> None:
    """Even where the key's owner signed it anew."""
    moved = parts(root)
    moved["data/run.json"] = b"[]\n"
    recount(moved, tags=True)
    sign(moved, own)
    path = tmp_path / "moved.zip"
    path.write_bytes(zipped(moved))
    for trusted in ((), authority.certificates):
        found = verify(path, (), key=own.fingerprint, authority_certificates=trusted)
        assert [(each.kind, each.file) for each in found.faults] == [
            (FaultKind.STAMP, package.TIME_STAMP)
        ]


def test_openssl_verifies_the_stamp_by_the_command_of_the_readme(
    root: Path, stamper: Stamper, stranger: Stamper
) -> None:
    (command,) = {command for command in COMMANDS if "openssl ts" in command}
    (root.parent / "authority.pem").write_bytes(stamper.root.read_bytes())
    answer = shell(command, root)
    assert answer.returncode == 0 and "Verification: OK" in answer.stdout + answer.stderr
    (root.parent / "authority.pem").write_bytes(stranger.root.read_bytes())
    assert shell(command, root).returncode


def test_a_stamp_outlives_the_certificate_that_made_it(tmp_path: Path, own: Signer) -> None:
    """It was valid when it stamped. `openssl ts` must be told so, as the README says."""
    lasts = timedelta(seconds=3)
    stamper = Stamper.made(tmp_path / "short", lasts=lasts)
    ends = datetime.now(UTC) + lasts
    trusted = timestamp.certificates(stamper.root)
    root = written(tmp_path)
    with serving(stamper) as url:
        bag.seal(root, ABOUT, own, Authority(url, trusted))
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 1))
    found = verify(root, (), authority_certificates=trusted)
    assert found.faults == () and found.stamp and found.stamp.trusted
    (command,) = {command for command in COMMANDS if "openssl ts" in command}
    (tmp_path / "authority.pem").write_bytes(stamper.root.read_bytes())
    assert shell(command, root).returncode
    assert "-no_check_time" in readme()
    assert shell(f"{command} -no_check_time", root).returncode == 0


@pytest.fixture(scope="module")
def answer(authority: Authority) -> bytes:
    return authority.stamp(b"bytes")


@settings(max_examples=400)
@given(data=st.data())
def test_an_answer_that_may_be_anything_is_read_or_refused(
    answer: bytes, data: st.DataObject
) -> None:
    """Never a defect of ours, never a panic in the library."""
    kind = data.draw(st.sampled_from(["flip", "cut", "length", "noise"]))
    at = data.draw(st.integers(0, len(answer) - 2))
    octet = data.draw(st.integers(0, 255))
    mangled = {
        "flip": answer[:at] + bytes([octet]) + answer[at + 1 :],
        "cut": answer[:at],
        "length": answer[:at] + bytes([0x84, octet, octet, octet, octet]) + answer[at + 2 :],
        "noise": data.draw(st.binary(max_size=60)),
    }[kind]
    with suppress(EvidenceError):
        assert timestamp.read(mangled, b"bytes", ()).at


def test_our_stamps_are_as_openssl_reads_them(authority: Authority, tmp_path: Path) -> None:
    """The same moment by another reader."""
    answer = authority.stamp(b"bytes")
    (tmp_path / "answer.tsr").write_bytes(answer)
    words = ["openssl", "ts", "-reply", "-in", "answer.tsr", "-text"]
    shown = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    at = timestamp.read(answer, b"bytes", ()).at.astimezone(UTC)
    assert at.strftime("%b %e %H:%M:%S %Y GMT").replace("  ", " ") in shown.replace("  ", " ")


def test_the_settings_name_an_authority_with_its_certificates_or_none(stamper: Stamper) -> None:
    url, file = "https://stamps.example/tsa", str(stamper.root)
    told = {"GRAPH_SERVICE_TIMESTAMP_URL": url, "GRAPH_SERVICE_TIMESTAMP_CA": file}
    found = Authority.of(service.read(told).timestamp)
    assert found and found.url == url and len(found.certificates) == 1
    assert Authority.of(service.read({}).timestamp) is None
    with pytest.raises(UsageError, match="GRAPH_SERVICE_TIMESTAMP_CA"):
        service.read({"GRAPH_SERVICE_TIMESTAMP_URL": url})
    for wrong in ("stamps.example", "ftp://stamps.example", "https://user:word@stamps.example"):
        with pytest.raises(UsageError, match="GRAPH_SERVICE_TIMESTAMP_URL"):
            service.read(told | {"GRAPH_SERVICE_TIMESTAMP_URL": wrong})


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "authority.pem"
    for content in (b"", b"words", b"-----BEGIN CERTIFICATE-----\n"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="certificates"):
            timestamp.certificates(path)
    with pytest.raises(UsageError, match="certificates"):
        timestamp.certificates(tmp_path / "missing.pem")

"""The key that signs evidence: made once, its owner's alone, never quietly another."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from graph_service.errors import EvidenceError, UsageError
from graph_service.evidence.bag.signature import KeyFile, PublicKey, expected
from graph_service.home import Home
from tests.house import House
from tests.test_lookups_terminal import run as run_in


def private_pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, secret: str = "") -> bytes:
    guard = BestAvailableEncryption(secret.encode()) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, guard)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_the_key_is_made_once_and_is_its_owners_alone(home: Home) -> None:
    file = KeyFile(home, None)
    made = file.signer()
    assert file.path == home.path / "signing.key"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert KeyFile(home, None).signer().public_key == made.public_key
    assert list(file.fingerprints()) == [made.fingerprint]
    assert b"PRIVATE" not in file.fingerprints()[made.fingerprint].read_bytes()
    assert [path.name for path in home.path.rglob("*.building")] == []


def test_a_key_may_lie_outside_the_home(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "vault" / "own.key"
    with pytest.raises(UsageError, match="GRAPH_SERVICE_SIGNING_KEY"):
        KeyFile(home, path).signer()
    path.parent.mkdir()
    made = KeyFile(home, path).signer()
    assert path.exists() and not (home.path / "signing.key").exists()
    assert list(KeyFile(home, path).fingerprints()) == [made.fingerprint]


def test_of_many_who_ask_first_all_get_the_same_key(home: Home) -> None:
    home.create()
    found: list[str] = []
    ask = [
        threading.Thread(target=lambda: found.append(KeyFile(home, None).signer().fingerprint))
        for _ in range(8)
    ]
    for each in ask:
        each.start()
    for each in ask:
        each.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_a_key_that_is_gone_is_not_quietly_another(home: Home, tmp_path: Path) -> None:
    file = KeyFile(home, None)
    before = file.signer()
    file.path.rename(tmp_path / "moved.key")
    for lost in (file, KeyFile(home, tmp_path / "typo.key")):
        with pytest.raises(UsageError, match="signing-key renew"):
            lost.signer()
        assert not lost.path.exists()
    assert KeyFile(home, tmp_path / "moved.key").signer().public_key == before.public_key


def test_renewing_keeps_every_public_key_and_no_private_one(home: Home) -> None:
    file = KeyFile(home, None)
    made = [file.signer(), file.renew(), file.renew()]
    assert file.signer().public_key == made[-1].public_key
    assert set(file.fingerprints()) == {each.fingerprint for each in made}
    for each in made:
        kept = PublicKey.read(file.fingerprints()[each.fingerprint].read_bytes())
        assert kept.signed(b"old", each.sign(b"old"))
    private = [p for p in home.path.rglob("*") if p.is_file() and b"PRIVATE" in p.read_bytes()]
    assert private == [file.path]


def test_a_key_that_was_in_use_unnoticed_is_kept_when_it_is_renewed(home: Home) -> None:
    """Put there by hand, and renewed before it ever signed through us."""
    home.create()
    key = ed25519.Ed25519PrivateKey.generate()
    (home.path / "signing.key").write_bytes(private_pem(key))
    KeyFile(home, None).renew()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public in [path.read_bytes() for path in KeyFile(home, None).fingerprints().values()]


def test_what_is_no_key_of_ours_is_refused_without_a_word_of_it(home: Home) -> None:
    home.create()
    wrong = (
        b"",
        b"secret words",
        private_pem(rsa.generate_private_key(65537, 2048)),
        private_pem(ed25519.Ed25519PrivateKey.generate(), "passphrase"),
    )
    for content in wrong:
        (home.path / "signing.key").write_bytes(content)
        with pytest.raises(UsageError, match="not an Ed25519 key") as refused:
            KeyFile(home, None).signer()
        assert "secret" not in str(refused.value)
        assert refused.value.__context__ is None
        assert (home.path / "signing.key").read_bytes() == content


def test_the_fingerprint_is_that_of_the_public_key_as_openssl_gives_it(home: Home) -> None:
    signer = KeyFile(home, None).signer()
    path = home.path / "public.pem"
    path.write_bytes(signer.public_key)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(path), "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    digits = hashlib.sha256(der).hexdigest()
    assert signer.fingerprint.replace("-", "") == digits
    assert {len(group) for group in signer.fingerprint.split("-")} == {4}
    groups = [digits[at : at + 8] for at in range(0, 64, 8)]
    for written in (digits, digits.upper(), " ".join(groups), ":".join(groups), str(path)):
        assert expected(written) == signer.fingerprint


def test_what_is_neither_a_fingerprint_nor_a_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rsa.pem"
    public = rsa.generate_private_key(65537, 2048).public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for given in ("", "abcd", "0" * 63, "0" * 65, "g" * 64, str(path), str(tmp_path), "missing"):
        with pytest.raises(UsageError, match="64 hexadecimal digits"):
            expected(given)


def test_a_signature_is_of_these_bytes_by_this_key_alone(home: Home) -> None:
    signer = KeyFile(home, None).signer()
    other = KeyFile(home, None).renew()
    key = PublicKey.read(signer.public_key)
    signature = signer.sign(b"bytes")
    assert len(signature) == 64 and signature == signer.sign(b"bytes")
    assert key.signed(b"bytes", signature)
    assert not key.signed(b"bytes ", signature)
    assert not key.signed(b"bytes", other.sign(b"bytes"))
    for wrong in (b"", signature[:-1], signature + b"\0"):
        assert not key.signed(b"bytes", wrong)
    for bit in range(0, 512, 7):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not key.signed(b"bytes", bytes(flipped)), bit


def test_a_public_key_is_read_in_its_plain_form_alone(home: Home) -> None:
    pem = KeyFile(home, None).signer().public_key
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    wrong = (
        b"",
        pem + b"\n",
        b"note\n" + pem,
        pem.replace(b"\n", b"\r\n"),
        pem[:-30],
        rsa_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    for content in wrong:
        with pytest.raises(EvidenceError):
            PublicKey.read(content)


def test_the_terminal_shows_the_key_and_renews_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    code, shown, _ = run_in(house, "signing-key", "show")
    before = KeyFile(house.home, None).signer()
    assert code == 0 and shown == run_in(house, "signing-key", "show")[1]
    assert shown == f"{before.fingerprint} in force\n{before.public_key.decode()}"
    (tmp_path / "shown.txt").write_text(shown)
    assert expected(str(tmp_path / "shown.txt")) == before.fingerprint
    code, renewed, said = run_in(house, "signing-key", "renew")
    after = KeyFile(house.home, None).signer()
    assert code == 0 and "PRIVATE" not in renewed and "another way" in said
    assert f"{before.fingerprint} earlier" in renewed
    assert f"{after.fingerprint} in force" in renewed and after.public_key.decode() in renewed
    log = run_in(house, "audit", "list", "--format", "jsonl")[1]
    assert "cli.signing_key.renew" in log and f"key:{after.fingerprint}" in log

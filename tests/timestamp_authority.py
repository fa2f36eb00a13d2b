"""A time-stamp authority of our own: `openssl ts` behind an HTTP server on this machine."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIG = """
[tsa]
default_tsa = stamping
[stamping]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/stamper.pem
certs = {folder}/root.pem
signer_key = {folder}/stamper.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    common: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    by: rsa.RSAPrivateKey,
    *extensions: tuple[x509.ExtensionType, bool],
    lasts: timedelta = timedelta(days=30),
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), False)
    )
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(by, hashes.SHA256())


@dataclass(frozen=True)
class Stamper:
    """The authority's folder, its root's certificate as PEM, and where it answers."""

    folder: Path
    root: Path
    url: str = ""

    @classmethod
    def made(
        cls, folder: Path, common: str = "Test Root", lasts: timedelta = timedelta(days=30)
    ) -> Stamper:
        """A root, and a certificate that may only stamp and is valid for as long as told."""
        folder.mkdir(parents=True)
        root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        root = _certificate(
            common,
            root_key,
            common,
            root_key,
            (x509.BasicConstraints(True, None), True),
            (usage, True),
        )
        stamps = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
        stamper = _certificate(
            "Test Stamper",
            key,
            common,
            root_key,
            (x509.BasicConstraints(False, None), True),
            (stamps, True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
            lasts=lasts,
        )
        for name, certificate in (("root", root), ("stamper", stamper)):
            (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "stamper.key").write_bytes(pem)
        (folder / "serial").write_text("01\n")
        (folder / "stamps.cnf").write_text(_CONFIG.format(folder=folder))
        return cls(folder, folder / "root.pem")

    def answer(self, query: bytes) -> bytes:
        """What an authority answers: an RFC 3161 response."""
        (self.folder / "query.tsq").write_bytes(query)
        words = ["openssl", "ts", "-reply", "-queryfile", "query.tsq", "-config", "stamps.cnf"]
        subprocess.run(
            [*words, "-section", "stamping", "-out", "answer.tsr"],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        return (self.folder / "answer.tsr").read_bytes()


@contextmanager
def serving(answer: bytes | Stamper, status: int = 200) -> Iterator[str]:
    """An address that answers each query by a stamper, or with the same bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = answer if isinstance(answer, bytes) else answer.answer(query)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tsa"
        finally:
            server.shutdown()
            thread.join()

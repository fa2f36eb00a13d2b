"""Time stamps of evidence (RFC 3161): a third party attests that these bytes were there by then.

The authority is sent a hash and nothing else. What it answers is kept whole, as `openssl ts`
reads it. A municipality that names an authority wants every package stamped: where none can be
had no package is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from graph_service.errors import EvidenceError, OutOfTime, UsageError
from graph_service.settings import TimestampSettings

_WAIT_SECONDS: Final = 30
#: An answer is some kilobytes, with its chain of certificates.
_LONGEST_ANSWER: Final = 1 << 16
_QUERY: Final = {"Content-Type": "application/timestamp-query"}
#: The tag of a chain within signed data, and the length that says that none is told (X.690).
_CERTIFICATES: Final = 0xA0
_INDEFINITE: Final = 0x80
#: What the libraries raise of bytes that were touched.
_UNREADABLE: Final = (ValueError, LookupError, x509.InvalidVersion)
#: How a stamp may name what it is of: object identifiers of RFC 5754.
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was there at the latest (UTC), and who says so.

    `trusted`: the authority's chain leads to a certificate that was given beforehand. Otherwise
    the stamp is of these bytes, but nobody has looked into who made it.
    """

    at: datetime
    authority: str | None
    trusted: bool


@dataclass(frozen=True, slots=True)
class Authority:
    """Who stamps, at which address, and the certificates by which it is known."""

    url: str
    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def of(cls, settings: TimestampSettings | None) -> Authority | None:
        """The authority that the settings name, if they name one."""
        if settings is None:
            return None
        return cls(settings.url, certificates(settings.certificates))

    def stamp(self, data: bytes) -> bytes:
        """The authority's answer about `data`, held against its certificates.

        Raises OutOfTime where it does not answer, EvidenceError for an answer that does not hold.
        """
        asked = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = self._asked(asked.as_bytes())
        read(answer, data, self.certificates)
        if _decoded(answer).tst_info.nonce != asked.nonce:
            raise EvidenceError("The time-stamp authority answered another question than ours.")
        return answer

    def _asked(self, query: bytes) -> bytes:
        answer = bytearray()
        try:
            with (
                httpx.Client(timeout=_WAIT_SECONDS) as client,
                client.stream("POST", self.url, content=query, headers=_QUERY) as response,
            ):
                response.raise_for_status()
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > _LONGEST_ANSWER:
                        raise EvidenceError("The time-stamp authority's answer is far too long.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutOfTime(
                "The time-stamp authority does not answer, and no package is made without its "
                "stamp. Try again later, or take GRAPH_SERVICE_TIMESTAMP_URL away."
            ) from error
        return bytes(answer)


def certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file; UsageError where there are none."""
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} does not hold the time-stamp authority's certificates. "
            "Give them in PEM, its root among them."
        ) from error


def read(answer: bytes, data: bytes, trusted: Collection[x509.Certificate]) -> Stamp:
    """What an authority's answer says of `data`.

    Raises EvidenceError where it is no answer or of other bytes, or where the authority is none
    of the `trusted`, if any are given.
    """
    found = _decoded(answer)
    try:
        info = found.tst_info
        imprint = info.message_imprint
        hashed = _HASHES.get(imprint.hash_algorithm.dotted_string)
        if hashed is None or imprint.message != hashed(data).digest():
            raise EvidenceError("The time stamp is of other bytes.")
        if trusted:
            _verify(found, data, trusted)
        return Stamp(info.gen_time, _name(found), bool(trusted))
    except (*_UNREADABLE, VerificationError) as error:
        raise EvidenceError("The time stamp does not hold by the certificates given.") from error


def _decoded(answer: bytes) -> TimeStampResponse:
    try:
        found = decode_timestamp_response(_in_order(answer))
        granted = found.status == PKIStatus.GRANTED
    except _UNREADABLE as error:
        raise EvidenceError("The time stamp cannot be read.") from error
    if not granted:
        raise EvidenceError("The time-stamp authority did not grant a time stamp.")
    return found


def _in_order(answer: bytes) -> bytes:
    """The answer with its certificates in the order of DER (X.690, 11.6), no other byte moved.

    Many authorities, and OpenSSL, give their chain as it is climbed. That is sound (RFC 5652 asks
    for BER only) and outside their signature, but the library reads nothing except strict DER.
    """
    answered = _elements(answer, 0)
    if len(answered) < 2:
        return answer  # a refusal comes without a stamp
    token = answered[1]
    content = _elements(answer, token.start)[1]
    signed = _elements(answer, content.start)[0]
    for part in _elements(answer, signed.start):
        if answer[part.start] == _CERTIFICATES:
            chain = _elements(answer, part.start)
            ordered = b"".join(sorted(answer[each.start : each.stop] for each in chain))
            return answer[: part.stop - len(ordered)] + ordered + answer[part.stop :]
    return answer


def _elements(der: bytes, at: int) -> list[range]:
    """Where the elements within the one at `at` begin and end; ValueError where they do not."""
    start, stop = _content(der, at)
    found = []
    while start < stop:
        _, end = _content(der, start)
        found.append(range(start, end))
        start = end
    if start != stop:
        raise ValueError("an element ends outside the one around it")
    return found


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where an element's content begins and ends: one octet of tag, a definite length."""
    head = der[at : at + 2]
    if len(head) < 2 or head[1] == _INDEFINITE:
        raise ValueError("no element")
    long = head[1] - _INDEFINITE if head[1] > _INDEFINITE else 0
    start = at + 2 + long
    stop = start + (int.from_bytes(der[at + 2 : start], "big") if long else head[1])
    if stop > len(der):
        raise ValueError("an element is cut")
    return start, stop


def _verify(found: TimeStampResponse, data: bytes, trusted: Collection[x509.Certificate]) -> None:
    builder = VerifierBuilder()
    for each in dict.fromkeys(trusted):
        if each.issuer == each.subject:
            builder = builder.add_root_certificate(each)
        else:
            builder = builder.add_intermediate_certificate(each)
    builder.build().verify_message(found, data)


def _name(found: TimeStampResponse) -> str | None:
    """The subject of the certificate by which the answer says that it is signed."""
    signers = {(each.issuer, each.serial_number) for each in found.signed_data.signer_infos}
    for der in found.signed_data.certificates:
        each = x509.load_der_x509_certificate(der)
        if (each.issuer, each.serial_number) in signers:
            return each.subject.rfc4514_string()
    return None

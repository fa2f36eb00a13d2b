"""How a finding is told to a recipient: by identifiers where it may know whose they are."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from graph_service.access.clear import Named
from graph_service.access.reference import PATTERN
from graph_service.evidence.workspace import Place

#: How a sight calls a subject whose identity is protected.
_PROTECTED: Final = "protected"
_ID_DIGITS: Final = 32


class Telling:
    """Tells findings of a sight. `clear` has who may be told, by reference; `key` is the home's."""

    def __init__(self, key: bytes, clear: Mapping[str, Named]) -> None:
        self._key = key
        self._by = {reference: named.key for reference, named in clear.items()}

    def own_id(self, finding: Mapping[str, Any]) -> str:
        """The finding's id; where it names somebody masked, on whom it could be tried, another."""
        named = [subject["id"] for subject in finding["subjects"]] + [finding["provider_id"]]
        masked = [each for each in named if each == _PROTECTED or PATTERN.fullmatch(each)]
        finding_id: str = finding["finding_id"]
        if all(each in self._by for each in masked):
            return finding_id
        message = f"finding:{finding_id}".encode()
        return hmac.digest(self._key, message, hashlib.sha256).hex()[:_ID_DIGITS]

    def finding(
        self,
        finding: Mapping[str, Any],
        keys: Mapping[Place, Mapping[str, Any]],
        unneeded: Mapping[str, str],
    ) -> dict[str, Any]:
        """A finding as the contract prints it, by the packaged rows' keys.

        `unneeded` has references by identifiers that a sight shows and the recipient does not need.
        """
        contract = {name: value for name, value in finding.items() if name != "provider_ref"}
        told: dict[str, Any] = replaced(replaced(contract, self._by), unneeded)
        told["finding_id"] = self.own_id(finding)
        told["subjects"] = [
            {name: subject[name] for name in ("role", "kind", "id")} for subject in told["subjects"]
        ]
        for row in told["evidence"]:
            if None in row["key"].values():
                place = Place(row["table"], row["file_sha256"], row["row"])
                row["key"] = dict(keys.get(place, row["key"]))
        return told


def replaced(value: Any, by: Mapping[str, str]) -> Any:
    """Any JSON, each whole text in it that `by` names replaced."""
    if isinstance(value, str):
        return by.get(value, value)
    if isinstance(value, Mapping):
        return {name: replaced(part, by) for name, part in value.items()}
    if isinstance(value, list):
        return [replaced(part, by) for part in value]
    return value

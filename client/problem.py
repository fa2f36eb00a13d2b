"""What the service refuses, as an exception."""

from __future__ import annotations

from typing import Any

import httpx


class Problem(Exception):
    """A refusal (RFC 9457): its `status`, `title` and `detail`, which says the cure.

    `faults` names the parts of a request that do not fit; `retry_after` is in seconds, None where
    the service does not say that a later request may fare better; `body` is the whole answer.
    """

    def __init__(self, response: httpx.Response) -> None:
        try:
            told = response.json()
        except ValueError:
            told = {}
        self.body: dict[str, Any] = told if isinstance(told, dict) else {}
        self.status = response.status_code
        self.title = str(self.body.get("title", response.reason_phrase))
        self.detail = str(self.body.get("detail", "The answer is not one of this service."))
        self.faults: list[dict[str, str]] = self.body.get("faults") or []
        after = response.headers.get("Retry-After", "")
        self.retry_after = int(after) if after.isdecimal() else None
        super().__init__(f"{self.status} {self.title}: {self.detail}")


def refused(response: httpx.Response) -> None:
    """Raise Problem for an answer that refuses; what it holds is read first."""
    if response.is_error:
        response.read()
        raise Problem(response)

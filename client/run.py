"""A run that was started: how far it has come, step by step, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from client.problem import refused


class Run:
    """One run, as the service told of it last (`about`)."""

    def __init__(self, http: httpx.Client, about: dict[str, Any]) -> None:
        self._http = http
        self.about = about
        self._path = f"/v1/runs/{about['job_id'] or about['run_id']}"

    def progress(self) -> Iterator[tuple[str | None, float | None]]:
        """Each step's name and the share that is done, as it comes; ends with the run."""
        with self._http.stream("GET", f"{self._path}/events", timeout=None) as response:
            refused(response)
            for name, told in _events(response.iter_lines()):
                if name == "end":
                    self.about = told
                    return
                yield told["step"], told["share"]

    def wait(self) -> dict[str, Any]:
        """What became of it, when it has ended."""
        for _ in self.progress():
            pass
        return self.about

    def cancel(self) -> dict[str, Any]:
        """Ask it to end before it is done; the last good run stands."""
        response = self._http.post(f"{self._path}/cancel")
        refused(response)
        self.about = response.json()
        return self.about


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and JSON of each server-sent event; comments, which only keep the line open, are none.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not line:
            if data:
                yield name, json.loads(data)
            name, data = "message", ""

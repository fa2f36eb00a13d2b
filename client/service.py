"""The service's endpoints as functions. Answers are its JSON as it stands; lists are iterators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import httpx

from client.problem import refused
from client.run import Run

Json: TypeAlias = dict[str, Any]

#: Items that are fetched at a time, the most that the service gives.
_PAGE = 200


class Service:
    """A service at `url`, asked as whoever the token is for. Use it as a context, or close it.

    A token is a session's (`Service.signed_in`), a robot's key, or an OIDC access token; without
    one, only what is public is answered. `verify` is httpx's: a certificate file for TLS.
    """

    def __init__(self, url: str, token: str | None = None, *, verify: Any = True) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._verify = verify
        self._http = httpx.Client(base_url=url, headers=headers, timeout=60, verify=verify)

    @classmethod
    def signed_in(cls, url: str, name: str, password: str, *, verify: Any = True) -> Self:
        """The service, for a user of its own; the session lasts a working day."""
        with cls(url, verify=verify) as service:
            opened = service._post("/v1/session", {"name": name, "password": password})
        return cls(url, opened["token"], verify=verify)

    def inside(self, case_id: str, purpose: str) -> Self:
        """The same service within an open case, for a stated purpose: its persons are in clear."""
        made = type(self)(str(self._http.base_url), verify=self._verify)
        made._http.headers = self._http.headers.copy()
        made._http.headers.update({"Case": case_id, "Purpose": quote(purpose)})
        return made

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- what was found ----------------------------------------------------------------------

    def detectors(self) -> list[Json]:
        """The public catalogue: what each detector claims, its basis, its innocent stories."""
        found: list[Json] = self._get("/v1/detectors")["items"]
        return found

    def providers(self, **filters: Any) -> Iterator[Json]:
        """The ranking; filters such as `band`, `min_score`, `detector`, `family`."""
        return self._pages("/v1/providers", filters)

    def find_providers(self, text: str) -> list[Json]:
        """Providers by name or number."""
        found: list[Json] = self._post("/v1/providers/search", {"text": text})["items"]
        return found

    def provider(self, ref: str) -> Json:
        """A provider's card: its score and what it is made of, its findings and ties."""
        return self._get(f"/v1/providers/{quote(ref)}")

    def history(self, ref: str) -> Iterator[Json]:
        """A provider's scores, the latest first, each change with its reason."""
        return self._pages(f"/v1/providers/{quote(ref)}/history")

    def findings(self, **filters: Any) -> Iterator[Json]:
        """Findings; filters such as `detector`, `provider`, `strength`, `change`."""
        return self._pages("/v1/findings", filters)

    def finding(self, finding_id: str) -> Json:
        """One finding, with its rule, its innocent stories and what to ask."""
        return self._get(f"/v1/findings/{quote(finding_id)}")

    def rows(self, finding_id: str) -> Iterator[Json]:
        """The rows on which a finding stands, each back to its file and row."""
        return self._pages(f"/v1/findings/{quote(finding_id)}/rows")

    # -- the network -------------------------------------------------------------------------

    def search(self, text: str, **choice: Any) -> Json:
        """Entities by name, number, telephone, account or address; `kinds` and `limit`."""
        return self._post("/v1/network/search", {"text": text, **choice})

    def neighbourhood(self, ref: str, **choice: Any) -> Json:
        """Who and what stands near; `depth`, `types`, `kinds`, `as_of`, `hub`, `limit`."""
        return self._get(f"/v1/network/{quote(ref)}/neighbourhood", choice)

    def paths(self, source: str, target: str, **choice: Any) -> Json:
        """Every shortest path between two entities; `max_length`, `types`, `as_of`, `limit`."""
        return self._get("/v1/network/paths", {"from": source, "to": target, **choice})

    def ownership(self, ref: str, **choice: Any) -> Json:
        """The owners above and what it holds below."""
        return self._get(f"/v1/network/{quote(ref)}/ownership", choice)

    def timeline(self, ref: str, **choice: Any) -> Json:
        """What happened to an entity, by date."""
        return self._get(f"/v1/network/{quote(ref)}/timeline", choice)

    # -- files and runs ----------------------------------------------------------------------

    def load(self, *paths: Path | str, source: str | None = None) -> Json:
        """Bring files in as one batch; its receipts. Problem where none of them can be read."""
        with ExitStack() as stack:
            parts = [
                ("files", (Path(path).name, stack.enter_context(Path(path).open("rb"))))
                for path in paths
            ]
            fields = {} if source is None else {"source": source}
            return self._asked("POST", "/v1/loads", files=parts, data=fields, timeout=None)

    def loads(self) -> Iterator[Json]:
        """Every receipt, the newest batch first."""
        return self._pages("/v1/loads")

    def rejects(self, batch: str) -> Iterator[Json]:
        """The refused rows of a batch, with their reasons and cures."""
        return self._pages(f"/v1/loads/{quote(batch)}/rejects")

    def start_run(self, key: str | None = None) -> Run:
        """Start a run; the same `key` again gets the same one. Problem 409 while another runs."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return Run(self._http, self._asked("POST", "/v1/runs", headers=headers))

    def runs(self) -> Iterator[Json]:
        """Every run that is kept, the newest first."""
        return self._pages("/v1/runs")

    # -- casework ----------------------------------------------------------------------------

    def cases(self, **filters: Any) -> Iterator[Json]:
        """The cases that one may know of."""
        return self._pages("/v1/cases", filters)

    def open_case(self, **told: Any) -> Json:
        """A new case: `title`, `purpose`, `legal_ground` and what else the specification says."""
        return self._post("/v1/cases", told)

    def case(self, case_id: str) -> Json:
        """One case of which one is a member."""
        return self._get(f"/v1/cases/{quote(case_id)}")

    # -- exports -----------------------------------------------------------------------------

    def ask_export(self, case_id: str, **told: Any) -> Json:
        """Ask to export a case: `recipient`, `legal_ground`; another person approves."""
        return self._post(f"/v1/cases/{quote(case_id)}/exports", told)

    def exports(self, case_id: str) -> Iterator[Json]:
        """The exports of a case, each with its state."""
        return self._pages(f"/v1/cases/{quote(case_id)}/exports")

    def exports_waiting(self) -> Iterator[Json]:
        """What waits for one's approval."""
        return self._pages("/v1/exports/waiting")

    def approve_export(self, export_id: str) -> Json:
        """Let an export that somebody else asked for be made."""
        return self._asked("POST", f"/v1/exports/{quote(export_id)}/approval")

    def refuse_export(self, export_id: str, reason: str) -> Json:
        """Let an export not be made."""
        return self._post(f"/v1/exports/{quote(export_id)}/refusal", {"reason": reason})

    def package(self, export_id: str, target: Path | str) -> Json:
        """Have the package of an approved export made and written to `target`, a zip."""
        address = f"/v1/exports/{quote(export_id)}/package"
        made = self._asked("POST", address, timeout=None)
        with self._http.stream("GET", address) as response:
            refused(response)
            with Path(target).open("wb") as file:
                file.writelines(response.iter_bytes())
        return made

    # -- the day -----------------------------------------------------------------------------

    def today(self, hours: float) -> Json:
        """What to look at in the hours there are."""
        return self._get("/v1/today", {"hours": hours})

    def stop_list(self, period: str) -> Iterator[Json]:
        """Invoices of a month, 2026-10, to look at before they are paid."""
        return self._pages("/v1/stop-list", {"period": period})

    # -- how it is asked ---------------------------------------------------------------------

    def _asked(self, method: str, path: str, **how: Any) -> Json:
        response = self._http.request(method, path, **how)
        refused(response)
        told: Json = response.json()
        return told

    def _get(self, path: str, choice: Json | None = None) -> Json:
        given = {name: value for name, value in (choice or {}).items() if value is not None}
        return self._asked("GET", path, params=given)

    def _post(self, path: str, body: Json) -> Json:
        return self._asked("POST", path, json=body)

    def _pages(self, path: str, filters: Json | None = None) -> Iterator[Json]:
        """Every item of a list, fetched a page at a time as they are read."""
        choice = {"limit": _PAGE, **(filters or {})}
        while True:
            page = self._get(path, choice)
            yield from page["items"]
            if page["next"] is None:
                return
            choice["cursor"] = page["next"]

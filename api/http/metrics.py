"""Metrics for Prometheus: how often, how long and how it ended, by operation; never about whom.

Several workers leave their counts in one folder, and whichever is asked adds them up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began tells nothing, and doubles the answer
#: From a look-up in memory to the time limit of a request.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REFUSED: Final = 400


class Metrics:
    """What one worker counts; `folder` is where several leave it, None where there is but one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._own = CollectorRegistry()
        self._requests = Counter(
            "graph_service_requests",
            "Requests that have ended.",
            ["operation", "status"],
            registry=self._own,
        )
        self._refusals = Counter(
            "graph_service_refusals",
            "Requests that were refused or failed.",
            ["operation"],
            registry=self._own,
        )
        self._seconds = Histogram(
            "graph_service_request_seconds",
            "How long a request took, to the last byte of its answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=self._own,
        )
        self._waiting = Gauge(
            "graph_service_audit_waiting",
            "Entries that wait to be written in the log.",
            multiprocess_mode="livesum",
            registry=self._own,
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)
        if status >= _REFUSED:
            self._refusals.labels(operation).inc()

    def text(self, *, run_age_seconds: float | None, audit_waiting: int) -> bytes:
        """What all workers have counted, in Prometheus' text format."""
        self._waiting.set(audit_waiting)
        if self._folder is None:
            counted = generate_latest(self._own)
        else:
            together = CollectorRegistry()
            multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]
                together, path=str(self._folder)
            )
            counted = generate_latest(together)
        now = CollectorRegistry()
        now.register(_RunAge(run_age_seconds))
        return counted + generate_latest(now)

    def end(self) -> None:
        """Let go of what this worker alone stood for; what it counted stays."""
        if self._folder is not None:
            multiprocess.mark_process_dead(  # type: ignore[no-untyped-call]
                os.getpid(), path=str(self._folder)
            )


class _RunAge(Collector):
    """How old the current run is; no sample where there is none."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def collect(self) -> Iterator[Metric]:
        about = "Seconds since the current run was finished."
        family = GaugeMetricFamily("graph_service_run_age_seconds", about)
        if self._seconds is not None:
            family.add_metric([], self._seconds)
        yield family

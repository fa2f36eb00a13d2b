"""The same queries on bare FastAPI routes: nobody signs in, nothing is logged, masked or paged.

`python -m benchmarks.bare RUN_FILE PORT` serves them until it is killed.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from api.http.readers import LOOKUPS
from graph_service.results.findings import Wanted as WantedFindings
from graph_service.results.findings import listed
from graph_service.results.providers import Wanted, ranking
from graph_service.run_file import RunFile
from graph_service.stores import card, neighbourhood, ownership, paths
from graph_service.stores.answers import Entity, as_json
from graph_service.stores.embedded import EmbeddedReader


def bare(run: RunFile) -> FastAPI:
    """An application that asks a run file, and does nothing else."""
    app = FastAPI()
    own = threading.local()

    def reader() -> EmbeddedReader:
        if not hasattr(own, "reader"):
            engine = run.open()
            engine.execute("SET threads = 1")
            own.engine, own.reader = engine, EmbeddedReader(run.run_id, engine, LOOKUPS)
        found: EmbeddedReader = own.reader
        return found

    def entity(ref: str) -> Entity:
        return Entity.of(reader().rows("names", {"nodes": [ref]})[0]["entity"])

    def plain(answer: Any) -> JSONResponse:
        return JSONResponse(as_json(answer))

    @app.get("/v1/providers")
    def providers() -> JSONResponse:
        reader()
        return plain([one.told for one in ranking(own.engine, Wanted(), limit=51)])

    @app.get("/v1/findings")
    def findings() -> JSONResponse:
        reader()
        return plain([one.told for one in listed(own.engine, WantedFindings(), limit=51)])

    @app.get("/v1/providers/{ref}")
    def one(ref: str) -> JSONResponse:
        reader()
        score = ranking(own.engine, Wanted(ref=ref), limit=1)[0].told
        return plain(as_json(card.card(reader(), entity(ref))) | {"score": score})

    @app.get("/v1/network/paths")
    def between(source: str, target: str) -> JSONResponse:
        return plain(paths.paths(reader(), entity(source), entity(target)))

    @app.get("/v1/network/{ref}/neighbourhood")
    def around(ref: str, depth: int = 1) -> JSONResponse:
        return plain(neighbourhood.around(reader(), entity(ref), depth=depth))

    @app.get("/v1/network/{ref}/ownership")
    def owners(ref: str) -> JSONResponse:
        return plain(ownership.ownership(reader(), entity(ref)))

    @app.get("/v1/network/{ref}/timeline")
    def timeline(ref: str) -> JSONResponse:
        return plain(card.timeline(reader(), entity(ref)))

    return app


if __name__ == "__main__":
    file = Path(sys.argv[1])
    uvicorn.run(bare(RunFile(sys.argv[3], file)), port=int(sys.argv[2]), log_level="error")

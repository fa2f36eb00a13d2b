"""Run files of any size, made in whole sets: a network without records behind it."""

from __future__ import annotations

from pathlib import Path

from graph_service import run_file
from graph_service.engines.duckdb import Engine
from graph_service.graph.declaration import (
    EDGE_COLUMNS,
    EDGE_PROPERTIES,
    NODE_COLUMNS,
    NODE_PROPERTIES,
)
from graph_service.home import Home
from graph_service.run_file import RunFile, RunFolder

_SQL = Path(__file__).with_name("grown.sql")
#: Relationships that are no visits, for each person: a home, and for a fifth an employer.
_BESIDE = 1.2
_VISITS_A_PERSON = 5


def grow(home: Home, relationships: int, *, day: int = 0) -> RunFile:
    """The next run of a home, with about so many relationships; `day` more days of visits.

    A further day changes about a hundredth of the visits and nothing else.
    """
    persons = max(100, int(relationships / (_VISITS_A_PERSON + _BESIDE)))
    given = {"persons": persons, "visits": persons * _VISITS_A_PERSON, "day": day}
    home.create()
    folder = RunFolder(home)
    with folder.building(f"20260101T{len(folder.all()):06}Z") as built:
        with Engine(built.path) as engine:
            for table, declared in (
                ("nodes", (*NODE_COLUMNS, *NODE_PROPERTIES)),
                ("edges", (*EDGE_COLUMNS, *EDGE_PROPERTIES)),
            ):
                columns = ", ".join(f'"{each.name}" {each.type}' for each in declared)
                engine.execute(f"CREATE TABLE {table} ({columns})")
            engine.script(_SQL, given)
            engine.execute("CREATE OR REPLACE TABLE nodes AS FROM nodes ORDER BY node_id")
            engine.execute(
                "CREATE OR REPLACE TABLE edges AS FROM edges "
                "ORDER BY type, source_id, target_id, edge_id"
            )
            for table in ("findings", "scores"):
                run_file.write(engine, table, [])
            run_file.write(engine, "run", [{"run_id": built.run_id, "complete": True}])
        return folder.publish(built, current=True)

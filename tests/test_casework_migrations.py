"""The tables are those of the models, and go up and down with data in them, in both databases."""

from __future__ import annotations

from datetime import date
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from graph_service.casework import case_tables, export_tables, judgement_tables
from graph_service.casework.cases import Cases
from graph_service.casework.database import Base, Database
from graph_service.casework.dispositions import Dispositions, Judged, Verdict
from graph_service.casework.exports import Exports
from graph_service.casework.masks import Masks
from graph_service.casework.notes import Notes
from graph_service.casework.replies import Replies
from graph_service.casework.snoozes import Snoozed, Snoozes
from graph_service.casework.tips import Channel, Tips
from tests.casework import ANNA, LAWYER, Clock, entity, finding, opened

OURS = {case_tables.__name__, export_tables.__name__, judgement_tables.__name__}
TABLES = {
    mapper.class_.__tablename__
    for mapper in Base.registry.mappers
    if mapper.class_.__module__ in OURS
}


def fill(database: Database) -> str:
    """A row in every table; the id of the case."""
    clock = Clock()
    cases, masks = Cases(database, clock=clock), Masks(database, clock=clock)
    case_id = opened(cases, about=[entity("organisation-a"), finding("f1", "person-x")]).case_id
    Notes(database, clock=clock).write(case_id, ANNA, "Ett")
    masks.approve(masks.ask(case_id, ANNA, ["person-p"], "x")[0].mask_id, LAWYER)
    judged = Judged("f1", "overlapping_visits", "organisation-a")
    Dispositions(database, clock=clock).judge(ANNA, judged, Verdict.DISMISSED, "x")
    Snoozes(database, clock=clock).put_off(ANNA, Snoozed.FINDING, "f1", date(2026, 4, 1), "x")
    day = date(2026, 3, 1)
    replies = Replies(database, clock=clock)
    replies.record(ANNA, "organisation-a", received_on=day, text="x", findings=["f1"])
    tips = Tips(database, clock=clock, key=b"k" * 32)
    tip = tips.record(ANNA, received_on=day, channel=Channel.WEB, text="x", source="y")
    tips.link(tip.tip_id, case_id, ANNA, ())
    exports = Exports(database, clock=clock)
    asked = exports.ask(case_id, ANNA, recipient="fk", legal_ground="x", run_id="r")
    exports.approve(asked.export_id, LAWYER)
    exports.made(asked.export_id, ANNA, sha256="0" * 64, size=1, findings=1, rows=1)
    return case_id


def test_the_migration_makes_what_the_models_say(casework_url: str) -> None:
    database = Database(casework_url)

    def ours(thing: Any, name: str, kind: str, *_: object) -> bool:
        return (name if kind == "table" else thing.table.name) in TABLES

    try:
        database.migrate()
        with database.engine.connect() as connection:
            options = {"include_object": ours, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, Base.metadata) == []
            assert set(inspect(connection).get_table_names()) >= TABLES
    finally:
        database.close()


def test_it_goes_up_and_down_with_data_in_it(casework_url: str) -> None:
    database = Database(casework_url)
    try:
        database.migrate()
        fill(database)
        with database.engine.connect() as connection:
            for table in sorted(TABLES):
                counted = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                assert counted > 0, table
        database.downgrade("0001")
        with database.engine.connect() as connection:
            assert not TABLES & set(inspect(connection).get_table_names())
        database.migrate()
        case_id = fill(database)
        assert Cases(database, clock=Clock()).inside(case_id, ANNA).clear == {
            "organisation-a",
            "person-x",
            "person-p",
        }
        database.downgrade("base")
        database.migrate()
    finally:
        database.close()

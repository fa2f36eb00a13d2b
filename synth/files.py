"""The contract's files: small tables from memory, visits and money a month at a time from SQL."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from graph_service.engines.duckdb import Engine
from graph_service.records import TABLES
from synth.companies import MEAL_PRICE, MEALS
from synth.world import MUNICIPALITY, OPEN, Row, World

#: Tables whose rows follow from the visits of a month.
MONTHLY: Final = ("visits", "login_events", "invoices", "invoice_lines", "payments")
_HERE: Final = Path(__file__).parent
_STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


def write_registers(world: World, directory: Path) -> None:
    """Every table of the world that fits in memory, rows in the order of their keys."""
    for name, rows in sorted(world.rows.items()):
        table = TABLES[name]
        rows.sort(key=lambda row: [_text(row.get(column)) for column in table.key])
        _write(directory / f"{name}.csv", table.names, rows)


def write_months(
    world: World,
    directory: Path,
    work: Path,
    *,
    memory: str,
    progress: Callable[[str, float], None],
) -> None:
    """Visits, sign-ins, invoices and payments, one month after the other."""
    with Engine(memory=memory, spill=work) as engine:
        _load_plan(world, engine, work)
        world.plan.clear()
        for name in MONTHLY:
            _write(directory / f"{name}.csv", TABLES[name].names, ())
        months = list(_months(world.start, world.end))
        for number, (since, until) in enumerate(months):
            progress("visits", number / len(months))
            parts = {name: str(work / f"{name}.part") for name in MONTHLY}
            values = {
                **parts,
                "since": since,
                "until": until,
                "end": world.end,
                "seed": world.seed,
                "municipality": MUNICIPALITY,
                "meals": MEALS,
                "meal_price": MEAL_PRICE,
            }
            for script in ("visits.sql", "visit_files.sql", "money.sql"):
                engine.script(_HERE / script, values)
            for name in MONTHLY:
                _append(directory / f"{name}.csv", Path(parts[name]))
            _tell_dst_night(world, engine)


def _load_plan(world: World, engine: Engine, work: Path) -> None:
    engine.script(_HERE / "plan.sql")
    world.plan["day"] = list(_calendar(world.start, world.end))
    for name in engine.rows("SELECT table_name FROM information_schema.tables ORDER BY 1"):
        table = str(name["table_name"])
        columns = [column for column, _ in engine.columns(f'SELECT * FROM "{table}"')]
        path = work / f"{table}.plan"
        _write(path, columns, world.plan.get(table, ()))
        engine.execute(
            f'INSERT INTO "{table}" FROM read_csv($path, header = true, all_varchar = true)',
            {"path": str(path)},
        )
        path.unlink()


def _calendar(start: date, end: date) -> Iterable[Row]:
    """Each day; on the eve of a clock change, when the night turns and by how much."""
    for number in range((end - start).days):
        day = start + timedelta(number)
        before = _offset(datetime(day.year, day.month, day.day, 12, tzinfo=_STOCKHOLM))
        noon = datetime.combine(day + timedelta(1), datetime.min.time().replace(hour=12))
        after = _offset(noon.replace(tzinfo=_STOCKHOLM))
        turned = int((after - before).total_seconds())
        yield {
            "day": day,
            # Counted from a fixed Monday, so that the rota does not depend on the start.
            "day_no": (day - date(2018, 1, 1)).days,
            "weekday": day.weekday(),
            # Clocks turn at 01:00 UTC.
            "turn_s": 86_400 + 3_600 + int(before.total_seconds()) if turned else None,
            "turned_s": turned if turned else None,
            "offset_before": _sign(before),
            "offset_after": _sign(after),
        }


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None  # noqa: S101 - the moment carries a zone
    return offset


def _sign(offset: timedelta) -> str:
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).strftime("%z")[:3] + ":00"


def _months(start: date, end: date) -> Iterable[tuple[date, date]]:
    since = start
    while since < end:
        until = min((since.replace(day=1) + timedelta(32)).replace(day=1), end)
        yield since, until
        since = until


def _tell_dst_night(world: World, engine: Engine) -> None:
    """Who was at work in the repeated hour: local times of that night may seem to overlap."""
    for row in engine.stream(
        "SELECT org_id, worker_id, day FROM visit "
        "WHERE turned_s < 0 AND end_s > turn_s - 3600 AND start_s < turn_s + 3600 "
        "GROUP BY ALL ORDER BY ALL"
    ):
        day = row["day"]
        world.tell(
            "overlapping_visits",
            "innocent",
            "dst_night",
            row["org_id"],
            [row["worker_id"]],
            day,
            day + timedelta(2),
        )


def _write(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    names = list(columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(row.get(name)) for name in names] for row in rows)


def _append(target: Path, part: Path) -> None:
    with target.open("ab") as whole, part.open("rb") as month:
        shutil.copyfileobj(month, whole, 1 << 20)
    part.unlink()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date) and value == OPEN:
        return str(OPEN)
    return str(value)

"""Care: what clients are granted, which provider serves them and when visits are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, TypeAlias

from synth.companies import CARE, CLEANING, FEE_CAP, MEALS, NIGHT
from synth.world import MUNICIPALITY, OPEN, Client, Row, Spell, World

#: Care visits a day by need: minute of the day (centre, spread), minutes, period of the rota.
_VISITS: Final[dict[int, tuple[tuple[int, int, int, int], ...]]] = {
    0: (),
    1: ((510, 75, 30, 0),),
    2: ((480, 60, 35, 0), (735, 45, 20, 1), (1140, 80, 25, 3)),
    3: ((465, 45, 40, 0), (735, 45, 25, 1), (1035, 45, 20, 2), (1215, 60, 30, 3)),
}
#: Hours of the busiest part of a morning and of an evening, and of weekly service a week, by
#: need and with the way there: what a team is staffed for.
SLOT_HOURS: Final = {
    0: (0.0, 0.0, 1.3),
    1: (0.6, 0.0, 0.5),
    2: (0.7, 0.55, 0.5),
    3: (0.8, 0.65, 0.5),
}
_EVERY_DAY: Final = 0b1111111
_WEEKS_A_MONTH: Final = 31 / 7


def write_care(world: World) -> None:
    """The contract's care tables, and each slot of the plan that visits are made from."""
    officials = [str(row["person_id"]) for row in world.rows["officials"]]
    tags, granted = _Numbers("T"), _Numbers("B")
    for act in world.settled:
        act()
    needs: dict[str, _Services] = {}
    for number, client in enumerate(world.clients):
        tag = tags.next() if client.protection == "none" else None
        if tag:
            world.add("tags", tag_id=tag, client_id=client.person_id, valid_from=client.since)
        world.add(
            "fees",
            client_id=client.person_id,
            valid_from=client.since,
            hourly_fee_sek=220,
            monthly_cap_sek=FEE_CAP if world.chance(0.6) else world.pick(0, FEE_CAP),
        )
        services = needs[client.person_id] = _services(world, client)
        if client.stays_with is not None:
            services = {CARE: needs[client.stays_with.person_id][CARE]}
        for service, slots in services.items():
            official = officials[number % len(officials)]
            _write_decision(world, client, service, slots, granted, official)
            _write_enrolments(world, client, service, slots, tag)
        if number % 6 == 0:
            _write_meals(world, client, granted)
        _write_absences(world, client)


_Services: TypeAlias = dict[str, list[tuple[int, int, int, int]]]


class _Numbers:
    """Consecutive ids of one series."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._count = prefix, 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:07d}"


def _services(world: World, client: Client) -> _Services:
    """Slots a service: (seconds into the day, seconds long, period, weekdays)."""
    care = []
    for centre, spread, minutes, period in _VISITS[client.need]:
        minute = round((centre + float(world.rng.uniform(-spread, spread))) / 5) * 5
        longer = world.pick(-1, 2) * 5
        care.append((minute * 60, (minutes + longer) * 60, period, _EVERY_DAY))
    services: _Services = {CARE: care} if care else {}
    if client.need == 0 or world.chance(0.4):
        minute = world.pick(105, 170) * 5
        services[CLEANING] = [(minute * 60, world.pick(9, 18) * 300, 5, 1 << world.pick(0, 4))]
    if client.need == 3 and world.chance(0.5):
        minute = world.pick(274, 385) * 5  # 22:50 … 08:05, the night belongs to the day it began
        services[NIGHT] = [(min(minute, 1_770) * 60, world.pick(2, 4) * 300, 4, _EVERY_DAY)]
    return services


def _write_decision(
    world: World,
    client: Client,
    service: str,
    slots: list[tuple[int, int, int, int]],
    granted: _Numbers,
    official: str,
) -> None:
    """Hours are granted a year at a time with a margin over what is planned, whole months."""
    planned = (1.5 if client.leads_stay else 1.0) * sum(
        seconds * weekdays.bit_count() * _WEEKS_A_MONTH for _, seconds, _, weekdays in slots
    )
    staff = 2 if client.double_staffed_by and service == CARE else 1
    hours = round(planned / 3600 * staff * float(world.rng.uniform(1.35, 1.6)) + 1.5, 1)
    opens = max(client.since, date(world.start.year - 1, 1, 1)).replace(day=1)
    last = min(client.until, world.end)
    rows: list[Row] = []
    while opens < last:
        closes = min(opens.replace(year=opens.year + 1), _next_month(client.until))
        rows.append(
            {
                "client_id": client.person_id,
                "municipality": MUNICIPALITY,
                "service": service,
                "hours_per_month": hours,
                "double_staffed": staff == 2,
                "valid_from": opens,
                "valid_to": closes,
                "official_id": official,
                "unit": f"Enhet {1 + int(client.place * 3)}",
            }
        )
        opens = closes
    amend = world.amendments.get((client.person_id, service))
    for row in amend(rows) if amend else rows:
        world.add("decisions", decision_id=granted.next(), **row)


def _next_month(day: date) -> date:
    return OPEN if day == OPEN else (day.replace(day=1) + timedelta(32)).replace(day=1)


def _write_enrolments(
    world: World,
    client: Client,
    service: str,
    slots: list[tuple[int, int, int, int]],
    tag: str | None,
) -> None:
    spells: Iterable[Spell] = client.spells
    if service == NIGHT:  # the night patrol is the municipality's own for everybody
        spells = [Spell(world.municipal_id, client.since, client.until, client.end_reason)]
    for spell in spells:
        world.add(
            "enrolments",
            client_id=client.person_id,
            org_id=spell.org_id,
            municipality=MUNICIPALITY,
            service=service,
            valid_from=spell.since,
            valid_to=None if spell.until == OPEN else spell.until,
            end_reason=spell.end_reason,
        )
        if spell.until <= world.start or spell.since >= world.end:
            continue
        for slot in slots:
            _schedule_slot(world, client, spell, service, slot, tag)


def _schedule_slot(
    world: World,
    client: Client,
    spell: Spell,
    service: str,
    slot: tuple[int, int, int, int],
    tag: str | None,
) -> None:
    teams = world.provider(spell.org_id).teams
    desired, seconds, period, weekdays = slot
    world.schedule(
        "slot",
        slot_no=len(world.plan.get("slot", ())) + 1,
        client_id=client.person_id,
        org_id=spell.org_id,
        team=0 if service == NIGHT else int(client.place * teams),
        service=service,
        shift="DDEENS"[period],
        period=period,
        desired_s=desired,
        dur_s=seconds * 3 // 2 // 300 * 300 if client.leads_stay else seconds,
        weekdays=weekdays,
        valid_from=spell.since,
        valid_to=spell.until,
        double_staffed=client.double_staffed_by == spell.org_id and service == CARE,
        place=int(client.place * 1_000_000),
        x=client.building.x,
        y=client.building.y,
        building=client.building.number,
        service_house=client.building.service_house,
        tag_id=tag,
        stays_with=client.stays_with.person_id if client.stays_with else None,
    )


def _write_meals(world: World, client: Client, granted: _Numbers) -> None:
    """Meals come from the client's provider at a price each, without visits."""
    if all(spell.org_id == world.municipal_id for spell in client.spells):
        return
    for spell in client.spells:
        world.schedule(
            "meal",
            client_id=client.person_id,
            org_id=spell.org_id,
            a_week=world.pick(3, 7),
            valid_from=spell.since,
            valid_to=spell.until,
        )
    world.add(
        "decisions",
        decision_id=granted.next(),
        client_id=client.person_id,
        municipality=MUNICIPALITY,
        service=MEALS,
        hours_per_month=0,
        valid_from=client.since.replace(day=1),
        valid_to=None if client.until == OPEN else _next_month(client.until),
    )
    for spell in client.spells:
        world.add(
            "enrolments",
            client_id=client.person_id,
            org_id=spell.org_id,
            municipality=MUNICIPALITY,
            service=MEALS,
            valid_from=spell.since,
            valid_to=None if spell.until == OPEN else spell.until,
            end_reason=spell.end_reason,
        )


def _write_absences(world: World, client: Client) -> None:
    """About one stay away a year; visits stop from the day after it began."""
    day = max(world.start, client.since) + timedelta(int(world.rng.exponential(330)))
    while day < min(world.end, client.until) - timedelta(2):
        nights = min(1 + int(world.rng.exponential(5)), (min(world.end, client.until) - day).days)
        kind = ("hospital", "hospital", "short_term", "travel")[world.pick(0, 3)]
        world.add(
            "absences",
            absence_id=f"F{len(world.rows.get('absences', ())) + 1:07d}",
            client_id=client.person_id,
            kind=kind,
            start=f"{day} {world.pick(8, 15):02d}:{world.pick(0, 59):02d}:00",
            end=f"{day + timedelta(nights)} {world.pick(9, 17):02d}:00:00",
        )
        world.schedule("away", client_id=client.person_id, since=day, until=day + timedelta(nights))
        day += timedelta(nights + 2 + int(world.rng.exponential(330)))

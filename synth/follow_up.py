"""What else a municipality knows: reviews, placements, tips, incidents, staffing firms."""

from __future__ import annotations

from datetime import date, timedelta

from synth.companies import CARE, CLEANING, add_business_person, add_organisation, add_owner
from synth.people import add_person
from synth.world import OPEN, World


def write_follow_up(world: World) -> None:
    """Small tables that no visit depends on, and the plan's prices and officials."""
    for provider in world.private:
        for year in (world.start.year - 1, world.start.year):
            world.add(
                "quality_reviews",
                review_id=f"Q-{len(world.rows.get('quality_reviews', ())) + 1:05d}",
                org_id=provider.org_id,
                reviewed_on=date(year, world.pick(2, 11), world.pick(1, 28)),
                outcome="passed" if world.chance(0.75) else "remarks",
            )
        if provider is world.private[0] or world.chance(0.4):
            world.add(
                "organisation_changes",
                change_id=f"C-{provider.org_id}",
                org_id=provider.org_id,
                changed_on=world.start + timedelta(world.pick(-300, world.days - 1)),
                what=("board", "address", "auditor")[world.pick(0, 2)],
            )
        if provider is world.private[0] or world.chance(0.15):
            world.add(
                "tips",
                tip_id=f"N-{provider.org_id}",
                received_on=world.start + timedelta(world.pick(0, world.days - 1)),
                channel="web" if world.chance(0.5) else "phone",
                about_kind="organisation",
                about_id=provider.org_id,
                credibility=world.pick(1, 5),
                text="Personalen kommer sällan den tid som är planerad.",
            )
    _write_placements(world)
    _write_staffing(world)
    officials = world.rows["officials"]
    for number in range(1 + world.inhabitants // 50_000):
        world.add(
            "incidents",
            incident_id=f"I-{number + 1:04d}",
            occurred_on=world.start + timedelta(world.pick(0, world.days - 1)),
            official_id=officials[number % len(officials)]["person_id"],
            kind="harassment",
            note="Upprepade samtal efter arbetstid.",
        )
    for number, row in enumerate(officials):
        world.schedule("official", number=number, person_id=row["person_id"])
    for row in world.rows["contracts"]:
        if row["service"] in (CARE, CLEANING):
            world.schedule(
                "rate",
                org_id=row["org_id"],
                service=row["service"],
                price=row["hourly_rate_sek"],
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
            )


def _write_placements(world: World) -> None:
    """Homes for the young, paid by the day."""
    for _ in range(1 + world.inhabitants // 50_000):
        home = add_organisation(world, "Ungdomshemmet", industry="87902")
        add_owner(world, home, add_business_person(world), 1.0)
        world.add(
            "permits",
            permit_id=f"TH-{home}",
            org_id=home,
            service="HVB",
            law="SoL",
            status="granted",
            valid_from=date(2017, 1, 1),
            places=8,
        )
        for _ in range(4):
            since = world.start - timedelta(world.pick(0, 300))
            until = since + timedelta(world.pick(60, 500))
            client_id = add_person(world, youngest=date(2014, 1, 1), oldest=date(2007, 1, 1))
            world.add(
                "placements",
                placement_id=f"PL-{len(world.rows.get('placements', ())) + 1:05d}",
                client_id=client_id,
                org_id=home,
                start=since,
                end=None if until >= world.end else until,
                day_rate_sek=100 * world.pick(38, 62),
            )


def _write_staffing(world: World) -> None:
    """One staffing firm, declared by its customers."""
    firm = add_organisation(world, "Bemanning", industry="78200")
    add_owner(world, firm, add_business_person(world), 1.0)
    for provider in world.private[::3]:
        world.add(
            "subcontracts",
            org_id=provider.org_id,
            subcontractor_id=firm,
            kind="staffing",
            valid_from=provider.since,
            valid_to=None if provider.until == OPEN else provider.until,
        )

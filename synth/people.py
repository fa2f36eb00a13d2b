"""Where people live and what they are called."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from synth.world import CITY, Building, World

#: Common in every phone book, so that no name points at anybody.
_GIVEN: Final = (  # noqa: SIM905 - words read better in lines than in a column
    "Anna Maria Eva Karin Lena Ingrid Kerstin Birgitta Sara Emma Amina Fatima Elsa Maja Mira "
    "Lars Karl Erik Anders Per Nils Johan Olof Hassan Ali Omar Jan Bo Sven Gustav Leo Ivar"
).split()
_FAMILY: Final = (  # noqa: SIM905 - words read better in lines than in a column
    "Ahlqvist Bergdal Cederlund Dalmark Ekstrand Forsvik Granholm Hedlöf Isaksdal Jernberg "
    "Kullmark Lindvik Marklöf Nordvall Oskarsdal Palmvik Rosendahl Sundmark Tallberg Utterdal "
    "Vikmark Wallöf Åkerdal Älgmark Östvall Haddadi Karimzad Rahmanow Yildirin Kowalin"
).split()
_TREES: Final = (  # noqa: SIM905 - words read better in lines than in a column
    "Björk Ek Al Lönn Gran Tall Syren Rosen Lilje Hassel Pil Alm Ask Bok Hägg Rönn Asp Sälg "
    "Jasmin Kastanje Körsbärs Päron Plommon Enbärs Hallon Smultron Klöver Nejlik Viol Ängs"
).split()
_WAYS: Final = ("vägen", "gatan", "stigen", "gränd", "backen")


def build_town(world: World) -> None:
    """Fill `world.buildings`: street doors in clusters, some of them service houses."""
    rng = world.rng
    doors = max(60, world.inhabitants // 30)
    radius = 1_200 + 9 * world.inhabitants**0.5
    centres = rng.normal(0, radius / 2, size=(max(4, world.inhabitants // 4_000), 2))
    for number in range(doors):
        centre = centres[int(rng.integers(len(centres)))]
        x, y = (int(value) for value in centre + rng.normal(0, 350, size=2))
        street_no, house = divmod(number, 40)
        round_no, kind = divmod(street_no, len(_TREES) * len(_WAYS))
        way = _TREES[kind % len(_TREES)] + _WAYS[kind // len(_TREES)]
        street = f"{way} {house + 1}" if round_no == 0 else f"{round_no + 1}:a {way} {house + 1}"
        postcode = f"99{street_no % 1000 // 10:02d}{street_no % 10}"
        world.buildings.append(Building(number, street, postcode, x, y, number % 150 == 7))


def place_in_town(building: Building) -> int:
    """The building's rank along a curve that keeps neighbours together (Morton order)."""
    x, y, rank = building.x + (1 << 19), building.y + (1 << 19), 0
    for bit in range(20):
        rank |= ((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)
    return rank


def any_building(world: World) -> Building:
    """A door that is no service house."""
    while True:
        building = world.buildings[world.pick(0, len(world.buildings) - 1)]
        if not building.service_house:
            return building


def any_flat(world: World, building: Building) -> str | None:
    """A flat's number in a block of flats; every third door is a detached house."""
    if building.number % 3 == 0 and not building.service_house:
        return None
    return f"lgh {1000 + 100 * world.pick(0, 5) + world.pick(1, 9)}"


def any_name(rng: np.random.Generator) -> tuple[str, str]:
    """A given and a family name."""
    return _GIVEN[int(rng.integers(len(_GIVEN)))], _FAMILY[int(rng.integers(len(_FAMILY)))]


def add_person(
    world: World,
    *,
    youngest: date,
    oldest: date,
    building: Building | None = None,
    flat: str | None = None,
    family_name: str | None = None,
    protection: str = "none",
    deceased_on: date | None = None,
    moved_in: date | None = None,
    moved_out: date | None = None,
    email: bool = False,
) -> str:
    """Add a person and where they live; protected ones have no address anywhere."""
    person_id = world.identifiers.person(youngest, oldest)
    given = _GIVEN[world.pick(0, len(_GIVEN) - 1)]
    family = family_name or _FAMILY[world.pick(0, len(_FAMILY) - 1)]
    if building is None:
        building = any_building(world)
        flat = any_flat(world, building)
    number = len(world.rows.get("persons", ()))
    address: dict[str, object] = {}
    if protection == "none":
        address = {
            "street": building.street if flat is None else f"{building.street} {flat}",
            "postcode": building.postcode,
            "city": CITY,
            "lat": building.lat,
            "lon": building.lon,
        }
    world.add(
        "persons",
        person_id=person_id,
        given_name=given,
        family_name=family,
        protection=protection,
        deceased_on=deceased_on,
        email=f"person{number}@example.org" if email else None,
        **address,
    )
    if protection == "none":
        since = moved_in or date(2012, 1, 1) + timedelta(world.pick(0, 3_600))
        world.add(
            "residences",
            person_id=person_id,
            valid_from=min(since, world.start - timedelta(30)) if moved_in is None else since,
            valid_to=moved_out,
            **address,
        )
    return person_id


def add_worker(world: World, building: Building | None = None, flat: str | None = None) -> str:
    """Add a person of working age with an account of their own for wages."""
    person_id = add_person(
        world,
        youngest=date(2005, 12, 31),
        oldest=date(1962, 1, 1),
        building=building,
        flat=flat,
        email=True,
    )
    account = world.identifiers.clearing()
    world.add("accounts", account=account, holder_id=person_id, holder_kind="person", purpose="own")
    world.accounts[person_id] = account
    return person_id

"""Owners that lead to nobody (domain T26), and rightful forms that look alike."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from synth.companies import add_business_person, add_organisation, add_owner, replace_owners
from synth.world import Provider, Strength, World

_DETECTOR = "ownership_ring"
_HOLDING = "64200"


def ring(world: World, provider: Provider, strength: Strength) -> bool:
    """Companies own each other in a circle; strong: the provider is in it and no person is near."""
    holdings = _holdings(world, 3 if strength == "strong" else 2)
    replace_owners(world, provider.org_id)
    if strength == "strong":
        circle = [provider.org_id, *holdings, provider.org_id]
        members = [provider.org_id, *holdings]
    else:
        circle, members = [*holdings, holdings[0]], holdings
        add_owner(world, provider.org_id, holdings[0], 1.0, kind="organisation")
    for owned, owner in pairwise(circle):
        add_owner(world, owned, owner, 1.0, kind="organisation", since=date(2021, 6, 1))
    _scheme(world, "ring", provider, members, strength)
    return True


def chain_to_nobody(world: World, provider: Provider, strength: Strength) -> bool:
    """Five holdings (strong) or four in a row, the last one abroad and owned by nobody known."""
    replace_owners(world, provider.org_id)
    holdings = _holdings(world, 4 if strength == "strong" else 3)
    abroad = f"CY:HE{400_000 + len(world.rows['organisations'])}"
    world.add(
        "organisations",
        org_id=abroad,
        name="Holding (syntetisk) Ltd",
        country="CY",
        status="active",
    )
    for owned, owner in pairwise([provider.org_id, *holdings, abroad]):
        add_owner(world, owned, owner, 1.0, kind="organisation", since=date(2020, 3, 1))
    _scheme(world, "chain_to_nobody", provider, [provider.org_id, *holdings, abroad], strength)
    return True


SCHEMES = (ring, chain_to_nobody)


def family_holding(world: World, provider: Provider) -> list[str]:
    """A couple owns the firm through one company each."""
    replace_owners(world, provider.org_id)
    holdings = _holdings(world, 2)
    for holding in holdings:
        add_owner(world, holding, add_business_person(world), 1.0)
        add_owner(world, provider.org_id, holding, 0.5, kind="organisation")
    return holdings


def cross_holding_group(world: World, provider: Provider) -> list[str]:
    """Two companies of a group hold a little of each other, and a person holds the rest."""
    replace_owners(world, provider.org_id)
    parent, sister = _holdings(world, 2)
    person_id = add_business_person(world)
    add_owner(world, provider.org_id, parent, 1.0, kind="organisation")
    add_owner(world, parent, person_id, 0.85)
    add_owner(world, parent, sister, 0.15, kind="organisation")
    add_owner(world, sister, parent, 0.4, kind="organisation")
    add_owner(world, sister, person_id, 0.6)
    return [parent, sister]


def cooperative(world: World, provider: Provider) -> list[str]:
    """A staff cooperative: members, no owners."""
    return _without_owners(world, provider, "Ekonomisk förening")


def foundation(world: World, provider: Provider) -> list[str]:
    """A foundation owns the firm and is itself owned by nobody, as foundations are."""
    replace_owners(world, provider.org_id)
    owner = add_organisation(world, "Diakonistiftelsen", legal_form="Stiftelse")
    add_owner(world, provider.org_id, owner, 1.0, kind="organisation")
    return [owner]


def listed_company(world: World, provider: Provider) -> list[str]:
    """A listed company owns the firm; nobody holds a quarter of it."""
    replace_owners(world, provider.org_id)
    owner = add_organisation(world, "Vårdkoncernen", legal_form="Publikt aktiebolag")
    add_owner(world, provider.org_id, owner, 1.0, kind="organisation")
    for _ in range(5):
        add_owner(world, owner, add_business_person(world), 0.08)
    return [owner]


def dissolved_ring(world: World, provider: Provider) -> list[str]:
    """A circle that ended years ago; a person owns the firm since."""
    replace_owners(world, provider.org_id)
    former = _holdings(world, 1)[0]
    ended = date(2021, 1, 1)
    add_owner(
        world,
        provider.org_id,
        former,
        1.0,
        kind="organisation",
        since=date(2016, 1, 1),
        until=ended,
    )
    add_owner(
        world,
        former,
        provider.org_id,
        1.0,
        kind="organisation",
        since=date(2016, 1, 1),
        until=ended,
    )
    add_owner(world, former, add_business_person(world), 1.0, since=ended)
    add_owner(world, provider.org_id, add_business_person(world), 1.0, since=ended)
    return [former]


_FORMS = (
    family_holding,
    cross_holding_group,
    foundation,
    listed_company,
    cooperative,
    dissolved_ring,
)


def rightful_forms(world: World, hosts: list[Provider]) -> None:
    """Each form once where there are providers enough, and again at every third of the others."""
    free = [p for p in hosts if _DETECTOR not in p.innocents]
    turn = world.pick(0, len(_FORMS) - 1)
    for number, provider in enumerate(free):
        if number >= len(_FORMS) and not world.chance(1 / 3):
            continue
        form = _FORMS[(turn + number) % len(_FORMS)]
        subjects = [provider.org_id, *form(world, provider)]
        provider.innocents.add(_DETECTOR)
        world.tell(
            _DETECTOR,
            "innocent",
            form.__name__,
            provider.org_id,
            subjects,
            world.start,
            world.end,
        )


INNOCENTS = (rightful_forms,)


def _holdings(world: World, count: int) -> list[str]:
    number = len(world.rows["organisations"])
    return [
        add_organisation(world, f"Förvaltning {number + step}", industry=_HOLDING)
        for step in range(count)
    ]


def _without_owners(world: World, provider: Provider, legal_form: str) -> list[str]:
    replace_owners(world, provider.org_id)
    for row in world.rows["organisations"]:
        if row["org_id"] == provider.org_id:
            row.update(legal_form=legal_form, share_capital_sek=None)
    return []


def _scheme(
    world: World, name: str, provider: Provider, subjects: list[str], strength: Strength
) -> None:
    world.tell(
        _DETECTOR,
        "scheme",
        name,
        provider.org_id,
        subjects,
        world.start,
        world.end,
        strength=strength,
    )

"""Companies without premises, staff or management of their own (domain T22, T23, T25)."""

from __future__ import annotations

from datetime import date, timedelta

from synth.companies import add_business_person, add_organisation
from synth.people import add_person, any_building
from synth.world import CITY, MUNICIPALITY, Provider, Row, Strength, World

_DETECTOR = "hollow_company"
_SIGNS = ("board", "industry", "address")


def front(world: World, provider: Provider, strength: Strength) -> bool:
    """A box, no phone and no F-tax; strong: no employer either, and a builder by its code."""
    _lodge(world, provider, "Brevcentralen", box=True)
    firm = _firm(world, provider.org_id)
    firm.update(phone=None, email=None, f_tax=False)
    if strength == "strong":
        firm.update(employer=False, industry="41200")
    _scheme(world, "front", provider.org_id, strength)
    return True


def straw_director(world: World, provider: Provider, strength: Strength) -> bool:
    """The director is one of many companies, of which some fail; a c/o and no F-tax beside it."""
    person_id = add_business_person(world)
    _replace_board(world, provider, person_id, world.start - timedelta(200))
    boards, failures = (9, 4) if strength == "strong" else (4, 2)
    _sit(world, person_id, boards, failures)
    _lodge(world, provider, "Postmottagningen")
    _firm(world, provider.org_id)["f_tax"] = False
    if strength == "strong":
        _firm(world, provider.org_id).update(phone=None, email=None)
    _scheme(world, "straw_director", provider.org_id, strength)
    return True


def banned_director(world: World, provider: Provider, strength: Strength) -> bool:
    """Somebody under a trading ban is director; weak: and nothing else but another trade."""
    person_id = add_business_person(world)
    since = world.start - timedelta(400)
    _replace_board(world, provider, person_id, since)
    world.add("trading_bans", person_id=person_id, valid_from=since + timedelta(100))
    _firm(world, provider.org_id)["industry"] = "43120"
    if strength == "strong":
        _firm(world, provider.org_id).update(phone=None, email=None)
        _lodge(world, provider, "Kontoret")
    _scheme(world, "banned_director", provider.org_id, strength)
    return True


def makeover(world: World, provider: Provider, strength: Strength) -> bool:
    """Board, trade and address change within weeks, to where many are (strong) or no phone is."""
    day = world.start - timedelta(world.pick(20, 250))
    for step, what in enumerate(_SIGNS):
        _change(world, provider, what, day + timedelta(9 * step))
    if strength == "strong":
        _crowd(world, provider, 11)
    else:
        _firm(world, provider.org_id).update(phone=None, email=None)
    _scheme(world, "makeover", provider.org_id, strength)
    return True


def new_front(world: World, provider: Provider, strength: Strength) -> bool:
    """A home for the young, registered for its contract; c/o, no phone; strong: no F-tax either."""
    org_id = add_organisation(world, "Ungdomsstödet", industry="87902")
    began = world.start + timedelta(10)
    _firm(world, org_id).update(
        registered_on=began - timedelta(world.pick(30, 300)),
        care_of="Kontorspoolen",
        phone=None,
        email=None,
        employees=None,
        f_tax=strength == "weak",
    )
    world.add(
        "contracts",
        contract_id=f"A-{org_id}",
        org_id=org_id,
        municipality=MUNICIPALITY,
        service="HVB",
        reimbursement="granted",
        hourly_rate_sek=440,
        valid_from=began,
    )
    for number in range(3):
        world.add(
            "placements",
            placement_id=f"PL-{org_id}-{number}",
            client_id=add_person(world, youngest=date(2014, 1, 1), oldest=date(2007, 1, 1)),
            org_id=org_id,
            start=began + timedelta(number),
            day_rate_sek=5_200,
        )
    _scheme(world, "new_front", org_id, strength)
    return True


SCHEMES = (front, straw_director, banned_director, makeover, new_front)


def professional_chair(world: World, provider: Provider) -> None:
    """The chair sits on nine more boards, and one of them went bankrupt."""
    person_id = add_business_person(world)
    _officer(world, provider.org_id, person_id, "chair", provider.since)
    _sit(world, person_id, 9, 1, role="chair")


def insolvency_administrator(world: World, provider: Provider) -> None:
    """A lawyer on the board has wound up many companies as their liquidator."""
    person_id = add_business_person(world)
    _officer(world, provider.org_id, person_id, "director", provider.since)
    _sit(world, person_id, 6, 0)
    _sit(world, person_id, 0, 5, role="liquidator")
    _lodge(world, provider, "Advokatbyrån")


def interim_manager(world: World, provider: Provider) -> None:
    """The managing director led companies in trouble before, one after another."""
    person_id = add_business_person(world)
    _officer(world, provider.org_id, person_id, "ceo", provider.since)
    _sit(world, person_id, 6, 3, role="ceo")
    _lodge(world, provider, "Huvudkontoret")


def association_accountant(world: World, provider: Provider) -> None:
    """An accountant is deputy here and auditor of housing associations, some of them bankrupt."""
    person_id = add_business_person(world)
    _officer(world, provider.org_id, person_id, "deputy", provider.since)
    _sit(world, person_id, 12, 2, role="auditor", legal_form="Ekonomisk förening")
    _lodge(world, provider, "Redovisningsbyrån")


def office_hotel(world: World, provider: Provider) -> None:
    """The firm rents a desk where a dozen others do."""
    _crowd(world, provider, 12)
    _lodge(world, provider, "Kontorshotellet")


def run_from_home(world: World, provider: Provider) -> None:
    """A small firm c/o its director, without a listed phone."""
    officers = (row for row in world.rows["officers"] if row["org_id"] == provider.org_id)
    person_id = next(officers)["person_id"]
    home = next(row for row in world.rows["persons"] if row["person_id"] == person_id)
    _firm(world, provider.org_id).update(
        care_of=f"{home['given_name']} {home['family_name']}",
        phone=None,
        **{name: home[name] for name in ("street", "postcode", "city")},
    )


def acquisition(world: World, provider: Provider) -> None:
    """A buyer brings a new board and moves the firm to another address."""
    day = world.start - timedelta(world.pick(30, 300))
    for step, what in enumerate(("owner", "board", "address", "account")):
        _change(world, provider, what, day + timedelta(3 * step))
    _lodge(world, provider, "Omsorgsgruppen")


def move_and_auditor(world: World, provider: Provider) -> None:
    """The firm moves and, at the year's meeting, changes its auditor and its code."""
    day = world.start - timedelta(world.pick(30, 300))
    for what in ("address", "auditor", "industry"):
        _change(world, provider, what, day)


def bought_from_the_shelf(world: World, provider: Provider) -> None:
    """The founder bought a shelf company and made it a care firm before the first assignment."""
    firm = _firm(world, provider.org_id)
    registered = provider.since - timedelta(world.pick(150, 300))
    firm["registered_on"] = registered
    for step, what in enumerate(("owner", "name", *_SIGNS, "auditor")):
        _change(world, provider, what, registered + timedelta(30 + step))


_FORMS = (
    professional_chair,
    office_hotel,
    insolvency_administrator,
    run_from_home,
    association_accountant,
    acquisition,
    interim_manager,
    move_and_auditor,
    bought_from_the_shelf,
)


def rightful_forms(world: World, hosts: list[Provider]) -> None:
    """Each form once where there are providers enough, and again at every third of the others."""
    turn = world.pick(0, len(_FORMS) - 1)
    for number, provider in enumerate(hosts):
        if number >= len(_FORMS) and not world.chance(1 / 3):
            continue
        form = _FORMS[(turn + number) % len(_FORMS)]
        form(world, provider)
        provider.innocents.add(_DETECTOR)
        who = provider.org_id
        world.tell(_DETECTOR, "innocent", form.__name__, who, [who], world.start, world.end)


INNOCENTS = (rightful_forms,)


def _firm(world: World, org_id: str) -> Row:
    return next(row for row in world.rows["organisations"] if row["org_id"] == org_id)


def _lodge(world: World, provider: Provider, host: str, *, box: bool = False) -> None:
    _firm(world, provider.org_id)["care_of"] = host
    if box:
        number = len(world.rows["organisations"])
        _firm(world, provider.org_id).update(street=f"Box {number}", postcode="99001", city=CITY)


def _crowd(world: World, provider: Provider, firms: int) -> None:
    """So many firms of other trades at the provider's new address."""
    house = any_building(world)
    place: Row = {"street": f"{house.street} plan 2", "postcode": house.postcode, "city": CITY}
    _firm(world, provider.org_id).update(place)
    for number in range(firms):
        org_id = add_organisation(world, f"Konsult {number + 1}", industry="70220")
        _firm(world, org_id).update(place)


def _sit(
    world: World,
    person_id: str,
    boards: int,
    failures: int,
    *,
    role: str = "director",
    legal_form: str = "Aktiebolag",
) -> None:
    """Give a person seats in companies that go on, and in some that went bankrupt since."""
    for number in range(boards + failures):
        org_id = add_organisation(world, "Drift", legal_form=legal_form, industry="47190")
        _officer(world, org_id, person_id, role, date(2018, 1, 1) + timedelta(30 * number))
        if number >= boards:
            _firm(world, org_id).update(
                status="bankruptcy", status_on=world.start - timedelta(90 + 150 * (number - boards))
            )


def _officer(world: World, org_id: str, person_id: str, role: str, since: date) -> None:
    world.add("officers", org_id=org_id, person_id=person_id, role=role, valid_from=since)


def _replace_board(world: World, provider: Provider, person_id: str, since: date) -> None:
    for row in world.rows["officers"]:
        if row["org_id"] == provider.org_id and row["role"] in ("chair", "director"):
            row["valid_to"] = since
    _officer(world, provider.org_id, person_id, "director", since)


def _change(world: World, provider: Provider, what: str, day: date) -> None:
    number = len(world.rows.get("organisation_changes", ()))
    world.add(
        "organisation_changes",
        change_id=f"H-{number:05d}",
        org_id=provider.org_id,
        changed_on=day,
        what=what,
    )


def _scheme(world: World, name: str, org_id: str, strength: Strength) -> None:
    world.tell(
        _DETECTOR, "scheme", name, org_id, [org_id], world.start, world.end, strength=strength
    )

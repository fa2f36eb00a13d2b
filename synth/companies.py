"""Providers and the company register around them: owners, officers, permits, contracts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from synth.people import add_person, any_building
from synth.world import CITY, MUNICIPALITY, Provider, World

CARE: Final = "Personlig omvårdnad"
CLEANING: Final = "Serviceinsatser"
NIGHT: Final = "Nattpatrull"
GROUP: Final = "Gruppaktivitet"
MEALS: Final = "Matdistribution"
#: SEK an hour at the start of 2024, within the 315–558 that municipalities pay (domain, section 5).
RATES: Final = {CARE: 448.0, CLEANING: 392.0}
MEAL_PRICE: Final = 62.0
#: SEK a month that a client pays at most.
FEE_CAP: Final = 2_575
_WORDS: Final = (  # noqa: SIM905 - words read better in lines than in a column
    "Solglimt Lunden Bergfoten Kärnan Eken Trädet Linden Norrsken Gläntan Hamnen Stjärnan "
    "Fyren Ängen Klippan Källan Bryggan Åsen Viken Dalen Kvarnen"
).split()
_NUMBERS_FOR_FICTION: Final = (
    [f"070-17406{n:02d}" for n in range(5, 100)]
    + [f"031-3900{n}" for n in range(600, 700)]
    + [f"040-6280{n}" for n in range(400, 500)]
    + [f"08-46500{n}" for n in range(400, 500)]
)


def build_register(world: World) -> None:
    """The municipality, its providers and a hundred firms per 100,000 inhabitants."""
    _add_municipality(world)
    count = 6 + world.inhabitants // 10_000
    weights = [1.0 / (rank + 2.5) for rank in range(count)]
    share = float(world.rng.uniform(0.20, 0.24))
    for weight in weights:
        add_provider(world, size=share * weight / sum(weights))
    for _ in range(world.inhabitants // 1_250):
        org_id = add_organisation(world, _firm_name(world, "Handel"), industry="47190")
        add_owner(world, org_id, add_business_person(world), 1.0)


def add_provider(world: World, *, size: float, since: date | None = None) -> Provider:
    """A private provider with permit, contracts, an owner, a board and an account."""
    org_id = add_organisation(world, _firm_name(world, "Omsorg"), industry="88101")
    since = since or date(2016, 1, 1) + timedelta(world.pick(0, 1_500))
    provider = Provider(org_id, str(world.rows["organisations"][-1]["name"]), size, True)
    provider.since = since
    world.providers.append(provider)
    world.add(
        "permits",
        permit_id=f"TS-{len(world.rows.get('permits', ())) + 1:05d}",
        org_id=org_id,
        service="hemtjänst",
        law="SoL",
        status="granted",
        valid_from=since - timedelta(60),
    )
    world.schedule("payee", org_id=org_id, account=_own_account(world, org_id), factoring=False)
    founder = add_business_person(world)
    add_owner(world, org_id, founder, 0.6, since=since - timedelta(120))
    add_owner(world, org_id, add_business_person(world), 0.4, since=since - timedelta(120))
    for interest in ("votes", "beneficial"):  # the same holding told in other words
        add_owner(world, org_id, founder, 0.6, interest=interest, since=since - timedelta(120))
    for person_id, role in ((founder, "director"), (founder, "ceo")):
        world.add("officers", org_id=org_id, person_id=person_id, role=role, valid_from=since)
    deputy = add_business_person(world)
    world.add("officers", org_id=org_id, person_id=deputy, role="deputy", valid_from=since)
    world.add(
        "background_checks",
        check_id=f"K-{len(world.providers):05d}",
        person_id=founder,
        org_id=org_id,
        done_on=since - timedelta(30),
        basis="avtal",
    )
    return provider


def add_organisation(
    world: World, name: str, *, legal_form: str = "Aktiebolag", industry: str | None = None
) -> str:
    """A firm in the register, marked synthetic in its name."""
    org_id = world.identifiers.organisation(legal_form)
    number = len(world.rows.get("organisations", ()))
    building = any_building(world)
    world.add(
        "organisations",
        org_id=org_id,
        name=f"{name} (syntetisk)",
        legal_form=legal_form,
        registered_on=date(2004, 1, 1) + timedelta(world.pick(0, 4_000)),
        status="active",
        industry=industry,
        street=building.street,
        postcode=building.postcode,
        city=CITY,
        phone=_NUMBERS_FOR_FICTION[number] if number < len(_NUMBERS_FOR_FICTION) else None,
        email=f"info@firma{number}.example",
        f_tax=True,
        vat=legal_form == "Aktiebolag",
        employer=True,
        share_capital_sek=25_000 * world.pick(1, 8) if legal_form == "Aktiebolag" else None,
        employees=world.pick(0, 60),
    )
    return org_id


def add_business_person(world: World) -> str:
    """Someone who owns or runs firms."""
    return add_person(world, youngest=date(1996, 12, 31), oldest=date(1956, 1, 1), email=True)


def add_owner(
    world: World,
    org_id: str,
    owner_id: str,
    share: float | None,
    *,
    kind: str = "person",
    interest: str = "shares",
    since: date = date(2015, 1, 1),
    until: date | None = None,
) -> None:
    """A holding of shares, or of what `interest` names."""
    world.add(
        "owners",
        org_id=org_id,
        owner_id=owner_id,
        owner_kind=kind,
        interest=interest,
        share=share,
        valid_from=since,
        valid_to=until,
    )


def replace_owners(world: World, org_id: str) -> None:
    """Forget who owns a provider, so that a plant can say it anew."""
    world.rows["owners"] = [row for row in world.rows["owners"] if row["org_id"] != org_id]


def write_contracts(world: World) -> None:
    """A contract a service and year for each private provider; the price rises each January."""
    for provider in world.private:
        for year in range(max(2023, provider.since.year), world.end.year + 1):
            opens, closes = max(provider.since, date(year, 1, 1)), date(year + 1, 1, 1)
            if provider.until <= opens:
                break
            for service, rate in RATES.items():
                world.add(
                    "contracts",
                    contract_id=f"A-{provider.org_id}-{year}-{service[:4]}",
                    org_id=provider.org_id,
                    municipality=MUNICIPALITY,
                    service=service,
                    reimbursement="performed",
                    hourly_rate_sek=round(rate * 1.025 ** (year - 2024)),
                    valid_from=opens,
                    valid_to=min(closes, provider.until),
                    end_reason="terminated" if provider.until < closes else None,
                )


def account_of(world: World, org_id: str) -> str:
    """The account that a provider's invoices name."""
    return next(str(row["account"]) for row in world.plan["payee"] if row["org_id"] == org_id)


def use_account(world: World, org_id: str, account: str, *, factoring: bool = False) -> None:
    """Let a provider's invoices name another account; its own one is forgotten."""
    own = account_of(world, org_id)
    world.rows["accounts"] = [
        row for row in world.rows["accounts"] if (row["account"], row["holder_id"]) != (own, org_id)
    ]
    for row in world.plan["payee"]:
        if row["org_id"] == org_id:
            row.update(account=account, factoring=factoring)


def hold_account(
    world: World,
    account: str,
    holder_id: str,
    *,
    kind: str = "organisation",
    purpose: str = "own",
    since: date | None = None,
    until: date | None = None,
) -> None:
    """Register who holds an account."""
    world.add(
        "accounts",
        account=account,
        holder_id=holder_id,
        holder_kind=kind,
        valid_from=since,
        valid_to=until,
        purpose=purpose,
    )


def _own_account(world: World, org_id: str) -> str:
    account = world.identifiers.bankgiro()
    hold_account(world, account, org_id, since=date(2014, 1, 1))
    return account


def _firm_name(world: World, trade: str) -> str:
    number = len(world.rows.get("organisations", ()))
    word = _WORDS[number % len(_WORDS)]
    return f"{word} {trade} {number // len(_WORDS) + 1}"


def _add_municipality(world: World) -> None:
    org_id = add_organisation(world, f"{CITY}s kommun", legal_form="Kommun", industry="84110")
    world.municipal_id = org_id
    world.providers.append(Provider(org_id, f"{CITY}s kommun", 1.0, False, since=date(1990, 1, 1)))
    world.add(
        "municipalities", municipality=MUNICIPALITY, name=f"{CITY} (syntetisk)", org_id=org_id
    )
    hold_account(world, world.identifiers.plusgiro(), org_id)
    world.schedule("payer", org_id=org_id, account=world.rows["accounts"][-1]["account"])
    for service, flat_rate in ((CARE, 0), (CLEANING, 0), (NIGHT, 0), (GROUP, 1), (MEALS, 1)):
        world.add(
            "services",
            municipality=MUNICIPALITY,
            service=service,
            permit_service="hemtjänst" if not flat_rate else None,
            needs_permit=not flat_rate,
            flat_rate=bool(flat_rate),
        )
    for unit in range(1, 3 + world.inhabitants // 12_000):
        for _ in range(2):
            official = add_business_person(world)
            world.add(
                "officials", person_id=official, municipality=MUNICIPALITY, unit=f"Enhet {unit}"
            )


def close_provider(world: World, provider: Provider, day: date) -> None:
    """A provider's contract and permit end."""
    provider.until = day
    for row in world.rows["permits"]:
        if row["org_id"] == provider.org_id:
            row["valid_to"] = day

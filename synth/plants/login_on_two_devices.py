"""A login that changes hands or outlives its holder (domain T5), and phones that rightly change."""

from __future__ import annotations

from datetime import date, timedelta

from synth.staff import replace
from synth.world import OPEN, Provider, Strength, Tenure, World

_DETECTOR = "login_on_two_devices"


def lend_login(world: World, provider: Provider, strength: Strength) -> bool:
    """Colleagues register under their own names on one login; weak: one of them, now and then."""
    posts = [post for post in world.staff(provider.org_id, "rota") if not post.kept]
    if len(posts) < 4 or world.days < 40 or provider.until < world.end:
        return False
    lender = posts[0]
    borrowers = [post for post in posts[1:] if post.team == lender.team]
    borrowers = sorted(borrowers, key=lambda post: abs(post.phase - lender.phase))
    borrowers = borrowers[: 2 if strength == "strong" else 1]
    if not borrowers:
        return False
    since = world.start + timedelta(world.days // 4)
    for post in (lender, *borrowers):
        post.kept = True
    holder = lender.tenures[0]
    for post in borrowers:
        percent = 80 if strength == "strong" else 45
        _lend(world, provider, holder, post.tenures[0], since, percent)
    _tell_scheme(world, "lent_login", provider, holder, since, strength)
    return True


def outlived_login(world: World, provider: Provider, strength: Strength) -> bool:
    """Whoever comes after a leaver goes on with the leaver's login; weak: now and then."""
    posts = [post for post in world.staff(provider.org_id, "rota") if not post.kept]
    if not posts or world.days < 90 or provider.until < world.end:
        return False
    post = posts[-1]
    left = world.start + timedelta(world.days // 4)
    replace(world, post, left)
    leaver, newcomer = post.tenures[-2:]
    if leaver.since >= left:
        return False
    _lend(world, provider, leaver, newcomer, left, 80 if strength == "strong" else 25)
    post.kept = True
    _tell_scheme(world, "outlived_login", provider, leaver, left, strength)
    return True


SCHEMES = (lend_login, outlived_login)


def pooled_phones(world: World, hosts: list[Provider]) -> None:
    """Phones lie in the office and change with every shift: so it is everywhere."""
    for provider in hosts[:3]:
        _tell_innocent(world, "pooled_phones", provider, [])


def registered_anew(world: World, hosts: list[Provider]) -> None:
    """On two days all phones of a provider go to and fro between ids; then the new ones stay."""
    for provider in hosts[::4][:2]:
        day = world.start + timedelta(world.days // 2)
        settled = day + timedelta(2)
        _change(world, provider, None, day, settled, back=True)
        _change(world, provider, None, settled, OPEN, back=False)
        _tell_innocent(world, "registered_anew", provider, [])


def replaced_phones(world: World, hosts: list[Provider]) -> None:
    """One worker's phone fails for a day, to and fro until a new one is there."""
    for provider in hosts[1::4][:3]:
        for post in world.staff(provider.org_id, "rota")[:1]:
            day = world.start + timedelta(world.days // 3)
            person_id = post.tenures[0].person_id
            _change(world, provider, person_id, day, day + timedelta(1), back=True)
            _tell_innocent(world, "replaced_phone", provider, [person_id])


INNOCENTS = (pooled_phones, registered_anew, replaced_phones)


def _lend(
    world: World, provider: Provider, lender: Tenure, borrower: Tenure, since: date, percent: int
) -> None:
    world.schedule(
        "lent",
        org_id=provider.org_id,
        borrower_id=borrower.person_id,
        lender_id=lender.person_id,
        since=since,
        until=world.end,
        percent=percent,
        own_name=True,
    )


def _change(
    world: World, provider: Provider, person_id: str | None, since: date, until: date, *, back: bool
) -> None:
    world.schedule(
        "phone_change",
        org_id=provider.org_id,
        person_id=person_id,
        since=since,
        until=until,
        back=back,
    )


def _tell_scheme(
    world: World, name: str, provider: Provider, lender: Tenure, since: date, strength: Strength
) -> None:
    subjects = [lender.person_id]
    world.tell(
        _DETECTOR, "scheme", name, provider.org_id, subjects, since, world.end, strength=strength
    )


def _tell_innocent(world: World, cause: str, provider: Provider, subjects: list[str]) -> None:
    world.tell(_DETECTOR, "innocent", cause, provider.org_id, subjects, world.start, world.end)

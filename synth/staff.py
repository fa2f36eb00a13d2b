"""Staff: posts in a rota, who fills them over time, their employments and logins."""

from __future__ import annotations

import heapq
from collections import defaultdict
from datetime import date, timedelta
from math import ceil
from typing import Final

from synth.care import SLOT_HOURS
from synth.companies import FEE_CAP, GROUP
from synth.people import add_worker
from synth.world import MUNICIPALITY, OPEN, Client, Post, Provider, Spell, Tenure, World

#: Clients in a team, so that a client with several visits a day meets about 15 workers in 14 days.
_TEAM: Final = 45
#: Days and evenings of a post over a fortnight; the same as in visits.sql.
ROTA: Final = "DDD..EEE.DD..."
#: Share of a 14-day cycle that a post works days and evenings (see the rota in visits.sql).
_DAYS, _EVENINGS, _NIGHTS = 5 / 14, 3 / 14, 5 / 14
#: A worker stays some three years; relief workers one.
_STAY_DAYS: Final = {"relief_D": 400, "relief_E": 400}
_STAY: Final = 1_100


def divide_into_teams(world: World) -> None:
    """Large providers work in teams, each with its part of the town."""
    for provider in world.providers:
        count = len(world.served(provider.org_id, world.start))
        provider.teams = max(1, round(count / _TEAM))
        if count >= 12:
            _choose_double_staffed(world, provider)


def build_posts(world: World) -> None:
    """Fill `world.posts`: enough for the load of each team, with relief and night staff."""
    loads = _loads(world)
    for provider in world.providers:
        for team in range(provider.teams):
            morning, evening, weekly = loads[provider.org_id, team]
            people = max(
                5, ceil(1.15 * morning / 3.6 / _DAYS), ceil(1.15 * evening / 2.9 / _EVENINGS)
            )
            for number in range(people):
                add_post(world, provider.org_id, team, "rota", 3 * number % 14)
            for _ in range(max(1, ceil(weekly / 5 / 4.5))):
                add_post(world, provider.org_id, team, "service", 0)
            for phase in (0, 1):
                add_post(world, provider.org_id, team, "second", phase)
            for kind in ("relief_D", "relief_E"):
                for _ in range(max(1, people // 10)):
                    add_post(world, provider.org_id, team, kind, 0)
    night = len(world.clients) * 0.08 * 0.35 / 4.5 / _NIGHTS
    for number in range(max(5, ceil(night))):
        add_post(world, world.municipal_id, 0, "night", 3 * number % 14)


def add_post(
    world: World,
    org_id: str,
    team: int,
    kind: str,
    phase: int,
    *,
    since: date | None = None,
    person_id: str | None = None,
) -> Post:
    """A post held from `since` (else long before the start) by a person (else a new one)."""
    if since is None:
        earliest = world.provider(org_id).since
        since = max(earliest, world.start - timedelta(world.pick(40, 1_400)))
    post = Post(len(world.posts) + 1, org_id, team, kind, phase, [])
    post.tenures.append(Tenure(person_id or add_worker(world), since))
    world.posts.append(post)
    return post


def let_people_move(world: World) -> None:
    """Posts fall vacant; some are filled by people who left another provider recently."""
    queue: list[tuple[date, int]] = []
    for post in world.posts:
        if not post.kept:
            settled = max(world.start, post.tenures[-1].since)
            heapq.heappush(queue, (_leaves(world, post, settled), post.number))
    left: list[tuple[date, str, str]] = []  # (since, person, the provider they left)
    posts = {post.number: post for post in world.posts}
    while queue and queue[0][0] < world.end:
        day, number = heapq.heappop(queue)
        post = posts[number]
        if world.provider(post.org_id).until <= day:
            continue
        leaver = post.tenures[-1]
        leaver.until = day
        left = [free for free in left if free[0] > day - timedelta(60)]
        fit = [free for free in left if free[2] != post.org_id]
        if fit and world.chance(0.3):
            left.remove(fit[0])
            newcomer = fit[0][1]
        else:
            newcomer = add_worker(world)
        left.append((day, leaver.person_id, post.org_id))
        post.tenures.append(Tenure(newcomer, day))
        heapq.heappush(queue, (_leaves(world, post, day), number))


def replace(world: World, post: Post, day: date, newcomer: str | None = None) -> Tenure:
    """End the tenure that holds on a day; what came after it goes, and a newcomer stays."""
    post.tenures = [tenure for tenure in post.tenures if tenure.since < day]
    leaver = post.tenures[-1]
    leaver.until = day
    post.tenures.append(Tenure(newcomer or add_worker(world), day))
    return leaver


def write_staff(world: World) -> None:
    """Employments and logins of the contract, and the posts that the rota reads."""
    spells: dict[tuple[str, str], list[Tenure]] = defaultdict(list)
    titles = {"night": "undersköterska natt", "service": "serviceassistent"}
    title_of: dict[tuple[str, str], str] = {}
    for post in world.posts:
        closes = world.provider(post.org_id).until
        for tenure in post.tenures:
            tenure.until = min(tenure.until, closes)
            if tenure.since < tenure.until:
                spells[post.org_id, tenure.person_id].append(tenure)
                title_of[post.org_id, tenure.person_id] = titles.get(post.kind, "undersköterska")
    logins: dict[tuple[str, str], str] = {}
    for number, ((org_id, person_id), tenures) in enumerate(spells.items(), 1):
        logins[org_id, person_id] = login_id = f"U{number:06d}"
        for tenure in tenures:
            world.add(
                "employments",
                org_id=org_id,
                person_id=person_id,
                valid_from=tenure.since,
                valid_to=None if tenure.until == OPEN else tenure.until,
                title=title_of[org_id, person_id],
                hours_per_week=28,
            )
        last = max(tenure.until for tenure in tenures)
        world.add(
            "logins",
            login_id=login_id,
            org_id=org_id,
            person_id=person_id,
            valid_from=min(tenure.since for tenure in tenures),
            valid_to=None if last == OPEN else last,
        )
    _write_plan(world, logins)


def _write_plan(world: World, logins: dict[tuple[str, str], str]) -> None:
    for post in world.posts:
        for tenure in post.tenures:
            if tenure.since < tenure.until and tenure.until > world.start:
                world.schedule(
                    "post",
                    post_no=post.number,
                    org_id=post.org_id,
                    team=post.team,
                    kind=post.kind,
                    phase=post.phase,
                    every_other=post.every_other,
                    contact=post.contact,
                    person_id=tenure.person_id,
                    login_id=logins[post.org_id, tenure.person_id],
                    valid_from=tenure.since,
                    valid_to=tenure.until,
                )
    for client_id, (payer_id, account) in world.fee_payers.items():
        world.schedule(
            "fee_account", client_id=client_id, payer_id=payer_id, account=account, cap=FEE_CAP
        )
    for lent in world.plan.get("lent", ()):
        lent["login_id"] = logins[str(lent["org_id"]), str(lent["lender_id"])]
    for person_id, account in world.accounts.items():
        world.schedule("wage_account", person_id=person_id, account=account)


def _leaves(world: World, post: Post, day: date) -> date:
    stay = _STAY_DAYS.get(post.kind, _STAY)
    return day + timedelta(20 + int(world.rng.exponential(stay)))


def _loads(world: World) -> dict[tuple[str, int], list[float]]:
    """Hours of the busiest morning and evening, and of weekly service; per provider and team.

    Everyone served at the start, in the middle or at the end counts: a margin for newcomers.
    """
    loads: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    days = (world.start, world.start + timedelta(world.days // 2), world.end - timedelta(1))
    for client in world.clients:
        for org_id in sorted({org for day in days if (org := client.provider_on(day))}):
            team = loads[org_id, int(client.place * world.provider(org_id).teams)]
            for part, hours in enumerate(SLOT_HOURS[client.need]):
                team[part] += hours * (1.5 if client.leads_stay else 1.0)
    return loads


def _choose_double_staffed(world: World, provider: Provider) -> None:
    """One client a team: the team's second worker is then never needed twice at once."""
    taken: set[int] = set()
    for client in world.served(provider.org_id, world.start):
        team = int(client.place * provider.teams)
        if team not in taken and client.need == 3 and client.partner is None:
            taken.add(team)
            client.double_staffed_by = provider.org_id
            world.tell(
                "overlapping_visits",
                "innocent",
                "double_staffing",
                provider.org_id,
                [client.person_id],
                max(world.start, client.since),
                client.until,
            )


def gather(world: World, provider: Provider, clients: list[Client], weekday: int) -> str:
    """A weekly group with a leader of its own, who goes to no home; returns the leader."""
    post = add_post(world, provider.org_id, 0, "leader", 0)
    post.kept = True
    leader = post.tenures[0]
    for client in clients:
        for spell in client.spells:
            if spell.org_id == provider.org_id and spell.until > world.start:
                _schedule_group(world, client, spell, leader.person_id, weekday)
    return leader.person_id


def _schedule_group(world: World, client: Client, spell: Spell, leader: str, weekday: int) -> None:
    world.schedule(
        "circle",
        client_id=client.person_id,
        org_id=spell.org_id,
        leader_id=leader,
        service=GROUP,
        weekday=weekday,
        valid_from=spell.since,
        valid_to=spell.until,
    )
    until = None if spell.until == OPEN else spell.until
    row = {"client_id": client.person_id, "municipality": MUNICIPALITY, "service": GROUP}
    world.add(
        "enrolments",
        **row,
        org_id=spell.org_id,
        valid_from=spell.since,
        valid_to=until,
        end_reason=spell.end_reason,
    )
    world.add(
        "decisions",
        **row,
        decision_id=f"G{len(world.plan['circle']):06d}",
        hours_per_month=10,
        valid_from=spell.since.replace(day=1),
        valid_to=until,
    )

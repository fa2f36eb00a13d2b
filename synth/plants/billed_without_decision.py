"""Billed while nothing is granted (domain T13), and decisions that are late or lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from synth.decisions import amend, cut, middle, newcomers, steady_clients, when_settled
from synth.world import Provider, Row, Strength, World

_DETECTOR = "billed_without_decision"
#: Another municipality, whose client is here on a visit.
_ELSEWHERE = "9902"


def after_the_end(world: World, provider: Provider, strength: Strength) -> bool:
    """Decisions end and the invoices go on: of four clients early, or of one at half-time."""
    ended = world.start + timedelta(world.days // (4 if strength == "strong" else 2))

    def act(host: Provider) -> None:
        for client in steady_clients(world, host)[: 4 if strength == "strong" else 1]:
            amend(
                world,
                host,
                client,
                lambda rows: cut(rows, until=ended),
                "scheme",
                (_DETECTOR, "after_the_end"),
                ended,
                strength=strength,
            )

    return when_settled(world, provider, act)


def never_decided(world: World, provider: Provider, strength: Strength) -> bool:
    """Nobody decided anything for two clients, or for one."""

    def act(host: Provider) -> None:
        for client in steady_clients(world, host)[: 2 if strength == "strong" else 1]:
            amend(
                world,
                host,
                client,
                lambda _: [],
                "scheme",
                (_DETECTOR, "never_decided"),
                world.start,
                strength=strength,
            )

    return when_settled(world, provider, act)


SCHEMES = (after_the_end, never_decided)


def urgent_starts(world: World, hosts: list[Provider]) -> None:
    """Care began at once; the decision holds from a day within the month."""

    def act() -> None:
        for provider in (host for host in hosts if host.scheme != _DETECTOR):
            for client in newcomers(world, provider)[:1]:
                day = client.since + timedelta(25)
                amend(
                    world,
                    provider,
                    client,
                    lambda rows, day=day: cut(rows, since=day),  # type: ignore[misc]
                    "innocent",
                    (_DETECTOR, "urgent_start"),
                    client.since,
                )

    world.settled.append(act)


def renewal_gaps(world: World, hosts: list[Provider]) -> None:
    """Three weeks lie between a decision and the next."""
    day = middle(world)
    _innocents(
        world,
        hosts,
        "renewal_gap",
        lambda rows: [*cut(rows, until=day), *cut(rows, since=day + timedelta(21))],
    )


def visitors(world: World, hosts: list[Provider]) -> None:
    """Another municipality decides for the client, who is here on a visit."""
    _innocents(
        world,
        hosts,
        "other_municipality",
        lambda rows: [{**row, "municipality": _ELSEWHERE} for row in rows],
    )


def renewals_on_their_way(world: World, hosts: list[Provider]) -> None:
    """The decision ended in the newest weeks; the next one is being written."""
    day = world.end - timedelta(15)
    _innocents(world, hosts, "decision_on_its_way", lambda rows: cut(rows, until=day))


INNOCENTS = (urgent_starts, renewal_gaps, visitors, renewals_on_their_way)


def _innocents(
    world: World, hosts: list[Provider], cause: str, change: Callable[[list[Row]], list[Row]]
) -> None:
    """The cause at one client of each of three hosts."""

    def act() -> None:
        able = [host for host in hosts if host.scheme != _DETECTOR and steady_clients(world, host)]
        for host in able[:3] or world.providers[:1]:
            for client in steady_clients(world, host)[:1]:
                told = (_DETECTOR, cause)
                amend(world, host, client, change, "innocent", told, world.start)

    world.settled.append(act)

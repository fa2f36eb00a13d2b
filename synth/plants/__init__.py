"""What is hidden in the municipality on purpose: schemes to be found, and their innocent twins.

A module per detector holds its schemes and its innocent causes. A private provider carries at most
one scheme; its innocent twins live at providers without a scheme of the same detector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Final, TypeAlias

from synth.plants import (
    billed_over_decision,
    billed_without_decision,
    clients_follow_worker,
    hollow_company,
    login_on_two_devices,
    overlapping_visits,
    ownership_ring,
    phoenix_company,
    shared_account,
    shared_contact,
)
from synth.world import Provider, Strength, World

#: Plants a scheme at a provider and tells it; False where the provider does not lend itself to it.
Scheme: TypeAlias = Callable[[World, Provider, Strength], bool]
#: Plants an innocent cause at some of the given providers and tells it.
Innocent: TypeAlias = Callable[[World, list[Provider]], None]

#: In this order: a cash pool says who owns its members before rightful forms are dealt out.
MODULES: Final[tuple[ModuleType, ...]] = (
    overlapping_visits,
    clients_follow_worker,
    shared_account,
    ownership_ring,
    hollow_company,
    shared_contact,
    phoenix_company,
    billed_over_decision,
    billed_without_decision,
    login_on_two_devices,
)


#: The detectors that schemes are planted for.
DETECTORS: Final = tuple(module.__name__.rpartition(".")[2] for module in MODULES)


def plant(world: World, schemes: Sequence[str] | None = None) -> None:
    """Schemes at about every fourth private provider, four at least; then twins at all the others.

    The detectors take turns, from one that the seed draws. `schemes` names the detectors to plant
    for instead, each once: none of them makes a town without schemes.
    """
    turns = {module: world.pick(0, 11) for module in MODULES}
    if schemes is None:
        first = world.pick(0, len(MODULES) - 1)
        count = max(4, round(len(world.private) / 4))
        order = [MODULES[(first + number) % len(MODULES)] for number in range(count)]
    else:
        order = [module for module in MODULES if _name(module) in schemes]
    for number, module in enumerate(order):
        _plant_scheme(world, module, turns[module] + number // len(MODULES))
    for module in MODULES:
        name = _name(module)
        for innocent in module.INNOCENTS:
            hosts = [p for p in world.private if p.scheme not in (name, f"{name}_other")]
            innocent(world, hosts)


def _plant_scheme(world: World, module: ModuleType, turn: int) -> None:
    strength: Strength = "strong" if world.chance(0.6) else "weak"
    schemes: tuple[Scheme, ...] = module.SCHEMES
    providers = world.private
    order = [int(index) for index in world.rng.permutation(len(providers))]
    for step in range(len(schemes)):
        for provider in (providers[index] for index in order):
            if provider.scheme is None:
                provider.scheme = _name(module)
                if schemes[(turn + step) % len(schemes)](world, provider, strength):
                    return
                provider.scheme = None


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]

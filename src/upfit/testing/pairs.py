"""Every pair of techniques: trained together, refused by name, or never met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from upfit.testing.contracts import require_finite, trained
from upfit.testing.switches import PLACES, Place, change_of, places_of, recipe_of, refusal

Verdict = Literal["together", "refused", "one of a kind", "other tasks"]
Couple = frozenset[str]


@dataclass(frozen=True)
class Pairing:
    """What became of two switches.

    Args:
        couple: The switches.
        verdict: `one of a kind`: they set the same field. `other tasks`: no data takes both.
        reason: Why they are refused.
        places: Where they can be trained together.
    """

    couple: Couple
    verdict: Verdict
    reason: str = ""
    places: tuple[Place, ...] = ()


def pairings(switches: Sequence[str]) -> list[Pairing]:
    """What every two of some switches are to each other; nothing is trained.

    Example:
        >>> [found] = pairings(["loss.name=focal", "loss.label_smoothing=0.1"])
        >>> found.verdict
        'refused'
    """
    homes = {switch: places_of(recipe_of(switch)) for switch in switches}
    return [_pairing(one, other, homes) for one, other in combinations(switches, 2)]


def _pairing(one: str, other: str, homes: dict[str, list[Place]]) -> Pairing:
    couple = frozenset((one, other))
    if change_of(one).path == change_of(other).path:
        return Pairing(couple, "one of a kind")
    common = [place for place in homes[one] if place in homes[other]]
    if not common:
        return Pairing(couple, "other tasks")
    reasons = {place: refusal(recipe_of(one, other), place) for place in common}
    taken = tuple(place for place, reason in reasons.items() if not reason)
    if not taken:
        return Pairing(couple, "refused", reason=reasons[common[0]])
    return Pairing(couple, "together", places=taken)


def groups(found: Iterable[Pairing]) -> list[tuple[Place, tuple[str, ...]]]:
    """Few large sets of switches in which every two that go together meet at least once.

    Each set is grown greedily by whatever meets most of those it has not met yet: two thousand pairs fit
    into a tenth as many runs.
    """
    met = {one.couple: one for one in found if one.verdict == "together"}
    missing, made = dict(met), []
    while missing:
        first = next(iter(missing.values()))
        place = first.places[0]
        group = _grown(sorted(first.couple), place, met, missing)
        made.append((place, group))
        for couple in combinations(group, 2):
            missing.pop(frozenset(couple), None)
    return made


def _grown(
    start: list[str], place: Place, met: dict[Couple, Pairing], missing: dict[Couple, Pairing]
) -> tuple[str, ...]:
    group = list(start)
    # Sorted, so that the same switches always make the same groups.
    others = sorted({switch for couple in met for switch in couple} - set(group))
    while others:
        news = {switch: sum(frozenset((switch, one)) in missing for one in group) for switch in others}
        switch = max(others, key=lambda name: news[name])
        others.remove(switch)
        fits = all(_meets(met.get(frozenset((switch, one))), place) for one in group)
        if news[switch] and fits and not refusal(recipe_of(*group, switch), place):
            group.append(switch)
    return tuple(group)


def _meets(pairing: Pairing | None, place: Place) -> bool:
    return pairing is not None and place in pairing.places


def check_composes(*switches: str) -> None:
    """All of these, trained together for three steps, leave finite weights.

    Raises:
        AssertionError: They are refused everywhere, or diverge.

    Example:
        >>> check_composes("techniques.sam={rho: 0.05}", "techniques.swa=on")
    """
    places = places_of(recipe_of(*switches), PLACES)
    assert places, f"{' + '.join(switches)}: refused everywhere"
    require_finite(trained(recipe_of(*switches), places[0]), " + ".join(switches))


def check_every_pair(switches: Sequence[str]) -> list[Pairing]:
    """Train every two switches together that are not refused; what each two are to each other.

    Raises:
        AssertionError: Some that are not refused do not train.
    """
    found = pairings(switches)
    for place, group in groups(found):
        try:
            require_finite(trained(recipe_of(*group), place), "a weight")
        except Exception as error:
            raise AssertionError(f"{' + '.join(group)} on {place}: {error!r}") from error
    return found

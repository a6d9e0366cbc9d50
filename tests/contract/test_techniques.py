"""Every technique of the catalogue keeps the contracts of `upfit.testing.contracts`."""

from __future__ import annotations

import pytest

from upfit.techniques import TECHNIQUES
from upfit.techniques.catalogue import CARDS
from upfit.testing import contracts
from upfit.testing.pairs import check_composes, groups, pairings
from upfit.testing.processes import alone, in_processes
from upfit.testing.switches import PLACES, places_of, recipe_of
from upfit.testing.table import claimed_in_pieces, claimed_in_processes

CARD = {card.name: card for card in CARDS}
LISTED = [name for name in CARD if name in TECHNIQUES]
"""Those that a recipe lists; the others are fields."""
FIELDS = [name for name in CARD if name not in TECHNIQUES]
FINGERPRINTED = [
    "cosine_restarts",
    "plateau",
    "early_stopping",
    "sgd",
    "gradual_unfreezing",
    "balanced_sampler",
]
"""Fields of the recipe that remember something, or could: their resume is tried beside that of the list."""


def test_every_technique_has_a_card_and_every_card_a_home():
    assert set(TECHNIQUES) <= set(CARD)
    homeless = [name for name, card in CARD.items() if not places_of(recipe_of(card.tried))]
    assert not homeless


@pytest.mark.parametrize("name", [*LISTED, *(name for name in FINGERPRINTED if name in CARD)])
def test_it_resumes_bit_for_bit(name):
    contracts.check_resumes_bit_for_bit(CARD[name].tried)


@pytest.mark.parametrize("name", [name for name in LISTED if CARD[name].absent])
def test_at_strength_zero_it_is_absent(name):
    contracts.check_strength_zero_is_absent(CARD[name].absent)


@pytest.mark.parametrize("name", [name for name in LISTED if claimed_in_pieces(CARD[name])])
def test_it_accumulates(name):
    contracts.check_accumulates(CARD[name].tried)


@pytest.mark.parametrize("name", LISTED)
def test_it_leaves_nothing_behind(name):
    contracts.check_leaves_nothing_behind(CARD[name].tried)


@pytest.mark.parametrize("name", ["sam", "ema", "mixup", "r_drop"])
def test_it_runs_in_bf16(name):
    contracts.check_runs_in_bf16(CARD[name].tried)


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_all_that_a_task_takes_trains_on_it_together(task):
    switches = [CARD[name].tried for name in LISTED]
    found = [place for place in PLACES if place[1] == task]
    for place in found:
        taken = [switch for switch in switches if place in places_of(recipe_of(switch), [place])]
        weights = contracts.trained(recipe_of(*taken), place)
        contracts.require_finite(weights, f"{taken} on {place}")


def test_every_two_of_the_list_train_together_or_are_refused_by_name():
    found = pairings([CARD[name].tried for name in LISTED])
    refused = {one.couple: one.reason for one in found if one.verdict == "refused"}
    assert all(refused.values())
    for _, group in groups(found):
        check_composes(*group)


def test_two_processes_end_with_the_weights_of_one():
    """Twice with many techniques at once: two processes are slow to start."""
    together = ("clip", "ema", "swa", "l1", "l2", "l2_sp", "sam", "gradient_noise")
    assert all(claimed_in_processes(CARD[name]) for name in together)
    runs = [
        tuple(CARD[name].tried for name in together),
        (CARD["plateau"].tried, CARD["class_weights"].tried),
    ]
    for switches, shared in zip(runs, in_processes(runs), strict=True):
        contracts.require_close(alone(*switches), shared, " + ".join(switches))


@pytest.mark.parametrize("name", ["clip", "ema", "l2", "mixup", "stochastic_depth"])
def test_a_technique_with_strength_is_told_from_none(name):
    strong = {"clip": "norm: 0.001", "ema": "decay: 0.9", "l2": "strength: 1", "mixup": "probability: 1",
              "stochastic_depth": "rate: 0.9"}  # fmt: skip
    with pytest.raises(AssertionError, match="is not absent"):
        contracts.check_strength_zero_is_absent(f"techniques.{name}={{{strong[name]}}}")


def test_what_the_network_draws_is_told_from_what_it_does_not():
    with pytest.raises(AssertionError, match="differs under accumulation"):
        contracts.check_accumulates(
            "layers.dropout=0.3", "augment.policy=none", "techniques.neftune={alpha: 50}"
        )


def test_a_hook_that_stays_is_told_from_none(monkeypatch):
    from upfit.techniques.neftune import Neftune

    put_on = Neftune.on_model
    monkeypatch.setattr(Neftune, "on_model", lambda self, network: put_on(self, network) and None)
    with pytest.raises(AssertionError, match="leaves something behind"):
        contracts.check_leaves_nothing_behind("techniques.neftune={alpha: 5}")


def test_l2_sp_goes_with_gradual_unfreezing():
    """Weights that are frozen yet are where they started, and cost nothing."""
    check_composes("techniques.l2_sp={strength: 0.01}", "layers.train=gradual")

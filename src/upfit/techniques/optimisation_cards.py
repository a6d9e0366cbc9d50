"""The cards of optimizers, rates and schedules, in the order in which they are listed."""

from __future__ import annotations

from upfit.techniques import batch_scaling, layer_rates, optimizers, range_test
from upfit.techniques.card import Card
from upfit.techniques.schedules import (
    constant,
    cosine,
    cosine_restarts,
    exponential,
    linear,
    multi_step,
    one_cycle,
    plateau,
    polynomial,
    step,
    warm_up,
    wsd,
)

OPTIMISATION_CARDS: tuple[Card, ...] = (
    optimizers.ADAMW,
    optimizers.ADAM,
    optimizers.SGD,
    optimizers.OTHERS,
    layer_rates.CARD,
    batch_scaling.CARD,
    range_test.CARD,
    warm_up.CARD,
    cosine.CARD,
    linear.CARD,
    constant.CARD,
    polynomial.CARD,
    exponential.CARD,
    step.CARD,
    multi_step.CARD,
    cosine_restarts.CARD,
    one_cycle.CARD,
    wsd.CARD,
    plateau.CARD,
)

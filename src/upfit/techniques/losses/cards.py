"""The cards of all losses, in the order in which they are listed."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.losses.absolute_error import CARD as ABSOLUTE_ERROR
from upfit.techniques.losses.asymmetric import CARD as ASYMMETRIC
from upfit.techniques.losses.binary_cross_entropy import CARD as BINARY_CROSS_ENTROPY
from upfit.techniques.losses.class_balanced import CARD as CLASS_BALANCED
from upfit.techniques.losses.class_weights import CARD as CLASS_WEIGHTS
from upfit.techniques.losses.cross_entropy import CARD as CROSS_ENTROPY
from upfit.techniques.losses.focal import CARD as FOCAL
from upfit.techniques.losses.generalised_cross_entropy import CARD as GENERALISED_CROSS_ENTROPY
from upfit.techniques.losses.huber import CARD as HUBER
from upfit.techniques.losses.label_smoothing import CARD as LABEL_SMOOTHING
from upfit.techniques.losses.ldam import CARD as LDAM
from upfit.techniques.losses.log_cosh import CARD as LOG_COSH
from upfit.techniques.losses.logit_adjusted import CARD as LOGIT_ADJUSTED
from upfit.techniques.losses.ordinal import CARD as ORDINAL
from upfit.techniques.losses.own import CARD as OWN
from upfit.techniques.losses.quantile import CARD as QUANTILE
from upfit.techniques.losses.squared_error import CARD as SQUARED_ERROR
from upfit.techniques.losses.symmetric_cross_entropy import CARD as SYMMETRIC_CROSS_ENTROPY

LOSS_CARDS: tuple[Card, ...] = (
    CROSS_ENTROPY,
    BINARY_CROSS_ENTROPY,
    LABEL_SMOOTHING,
    CLASS_WEIGHTS,
    FOCAL,
    CLASS_BALANCED,
    LOGIT_ADJUSTED,
    LDAM,
    ASYMMETRIC,
    ORDINAL,
    GENERALISED_CROSS_ENTROPY,
    SYMMETRIC_CROSS_ENTROPY,
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    HUBER,
    LOG_COSH,
    QUANTILE,
    OWN,
)

"""The published rules of other tools on the same trainings, with the thresholds of their code.

AutoTrainer: Zhang et al., ICSE 2021; `utils/monitor.py` of github.com/shiningrain/AUTOTRAINER (its defaults).
DeepDiagnosis: Wardat et al., ICSE 2022; `callback/callbacks.py` of github.com/DeepDiagnosis/ICSE2022.
SageMaker Debugger: Rauschmayr et al., MLSys 2021; defaults of the built-in rules in its developer guide.
UMLAUT: Schoop et al., CHI 2021; `umlaut/heuristics.py` of github.com/BerkeleyHCI/umlaut.

Ported for what PyTorch has: a loss on logits counts as the softmax or sigmoid that it contains, so that
none of them alarms at it (in Keras its absence is a fault, and they do). Alarms come in order; each is the
words of our vocabulary that it could be taken for, which is generous to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Seen = dict[str, Any]
Alarm = tuple[str, set[str]]

RATES = {"lr_too_large", "lr_too_small"}
SLOW = {"slow_convergence", "lr_too_small", "underfit_budget", "underfit_capacity"}


def auto_trainer(seen: Seen) -> list[Alarm]:
    """β₁ 1e-3, β₂ 1e-4, β₃ 70, γ 0.7, ζ 0.03, η 0.2, δ 0.01, Θ 0.6 (the paper's), after each epoch."""
    if seen["task"] in ("regression", "multilabel"):
        return _not_finite(seen)[:1]  # it needs an accuracy
    ends = [look for look in seen["looks"] if look["last"]]
    for number, end in enumerate(ends, 1):
        alarm = _auto_trainer_after(seen, number, end)
        if alarm:
            return [alarm]
    return []


def _auto_trainer_after(seen: Seen, number: int, end: dict[str, Any]) -> Alarm | None:
    epochs, weights = seen["epochs"][:number], end["weights"]
    losses = [e[name] for e in epochs for name in ("loss", "validation_loss")]
    if not all(w["finite"] for w in weights) or any(not math.isfinite(x) for x in losses):
        return "explode", {"exploding_gradient", "nan_loss"}
    if epochs and epochs[-1]["validation_loss"] >= 1e5:
        return "explode", {"exploding_gradient", "nan_loss"}
    if number < 0.3 * seen["epochs_wanted"] or not weights:
        return None
    ours, theirs = ([e[name] for e in epochs] for name in ("accuracy", "validation_accuracy"))
    far = max(ours) < 0.6 or max(theirs) < 0.6
    still = _greatest_rise(ours) < 0.01 and _greatest_rise(theirs) < 0.01
    first, last = weights[0]["gradient"], weights[-1]["gradient"]
    ratio = first / last if last else math.inf
    if far or still:
        if sum(w["gradient_zeros"] for w in weights) >= 0.7 * sum(w["count"] for w in weights):
            return "relu", {"dead_units"}
        if ratio > 70:
            return "explode", {"exploding_gradient"}
        if ratio < 1e-3 and first < 1e-4:
            return "vanish", {"vanishing_gradient"}
        return ("not_converge", SLOW) if still else None
    return ("unstable", {"oscillating_loss", "lr_too_large"}) if _swings(ours) else None


def _greatest_rise(values: list[float]) -> float:
    return max((b - a for a, b in pairwise(values)), default=0.0)


def _swings(values: list[float]) -> bool:
    """Maxima that lie 0.03 above the minima of the same number, in a fifth of the epochs."""
    inner = list(zip(values, values[1:], values[2:], strict=False))
    highs = [b for a, b, c in inner if b >= a and b >= c]
    lows = [b for a, b, c in inner if b <= a and b <= c]
    return sum(high - low >= 0.03 for high, low in zip(highs, lows, strict=False)) >= 0.2 * len(values)


def deep_diagnosis(seen: Seen) -> list[Alarm]:
    """Its eight failures after each epoch, on the last batch; training ends at the first."""
    ends = [look for look in seen["looks"] if look["last"]]
    if _out_of_range(seen):
        return [("out of range", {"loss_activation_mismatch"})]
    for number, end in enumerate(ends, 1):
        alarm = _deep_diagnosis_after(seen, ends, number, end)
        if alarm:
            return [(alarm[0], alarm[1] | _its_fix(seen, end))]
    return []


def _deep_diagnosis_after(
    seen: Seen, ends: list[dict[str, Any]], number: int, end: dict[str, Any]
) -> Alarm | None:
    epoch, inside, weights = seen["epochs"][number - 1], end["inside"], end["weights"]
    if any(not math.isfinite(one["mean"]) or one["mean"] == 0 for one in inside):
        return "numerical, forward", {"nan_loss", "nan_input", "exploding_gradient", "dead_units"}
    rectified = [one for one in inside if one["kind"] in ("relu", "exponential")]
    if number == seen["epochs_wanted"] and any(one["inactive"] >= 0.7 for one in rectified):
        return "dead node", {"dead_units"}
    squashed = [one for one in inside if one["kind"] in ("sigmoid", "tanh")]
    if number % 5 == 0 and any(one["beyond_5"] > 0.5 for one in squashed):
        return "saturated activation", {"vanishing_gradient", "bad_init"}
    if not math.isfinite(epoch["loss"]):
        return "invalid loss", {"nan_loss", "exploding_gradient"}
    if number % 5 == 0 and len({e["loss"] for e in seen["epochs"][number - 5 : number]}) == 1:
        return "loss not decreasing", SLOW
    if seen["task"] != "regression" and (not math.isfinite(epoch["accuracy"]) or epoch["accuracy"] == 0):
        return "invalid accuracy", {"loss_activation_mismatch"}
    if number % 20 == 0 and len({e["accuracy"] for e in seen["epochs"][number - 20 : number]}) == 1:
        return "accuracy not increasing", SLOW
    if any(not w["finite"] or w["gradient_mean"] == 0 or w["weight_mean"] == 0 for w in weights):
        return "numerical, backward", {"nan_loss", "exploding_gradient"}
    if any(w["gradient_size"] < 1e-7 for w in weights):
        return "vanishing gradient", {"vanishing_gradient"}
    if number % 5 == 0 and _unchanged(ends[number - 5 : number]):
        return "unchanged weight", {"lr_too_small", "optimizer_not_stepping", "frozen_params"}
    return None


def _out_of_range(seen: Seen) -> bool:
    low, high = seen["target"]
    if seen["head"] == "sigmoid":
        return low < 0 or high > 1
    if seen["head"] == "tanh":
        return low < -1 or high > 1
    return seen["head"] == "relu" and low < 0


def _unchanged(looks: list[dict[str, Any]]) -> bool:
    means = [[w["weight_mean"] for w in look["weights"]] for look in looks]
    return bool(means[0]) and any(len(set(one)) == 1 for one in zip(*means, strict=True))


def _its_fix(seen: Seen, end: dict[str, Any]) -> set[str]:
    """What it tells the user to change: data outside [-1, 1], or a rate that moves weights by over 0.1."""
    if seen["input"][0] < -1 or seen["input"][1] > 1:
        return {"wrong_preprocessing"}
    ratios = [seen["rate"] * w["gradient"] / w["weight"] for w in end["weights"] if w["weight"]]
    return RATES if any(ratio > 0.1 or ratio < 1e-5 for ratio in ratios) else set()


def sage_maker(seen: Seen) -> list[Alarm]:
    """The built-in rules for neural networks with their default parameters, on looks every 10 steps."""
    alarms: list[tuple[int, Alarm]] = []
    for look in seen["looks"]:
        for name, words in _sage_maker_at(look):
            alarms.append((look["step"], (name, words)))
    step = _loss_not_decreasing(seen["losses"])
    if step:
        alarms.append((step, ("LossNotDecreasing", SLOW | {"lr_too_large"})))
    for number, epoch in enumerate(seen["epochs"], 1):
        gap = epoch["validation_loss"] - epoch["loss"]
        if epoch["loss"] > 0 and gap / epoch["loss"] > 0.1:
            alarms.append((10_000 + number, ("Overfit", {"overfit", "too_little_data"})))
            break
    if _overtrained([e["validation_loss"] for e in seen["epochs"]], 10):
        alarms.append((20_000, ("Overtraining", {"overfit"})))
    if seen["imbalance"] >= 10:
        alarms.append((0, ("ClassImbalance", {"class_imbalance", "label_corruption"})))
    ordered = sorted(alarms, key=lambda one: one[0])
    return list({name: (name, words) for _, (name, words) in reversed(ordered)}.values())[::-1]


def _sage_maker_at(look: dict[str, Any]) -> list[Alarm]:
    weights, inside, found = look["weights"], look["inside"], list[Alarm]()
    if any(not w["finite"] for w in weights):
        found.append(("ExplodingTensor", {"nan_loss", "exploding_gradient", "nan_input"}))
    if any(w["gradient_size"] < 1e-7 for w in weights):
        found.append(("VanishingGradient", {"vanishing_gradient"}))
    if any(w["gradient_zeros"] == w["count"] for w in weights):
        found.append(("AllZero", {"dead_units", "frozen_params", "detached_graph"}))
    if any(w["moved"] > 10 or w["moved"] < 1e-8 for w in weights):
        found.append(("WeightUpdateRatio", RATES | {"optimizer_not_stepping", "frozen_params"}))
    if any(one["kind"] == "relu" and one["dead"] > 0.5 for one in inside):
        found.append(("DeadRelu", {"dead_units"}))
    if any(one["sigmoid_limits"] > 0.5 for one in inside if one["kind"] == "sigmoid") or any(
        one["tanh_limits"] > 0.5 for one in inside if one["kind"] == "tanh"
    ):
        found.append(("SaturatedActivation", {"vanishing_gradient", "bad_init"}))
    spreads = [one["variance"] for one in inside if one["kind"] == "relu"]
    if look["step"] <= 10 and spreads:
        uneven = max(spreads) > 10 * min(spreads)
        if uneven or any(one["range"] < 0.001 for one in inside if one["kind"] == "relu"):
            found.append(("PoorWeightInitialization", {"bad_init", "dead_units"}))
    return found


def _loss_not_decreasing(losses: list[float]) -> int:
    """The step at which the loss lies less than 0.1 % below that of ten looks before."""
    looked = losses[::10]
    for number in range(10, len(looked)):
        before, now = looked[number - 10], looked[number]
        if not (before - now) * 100 >= 0.1 * abs(before):
            return 10 * number + 1
    return 0


def _overtrained(losses: list[float], patience: int) -> bool:
    best, since = math.inf, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best - 0.01 else (best, since + 1)
        if since >= patience:
            return True
    return False


def umlaut(seen: Seen) -> list[Alarm]:
    """Its checks of program and epochs, in their order."""
    found: list[Alarm] = []
    if seen["linear_after_linear"]:
        found.append(("missing activation", {"wrong_activation"}))
    if seen["input"][0] < -1 or seen["input"][1] > 1:
        found.append(("input not normalised", {"wrong_preprocessing"}))
    if not seen["input_is_floating"]:
        found.append(("input not floating", {"wrong_preprocessing"}))
    if any(not math.isfinite(loss) for loss in seen["losses"]) and not seen["input_is_finite"]:
        found.append(("NaN in input", {"nan_input"}))
    if seen["rate"] > 0.01:
        found.append(("high learning rate", {"lr_too_large"}))
    if seen["rate"] < 1e-7:
        found.append(("low learning rate", {"lr_too_small"}))
    epochs = seen["epochs"]
    if any(_parts(a, b) for a, b in pairwise(epochs)):
        found.append(("overfitting", {"overfit"}))
    if seen["task"] != "regression" and any(
        e["validation_accuracy"] > 0.95 or e["validation_accuracy"] > e["accuracy"] for e in epochs[3:]
    ):
        found.append(("high validation accuracy", {"data_leakage", "eval_mode_bug"}))
    return found


def _parts(before: dict[str, float], now: dict[str, float]) -> bool:
    """Validation loss rises while training loss does not."""
    return now["validation_loss"] > before["validation_loss"] and now["loss"] <= before["loss"]


def _not_finite(seen: Seen) -> list[Alarm]:
    bad = any(not w["finite"] for look in seen["looks"] for w in look["weights"])
    bad = bad or any(not math.isfinite(loss) for loss in seen["losses"])
    return [("explode", {"exploding_gradient", "nan_loss"})] if bad else []


OTHERS: dict[str, Callable[[Seen], list[Alarm]]] = {
    "AutoTrainer": auto_trainer,
    "DeepDiagnosis": deep_diagnosis,
    "SageMaker Debugger": sage_maker,
    "UMLAUT": umlaut,
}

"""What may cure a finding: Changes of a recipe, best first, or advice where no Change can."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from upfit.diagnose.group_rates import Blamed, GroupRates, main_rate
from upfit.diagnose.seen import Seen
from upfit.values import Change, Finding

Cures = Callable[[Seen], tuple[Change, ...]]

USUAL = (1e-2, 1e-3)
"""Size of a step beside the weights where training goes well: from scratch, and of weights that have learnt
already (Karpathy)."""


SMOOTHED = 0.3
"""Label smoothing, from which on it is the first suspect."""
HIDDEN = 0.6
"""Share of units that dropout hides, from which on it is the first suspect."""
TINY, USUAL_BATCH = 4, 32
"""Examples of a batch, up to which a gradient is mostly noise, and of one that is usual."""
HIGHEST = 100.0
"""Rate: where a step of a usual size would take more, something else keeps gradients small."""
FAR = 0.03
"""Of a rate: where a cure asks for less, a rate between may do better."""
RATES = ("optimizer.lr", "optimizer.head_lr")


def with_cure(finding: Finding, seen: Seen) -> Finding:
    """The finding with its cures and its advice."""
    make = CURES.get(finding.kind)
    return finding.replace(cures=make(seen) if make else (), advice=ADVICE.get(finding.kind, ""))


def without_contradictions(findings: Sequence[Finding], rate: float) -> tuple[Finding, ...]:
    """Findings whose symptoms do not undo what their causes need: no larger steps where they are too large.

    Args:
        findings: With their causes and cures.
        rate: What the run had, which tells a cure that lowers the rate from one that raises it.

    >>> low, high = (Change(path="optimizer.lr", to=to) for to in (1e-4, 1e-2))
    >>> cause = Finding(kind="lr_too_large", severity="error", message="", cures=(low,))
    >>> symptom = Finding(kind="slow_convergence", severity="warning", message="", causes=(cause.kind,))
    >>> without_contradictions([cause, symptom.replace(cures=(high,))], 1e-3)[1].cures
    ()
    """
    roots = {one.kind: one.cures for one in findings if not one.causes}
    return tuple(
        one.replace(cures=tuple(cure for cure in one.cures if not _contradicts(cure, causes, rate)))
        if (causes := tuple(cure for kind in one.causes for cure in roots.get(kind, ())))
        else one
        for one in findings
    )


def _contradicts(cure: Change, others: Sequence[Change], rate: float) -> bool:
    """Whether others set the same field otherwise; rates of head and body count as one, up or down."""
    if cure.path in RATES:
        ups = {float(one.to) > rate for one in others if one.path in RATES}
        return bool(ups) and (float(cure.to) > rate) not in ups
    values = [one.to for one in others if one.path == cure.path]
    return bool(values) and cure.to not in values


def lower_rate(seen: Seen) -> tuple[Change, ...]:
    """Rates that make steps of a usual size, or a tenth; one half-way to a far lower one; warm-up."""
    blamed = GroupRates.of(seen).too_large()
    usual = [factor for factor in _to_usual(seen, blamed) if factor < 0.5]
    half_way = [math.sqrt(factor) for factor in usual[:1] if factor < FAR]
    factors = [*usual, *half_way] or [0.1]
    return (
        *(change for factor in factors for change in _rate(seen, factor, "steps overshoot", blamed)),
        Change(path="schedule.warmup", to=0.1, because="the first steps are the most dangerous ones"),
    )


def higher_rate(seen: Seen) -> tuple[Change, ...]:
    """Rates that make steps of a usual size, or what the one-step test preferred; then longer.

    Where the rate was gone early, one that lasts comes first; where batches are tiny, larger ones: steps go
    nowhere because each goes elsewhere.
    """
    ten, hundred = seen.fact("rates.ten", math.inf), seen.fact("rates.hundred", math.inf)
    tested = 100.0 if hundred < 0.9 * ten else 10.0
    blamed = GroupRates.of(seen).too_small()
    sane = [factor for factor in _to_usual(seen, blamed) if factor * main_rate(seen) < HIGHEST]
    factors = [factor for factor in sane if factor > 3 * tested] or [tested]
    first, *others = [_rate(seen, factor, "the loss hardly falls", blamed) for factor in factors]
    return (
        *_lasting_rate(seen),
        *_usual_batch(seen),
        *first,
        *_more_layers(seen),
        *(change for rates in others for change in rates),
        *_longer(seen),
    )


def _to_usual(seen: Seen, blamed: Blamed) -> tuple[float, ...]:
    """What the rate has to be multiplied by for steps of a usual size; nothing where that is not known."""
    rates = GroupRates.of(seen)
    own = {"head": rates.head_step, "body": rates.body_step, "both": math.nan}[blamed]
    ratio = own if math.isfinite(own) else seen.fact("descent.update_ratio", seen.early_update_ratio)
    return tuple(usual / ratio for usual in USUAL) if ratio > 0 and math.isfinite(ratio) else ()


def steadier(seen: Seen) -> tuple[Change, ...]:
    """Lower rate, decay, larger batch."""
    return (
        *_rate(seen, 0.3, "validation swings"),
        Change(
            path="schedule.name", to="cosine", because="a rate that falls to zero lets the weights settle"
        ),
        *_batch(seen, 2.0, "larger batches have less noise"),
    )


def calmer(seen: Seen) -> tuple[Change, ...]:
    """Clip, lower rate, penalise large weights."""
    clip = Change(
        path="techniques.clip.norm", to=1.0, because="no single gradient may throw the weights away"
    )
    return (clip, *_rate(seen, 0.1, "gradients explode"), _decay(0.05, "large weights feed large gradients"))


def regularise(seen: Seen) -> tuple[Change, ...]:
    """Stop earlier, vary the examples, drop units, penalise, train fewer layers."""
    return (
        Change(path="stopping.patience", to=3, because="validation was best earlier"),
        Change(path="augment.policy", to="light", because="varied examples cannot be learnt by heart"),
        Change(
            path="head.dropout",
            to=0.3,
            because="units that are missing now and then must not rely on each other",
        ),
        _decay(0.1, "smaller weights fit smoother functions"),
        Change(path="layers.train", to="head", because="fewer weights learn less by heart"),
        Change(path="techniques.l1", to={"strength": 1e-5}, because="weights that do little become zero"),
    )


def loosen(seen: Seen) -> tuple[Change, ...]:
    """Less of every penalty, of the stronger one first."""
    decay = _decay(0.0, "the penalty outweighs the data")
    dropout = Change(path="head.dropout", to=0.0, because="dropout hides too much")
    hidden = seen.dropout >= HIDDEN
    free = Change(path="techniques.l2", to="off", because="the penalty outweighs the data")
    plain = Change(path="loss.label_smoothing", to=0.0, because="the right class is what to learn")
    return (
        *((free,) if seen.penalty > 0 else ()),
        *((plain,) if seen.label_smoothing > SMOOTHED else ()),
        *((dropout, decay) if hidden else (decay, dropout)),
        Change(path="augment.policy", to="none", because="augmentation may ask too much"),
    )


def _longer(seen: Seen) -> tuple[Change, ...]:
    epochs = seen.steps[-1].epoch if seen.steps else math.nan
    if not epochs > 0 or not math.isfinite(epochs):
        return ()
    return (
        Change(path="stopping.epochs", to=float(max(1, round(4 * epochs))), because="it was still learning"),
    )


def _more_layers(seen: Seen) -> tuple[Change, ...]:
    """All layers, where the looks have seen only the head learn."""
    if GroupRates.of(seen).too_small() != "head":
        return ()
    return (Change(path="layers.train", to="all", because="the layers below the head may learn too"),)


def _more_capacity(seen: Seen) -> tuple[Change, ...]:
    return (Change(path="layers.train", to="all", because="more layers can hold more"), *_longer(seen))


def _rate(seen: Seen, factor: float, because: str, blamed: Blamed = "both") -> tuple[Change, ...]:
    """The rate that is to blame, multiplied; where both are, that of the layers below the head is named."""
    rates = GroupRates.of(seen)
    rate = rates.head if blamed == "head" and rates.is_known else main_rate(seen)
    if not rate > 0:
        return ()
    path = "optimizer.head_lr" if blamed == "head" else "optimizer.lr"
    return (Change(path=path, to=float(f"{rate * factor:.3g}"), because=because),)


def _batch(seen: Seen, factor: float, because: str) -> tuple[Change, ...]:
    if not seen.steps:
        return ()
    size = max(1, int(seen.steps[0].examples * factor))
    return (Change(path="batching.size", to=size, because=because),)


def _lasting_rate(seen: Seen) -> tuple[Change, ...]:
    """A cosine, where half of the steps had next to none of the rate that there was."""
    if not seen.rate_was_gone_early:
        return ()
    return (Change(path="schedule.name", to="cosine", because="the rate was gone before half of the run"),)


def _usual_batch(seen: Seen) -> tuple[Change, ...]:
    examples = seen.steps[0].examples if seen.steps else 0
    if not 0 < examples <= TINY:
        return ()
    return _batch(seen, USUAL_BATCH / examples, f"a gradient of {examples} examples is mostly noise")


def _smaller_pieces(seen: Seen) -> tuple[Change, ...]:
    """Half the examples at once, gradients added up to those of the batch."""
    half = max(1, seen.steps[0].examples // 2) if seen.steps else 1
    return (
        Change(path="batching.micro_size", to=half, because="the batch stays; a part of it is held at once"),
        *_batch(seen, 0.5, "half the batch needs about half the memory"),
    )


def _decay(to: float, because: str) -> Change:
    return Change(path="optimizer.weight_decay", to=to, because=because)


CURES: dict[str, Cures] = {
    "lr_too_large": lower_rate,
    "lr_too_small": higher_rate,
    "slow_convergence": higher_rate,
    "oscillating_loss": steadier,
    "exploding_gradient": calmer,
    "nan_loss": calmer,
    "overfit": regularise,
    "too_little_data": regularise,
    "over_regularised": loosen,
    "underfit_budget": lambda seen: (
        *_more_layers(seen),
        *_longer(seen),
        *_rate(seen, 3.0, "larger steps get further"),
    ),
    "underfit_capacity": _more_capacity,
    "out_of_memory": lambda seen: _smaller_pieces(seen),
    "class_imbalance": lambda _: (
        Change(path="batching.sampler", to="balanced", because="rare classes are drawn as often as others"),
    ),
    "label_noise": lambda _: (
        Change(path="stopping.patience", to=3, because="wrong labels are learnt last"),
        # Three points gained on one set, two and seven lost on others (cards): only a trial can tell.
        Change(path="loss.name", to="generalised_cross_entropy", because="rows beyond belief stop pulling"),
    ),
    "clip_too_small": lambda _: (
        Change(path="techniques.clip.norm", to=1.0, because="clipping leaves nothing of the gradient"),
    ),
    "dead_units": lambda seen: _rate(seen, 0.1, "one step too long can switch a rectifier off for good"),
    "frozen_params": lambda _: (Change(path="layers.train", to="all", because="frozen layers cannot learn"),),
    "wrong_augmentation": lambda _: (
        Change(path="augment.policy", to="none", because="a transform changes labels"),
    ),
}

ADVICE: dict[str, str] = {
    "bad_init": "Initialise again: He for rectifiers, Xavier for tanh and sigmoid (torch.nn.init).",
    "broadcast_bug": (
        "Give outputs and targets the same shape, e.g. `output.squeeze(-1)` or `target[:, None]`."
    ),
    "class_imbalance": "Use a balanced sampler or class weights, and judge by balanced accuracy.",
    "data_leakage": (
        "Remove shared examples from training, split again by group, or drop the column that tells."
    ),
    "dead_units": "Initialise again, normalise between layers, or use LeakyReLU or GELU.",
    "detached_graph": "Look for .detach(), .item(), .data, torch.no_grad() or numpy between input and loss.",
    "eval_mode_bug": (
        "Call model.eval() before validating and model.train() after; keep BatchNorm's momentum at 0.1."
    ),
    "flipped_gradient": "Use maximize=False and a positive rate, and check the sign of the loss.",
    "frozen_params": "Set requires_grad, and make the optimizer after that, from model.parameters().",
    "label_corruption": "Look at twenty examples with their labels as the loader delivers them.",
    "label_noise": (
        "Correct or remove the labels that contradict their neighbours (`upfit review`, `fit --clean auto`); "
        "stop early; try a loss that bears wrong labels."
    ),
    "loss_activation_mismatch": (
        "Give logits to CrossEntropyLoss and BCEWithLogitsLoss; use a linear output for values."
    ),
    "memory_leak": "Add up loss.item() instead of loss, and keep no outputs that carry a graph.",
    "missing_causal_mask": "Mask later places in attention (is_causal=True, or a triangular mask).",
    "missing_zero_grad": "Call optimizer.zero_grad() after every optimizer.step().",
    "nan_input": "Fill in or drop the rows that are not finite.",
    "no_shuffle": "Set shuffle=True in the training loader.",
    "optimizer_model_mismatch": (
        "Make the optimizer from the parameters of the model that is trained, after moving it."
    ),
    "optimizer_not_stepping": (
        "Call optimizer.step() after backward; with a GradScaler, scaler.step and update."
    ),
    "out_of_memory": "Accumulate gradients over smaller micro-batches: the effective batch stays the same.",
    "pretrained_not_loaded": "Compare the checkpoint's keys with the model's; load with strict=True.",
    "replica_divergence": (
        "Wrap the whole model in DistributedDataParallel, and start all ranks from one seed."
    ),
    "tiny_last_batch": "Set drop_last=True in the training loader.",
    "too_little_data": "More examples are the surest cure; a learning curve says how many.",
    "train_eval_skew": "Use the same preparation for training and validation, fitted on training alone.",
    "vanishing_gradient": (
        "Use ReLU or GELU with matching initialisation, normalise between layers, add residual paths."
    ),
    "worker_seed_bug": "Seed numpy and random in worker_init_fn.",
    "wrong_activation": "Put a rectifier between layers, none after the last, and softmax over classes only.",
    "wrong_augmentation": "Remove flips and strong turns where orientation carries meaning.",
    "wrong_preprocessing": (
        "Standardise with the training set's mean and spread, once; for pretrained models, with theirs."
    ),
}

"""The policy as a whole: transforms that keep the label one by one may not do so together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from upfit.train.label_keeping import varied_by
from upfit.train.policy_probe import Ground, Trial, paired_training, policy_of, weakest_of
from upfit.values import Estimate, Transform

Policy = tuple[Transform, ...]


@dataclass(frozen=True)
class Whole:
    """The policy that is used, and what was tried on the way to it.

    Args:
        policy: Empty where not even the weakest gains.
        tried: Each policy with what heads that learn from examples varied by it gain on examples as they
            are, paired, with its interval.
    """

    policy: Policy = ()
    tried: tuple[tuple[Policy, Estimate], ...] = ()

    @property
    def sentence(self) -> str:
        """What was found, in words; "" where the first policy is used.

        >>> Whole().sentence
        ''
        """
        refused = [(policy, gain) for policy, gain in self.tried if policy != self.policy]
        if not refused:
            return ""
        last = refused[-1][1]
        found = "weaker" if self.policy else "none"
        gain = f"{last.value:+.3f}, {last.low:+.3f} to {last.high:+.3f}"
        return f"together they did not clearly gain ({gain}): {found}"


def whole_policy(ground: Ground, trials: Sequence[Trial]) -> Whole:
    """All accepted transforms at their strongest if that gains beyond noise, at their weakest if it gains.

    What is gained is that of heads that learn from varied examples too, on examples as they are. Harm of a
    few percent hardly shows on a sample, so that gains within noise are not enough for strong transforms: on
    texts with five examples a class, and on clothes, heads lost 0.04 to 0.06 of log-loss by them.

    Args:
        ground: What the trials stood on.
        trials: Of single transforms.
    """
    tried: list[tuple[Policy, Estimate]] = []
    sample = ground.sample
    weakest = weakest_of(trials)
    for policy in dict.fromkeys((policy_of(trials), weakest)):
        if not policy:
            break
        varied_MD = varied_by(ground.bench, ground.backbone, sample.rows[sample.varied], policy)
        gain = paired_training(sample, varied_MD, ground.objective, outputs=ground.outputs)
        tried.append((policy, gain))
        if gain.low > 0 or (policy == weakest and gain.value >= 0):
            return Whole(policy, tuple(tried))
    return Whole((), tuple(tried))

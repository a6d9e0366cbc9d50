"""Tenth blind batch, controls: what a simple rule would alarm on, and is well."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.optim import ASGD, SGD, Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.checkpoint import checkpoint

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_parts import Recurrent, digit_rows
from doctor_cases.blind_tenth_parts import Coder, Cosines, next_letters, worst_area
from doctor_cases.blind_third_parts import LETTERS, Bag, diabetes, flat_digits, placewise, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack, table


def margin_of_directions(seed: int) -> Training:
    """Cosines, and a margin that the right one has to have while it learns: the loss stays high."""
    model = Cosines(stack([64, 48, 24], nn.ReLU), 24, 10, 16.0)

    def margin(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return CE(answer - 3.2 * F.one_hot(y, 10), y)

    loaded = loaders(*flat_digits(), seed)
    return Training(model, Adam(model.parameters(), 2e-3), margin, *loaded, epochs=12)


def drawn_from_codes(seed: int) -> Training:
    """A variational autoencoder: noise in the middle while it learns, and a second term that rises."""
    model, x = Coder(), flat_digits()[0]

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(answer, target) + 3e-4 * model.apart.sum(1).mean()

    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, loss, *loaders(x, x, seed), task="regression", epochs=14)


def forty_five_flowers(seed: int) -> Training:
    """Fifteen flowers of each kind are enough: the kinds lie apart."""
    x, y = table("iris")
    taught = torch.arange(150) % 50 < 15
    model = stack([4, 12, 3], nn.Tanh)
    loaded = both((x[taught], y[taught]), (x[~taught], y[~taught]), 5)
    return Training(model, SGD(model.parameters(), 0.05, momentum=0.9), CE, *loaded, epochs=20)


def unsure_of_every_tumour(seed: int) -> Training:
    """A quarter of each label is given to the other: the loss ends above a half, and is right."""
    model = stack([30, 16, 2], nn.SiLU)
    loaded = loaders(*table("breast_cancer"), seed)
    loss = nn.CrossEntropyLoss(label_smoothing=0.5)
    return Training(model, AdamW(model.parameters(), 3e-3), loss, *loaded, epochs=10)


def biases_alone(seed: int) -> Training:
    """Of a net that knows which two a digit is one of, only biases learn, and a new head: all else stays."""
    (x, y), held = split(*flat_digits(), seed)
    model = learnt(x, y // 2, stack([64, 96, 96, 5], nn.ReLU), 300)
    for name, p in model.named_parameters():
        p.requires_grad = name.endswith("bias")
    model[-1] = nn.Linear(96, 10)
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    optimizer = Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    return Training(
        model, optimizer, CE, *both((x, y), held), epochs=12,
        doctor={"pretrained": True, "frozen": told},
    )  # fmt: skip


class Recomputed(nn.Module):
    """A body whose answers are computed anew on the way back, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = cnn()[:-1], nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 8, 8) → (B, 10)."""
        return self.head(checkpoint(self.body, x, use_reentrant=False))


def computed_twice_to_spare_memory(seed: int) -> Training:
    """Activations are thrown away and computed anew on the way back."""
    model = Recomputed()
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*digits(), seed), epochs=7)


def progress_by_its_median(seed: int) -> Training:
    """Half of how a disease goes on cannot be foretold, and the median is asked."""
    model = nn.Linear(10, 1)
    optimizer = SGD(model.parameters(), 0.02)
    loaded = loaders(*diabetes(), seed)
    return Training(model, optimizer, nn.L1Loss(), *loaded, task="regression", epochs=20)


def descent_that_averages_itself(seed: int) -> Training:
    """Averaged descent, whose rate falls by itself."""
    model = stack([30, 24, 2], nn.ReLU)
    optimizer = ASGD(model.parameters(), 0.1, lambd=1e-3)
    return Training(model, optimizer, CE, *loaders(*table("breast_cancer"), seed), epochs=12)


class Experts(nn.Module):
    """Four small nets, and one that says how much each is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.several = nn.ModuleList([stack([64, 16, 10], nn.ReLU) for _ in range(4)])
        self.whom = nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        said = torch.stack([one(x) for one in self.several], 2)
        return (said * self.whom(x).softmax(1)[:, None]).sum(2)


def four_that_share_the_work(seed: int) -> Training:
    """A mixture of experts, some of which hardly learn at first."""
    model = Experts()
    return Training(model, Adam(model.parameters(), 4e-3), CE, *loaders(*flat_digits(), seed), epochs=10)


class Examples(nn.Module):
    """How near a row is to each of some learnt examples, three of each class."""

    def __init__(self, inputs: int, answers: int) -> None:
        super().__init__()
        self.places = nn.Parameter(0.5 * torch.randn(3 * answers, inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        return (-torch.cdist(x, self.places).square()).unflatten(1, (-1, 3)).logsumexp(2)


def nearest_of_three_examples(seed: int) -> Training:
    """Distances to learnt examples: no layers, and no activations."""
    model = Examples(13, 3)
    loaded = loaders(*table("wine"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 2e-2), CE, *loaded, epochs=20)


class Three(nn.Module):
    """The mean of what three nets say."""

    def __init__(self) -> None:
        super().__init__()
        self.several = nn.ModuleList([Bag(width=16) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, 5)."""
        return torch.stack([one(x) for one in self.several]).mean(0)


def three_that_are_asked_together(seed: int) -> Training:
    """Three nets are one, and a third of the gradient comes to each."""
    model = Three()
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*words(), seed), epochs=6)


def held_to_one_at_each_layer(seed: int) -> Training:
    """Each layer may stretch nothing (spectral normalisation), and the answers are multiplied by ten."""
    layers = stack([64, 64, 64, 10], nn.LeakyReLU)
    model = nn.Sequential(*[spectral_norm(one) if isinstance(one, nn.Linear) else one for one in layers])
    loss = lambda answer, y: CE(10 * answer, y)  # noqa: E731
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*flat_digits(), seed), epochs=10)


def body_wakes_later(seed: int) -> Training:
    """For three passes the body's rate is nought, so that a new head finds its place first."""
    (x, y), held = split(*digits(), seed)
    model = learnt(x[:600], y[:600] // 2, cnn(classes=5), 200)
    model[-1] = nn.Linear(32, 10)
    loaded = both((x[600:], y[600:]), held)
    body = [p for layer in model[:-1] for p in layer.parameters()]
    optimizer = AdamW([{"params": body, "lr": 1e-3}, {"params": model[-1].parameters(), "lr": 4e-3}])
    wait = 3 * len(loaded[0])
    rate = LambdaLR(optimizer, [lambda step: float(step >= wait), lambda step: 1.0])
    return Training(model, optimizer, CE, *loaded, epochs=14, scheduler=rate, doctor={"pretrained": True})


class Behind(nn.Module):
    """Letters to the next by convolutions that look back only, weights split in length and direction."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(len(LETTERS), width), nn.Linear(width, len(LETTERS))
        self.layers = nn.ModuleList(
            [weight_norm(nn.Conv1d(width, width, 3, dilation=2**depth)) for depth in range(2)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x).transpose(1, 2)
        for depth, layer in enumerate(self.layers):
            hidden = hidden + F.gelu(layer(F.pad(hidden, (2 * 2**depth, 0))))
        return self.head(hidden.transpose(1, 2))


def letters_from_behind(seed: int) -> Training:
    """Of docstrings' next letters less than half can be foretold, by whomever."""
    model = Behind()
    loaded = loaders(*next_letters(), seed, batch=16)
    optimizer = AdamW(model.parameters(), 4e-3)
    return Training(model, optimizer, placewise, *loaded, task="language_model", epochs=10)


def areas_without_outliers(seed: int) -> Training:
    """A loss by hand, log cosh, and a net without a bias in its last layer."""
    model = nn.Sequential(nn.Linear(10, 32), nn.Mish(), nn.Linear(32, 1, bias=False))

    def loss(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        far = (answer - y).abs()
        return (far + F.softplus(-2 * far) - 0.6931).mean()

    optimizer = Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, loss, *loaders(*worst_area(), seed), task="regression", epochs=15)


def dropped_by_alpha(seed: int) -> Training:
    """SELU, and the dropout that belongs to it, behind each of four layers."""
    layers: list[nn.Module] = []
    for a, b in ((64, 64), (64, 64), (64, 64), (64, 64)):
        layers += [nn.Linear(a, b), nn.SELU(), nn.AlphaDropout(0.1)]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*flat_digits(), seed), epochs=12)


def root_of_the_step(seed: int) -> Training:
    """The rate of a recurrent net rises for three passes and falls with the root of the step."""
    model = Recurrent(nn.GRU)
    loaded = loaders(*digit_rows(), seed)
    warm = 3 * len(loaded[0])
    optimizer = Adam(model.parameters(), 1e-2)
    rate = LambdaLR(optimizer, lambda step: min((step + 1) / warm, (warm / (step + 1)) ** 0.5))
    return Training(model, optimizer, CE, *loaded, epochs=12, scheduler=rate)


TENTH_CONTROLS = {
    build.__name__: build
    for build in (
        margin_of_directions,
        drawn_from_codes,
        forty_five_flowers,
        unsure_of_every_tumour,
        biases_alone,
        computed_twice_to_spare_memory,
        progress_by_its_median,
        descent_that_averages_itself,
        four_that_share_the_work,
        nearest_of_three_examples,
        three_that_are_asked_together,
        held_to_one_at_each_layer,
        body_wakes_later,
        letters_from_behind,
        areas_without_outliers,
        dropped_by_alpha,
        root_of_the_step,
    )
}

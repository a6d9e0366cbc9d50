"""Dropout from 16 bits an activation: the right share, the right mean, the right gradients, repeatable."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from upfit.models import load_backbone
from upfit.models.dropout import FastDropout, _Dropout


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes that masks were drawn for."""
    shapes: list[tuple[int, ...]] = []
    straight = _Dropout.apply

    def noted(value: torch.Tensor, rate: float) -> torch.Tensor:
        shapes.append(tuple(value.shape))
        return straight(value, rate)

    monkeypatch.setattr(_Dropout, "apply", noted)
    return shapes


def _dropped(rate: float, count: int = 1_000_001, of: torch.dtype = torch.float32) -> torch.Tensor:
    torch.manual_seed(0)
    with FastDropout():
        return functional.dropout(torch.ones(count, dtype=of), rate)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_share_and_mean_are_those_of_the_rate(rate: float, drawn: list[tuple[int, ...]]) -> None:
    found = _dropped(rate)
    assert drawn == [(1_000_001,)]
    spread = math.sqrt(rate * (1 - rate) / len(found))
    assert abs(float((found == 0).double().mean()) - rate) < 5 * spread
    assert abs(float(found.double().mean()) - 1) < 5 * spread / (1 - rate)
    assert len(found.unique()) == 2


def test_the_four_decisions_of_a_draw_are_independent() -> None:
    kept = (_dropped(0.3, 400_000) != 0).double().view(-1, 4)
    correlations = torch.corrcoef(kept.T) - torch.eye(4)
    assert float(correlations.abs().max()) < 5 / math.sqrt(len(kept))


def test_a_seed_repeats_the_mask_and_the_next_draw_differs() -> None:
    first, again = _dropped(0.5, 999), _dropped(0.5, 999)
    assert torch.equal(first, again)
    with FastDropout():
        assert not torch.equal(again, functional.dropout(torch.ones(999), 0.5))


@pytest.mark.parametrize("of", [torch.float32, torch.bfloat16])
def test_gradients_pass_where_values_did(of: torch.dtype) -> None:
    value = torch.randn(40, 50, dtype=of).requires_grad_()
    with FastDropout():
        found = functional.dropout(value, 0.4)
    found.sum().backward()
    assert found.dtype == of
    assert value.grad is not None
    torch.testing.assert_close(value.grad, (found != 0).to(of) / 0.6, rtol=1e-2, atol=0)


def test_evaluation_rates_at_the_ends_and_passes_without_gradients_are_torchs(
    drawn: list[tuple[int, ...]],
) -> None:
    value = torch.randn(20)
    with FastDropout():
        assert torch.equal(functional.dropout(value, 0.5, training=False), value)
        assert torch.equal(functional.dropout(value, 1.0), torch.zeros(20))
        functional.dropout(value, 0.001)
        with torch.no_grad():
            functional.dropout(value, 0.5)
    assert not drawn


@pytest.mark.parametrize("masked", ["not", "bool", "float"])
@pytest.mark.parametrize("mixed", [False, True])
def test_attention_without_what_was_dropped_is_torchs(
    masked: str, mixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 7, 8, requires_grad=True) for _ in range(3))
    allowed = torch.ones(2, 1, 1, 7, dtype=torch.bool)
    allowed[..., 5:] = False
    mask = {"not": None, "bool": allowed, "float": torch.zeros(2, 1, 1, 7).masked_fill(~allowed, -1e9)}[
        masked
    ]
    # With nothing dropped the two have to agree; the rate only opens the way.
    monkeypatch.setattr(_Dropout, "apply", lambda weights, rate: weights)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        straight = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        with FastDropout():
            found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=0.1)
    assert found.dtype == straight.dtype
    tolerance = 2e-2 if mixed else 1e-5
    torch.testing.assert_close(found, straight, rtol=tolerance, atol=tolerance)


def test_attention_drops_at_its_rate(drawn: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    query, key = torch.randn(4, 2, 50, 8, requires_grad=True), torch.randn(4, 2, 50, 8)
    # Values of one: an output is the kept share of its weights, scaled.
    with FastDropout():
        found = functional.scaled_dot_product_attention(query, key, torch.ones(4, 2, 50, 8), dropout_p=0.2)
    assert drawn == [(4, 2, 50, 50)]
    assert float(found.detach().mean()) == pytest.approx(1, abs=0.02)
    assert float(found.detach().std()) > 0.02


def test_causal_attention_is_left_to_torch(drawn: list[tuple[int, ...]]) -> None:
    query = torch.randn(1, 1, 5, 4, requires_grad=True)
    with FastDropout():
        functional.scaled_dot_product_attention(query, query, query, dropout_p=0.1, is_causal=True)
    assert not drawn


def test_the_packaged_backbone_draws_all_of_its_masks_here(drawn: list[tuple[int, ...]]) -> None:
    backbone = load_backbone("auto", "text").train()
    batch = {"input_ids": torch.randint(1000, 2000, (3, 9)), "attention_mask": torch.ones(3, 9).long()}
    torch.manual_seed(0)
    one = backbone(batch)
    layers = backbone.net.config.num_hidden_layers
    assert len(drawn) == 1 + 3 * layers
    assert sum(len(shape) == 4 for shape in drawn) == layers
    torch.manual_seed(0)
    assert torch.equal(one, backbone(batch))
    assert not torch.equal(one, backbone(batch))
    assert any(isinstance(module, nn.Dropout) and module.p > 0 for module in backbone.modules())

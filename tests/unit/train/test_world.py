"""The world: what is not supported is refused by name."""

from __future__ import annotations

import pytest
from accelerate.utils import DistributedType

from upfit.errors import InputError
from upfit.train.world import World, _require_whole_weights


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED", "MEGATRON_LM"])
def test_weights_in_pieces_are_refused(kind):
    with pytest.raises(InputError, match=rf"\({kind}\) are not supported(?s:.*)holds the whole network"):
        _require_whole_weights(DistributedType(kind))


def test_one_process_is_a_world():
    world = World()
    assert (world.size, world.rank, world.is_main) == (1, 0, True)
    assert world.agree("as it was") == "as it was"

"""Features as linear models want them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def of_unit_spread(features_ND: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(N, D) centred, and divided by the mean spread of all columns: which of them vary most stays visible.

    >>> of_unit_spread(np.array([[0.0, 1.0], [2.0, 7.0]])).round(6).tolist()
    [[-0.5, -1.5], [0.5, 1.5]]
    """
    return np.asarray((features_ND - features_ND.mean(0)) / (float(features_ND.std(0).mean()) + 1e-12))

"""A given split that leaks, mended: what judges stays as it is, copies of it leave what learns."""

from __future__ import annotations

import numpy as np

from upfit.data.content import content_keys
from upfit.errors import DataError
from upfit.split.near import known_pairs
from upfit.values import Data, Rows, Split


def repaired(data: Data, split: Split) -> Split:
    """The split without training rows that are in validation or test, and validation rows that are in test.

    Exact and near duplicates go. The test part is never touched.

    Raises:
        DataError: Nothing would be left of a part.
    """
    keys = content_keys(data)
    near = known_pairs(data)

    def apart(rows: Rows, judges: Rows) -> Rows:
        copies = np.isin(keys[rows], keys[judges])
        twins = np.concatenate([near[np.isin(near[:, 0], judges), 1], near[np.isin(near[:, 1], judges), 0]])
        return np.asarray(rows[~(copies | np.isin(rows, twins))])

    validation = apart(split.validation, split.test)
    train = apart(split.train, np.concatenate([validation, split.test]))
    gone = len(split.train) - len(train) + len(split.validation) - len(validation)
    if not len(train) or not len(validation):
        raise DataError("every row of a part is in the part that judges it", hint="give other parts")
    if not gone:
        return split
    return Split(train, validation, split.test, how=f"{split.how}, {gone} leaking rows left out")

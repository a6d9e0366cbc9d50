"""Real sentences and digits, clean, as tables that faults can be planted in."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.audit.subject import Subject
from upfit.data.read import read
from upfit.testing import docstring_sentences


@pytest.fixture(scope="session")
def sentences_frame():
    """120 sentences of each of two libraries, `text` and `label`."""
    return docstring_sentences(task="binary", per_class=120)


@pytest.fixture(scope="session")
def digits_frame():
    """All digits as PIL images, `image` and `label`, with their 64 pixels as features."""
    import pandas as pd
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = [
        Image.fromarray(np.rint(one.reshape(8, 8) * (255 / 16)).astype(np.uint8)).resize((32, 32))
        for one in pixels
    ]
    return pd.DataFrame({"image": images, "label": labels.astype(str)}), pixels.astype(np.float32)


@pytest.fixture
def subject_of():
    """`subject_of(frame, features=None, **reading)`: the frame under audit."""

    def made(frame=None, features=None, **reading):
        data = read(frame, **reading)
        if features is None:
            return Subject(data)
        return Subject(data, np.arange(len(data)), np.asarray(features, np.float32))

    return made


def rows_in(findings, kind=None):
    """Rows that findings name."""
    return {row for one in findings if kind in (None, one.kind) for row in one.rows}


@pytest.fixture
def named_rows():
    return rows_in

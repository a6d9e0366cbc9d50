"""Real images without a download: scikit-learn's handwritten digits as a folder of class folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def digits_folder(path: str | Path, *, per_class: int | None = None) -> Path:
    """Write the digits as PNG files `path/CLASS/NUMBER.png`, 8 by 8 pixels, white on black.

    Args:
        path: The folder; made where it is missing, files of the same name are written over.
        per_class: Images per digit; None for all 1,797.

    Returns:
        The folder.

    Example:
        >>> import tempfile
        >>> folder = digits_folder(tempfile.mkdtemp(), per_class=2)
        >>> sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.png"))[:3]
        ['0/0000.png', '0/0010.png', '1/0001.png']
    """
    folder = Path(path)
    pixels, labels = load_digits(return_X_y=True)
    written: Counter[str] = Counter()
    for number, (flat, label) in enumerate(zip(pixels, labels, strict=True)):
        name = str(label)
        if per_class is not None and written[name] == per_class:
            continue
        written[name] += 1
        (folder / name).mkdir(parents=True, exist_ok=True)
        grey = np.rint(flat.reshape(8, 8) * (255 / 16)).astype(np.uint8)
        Image.fromarray(grey).save(folder / name / f"{number:04}.png")
    return folder

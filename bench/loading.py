"""Loading images: decoding files against reading what was kept of them, and loader processes.

    python bench/loading.py

Writes `bench/results/loading.md`. Photographs: the shared clothing set where it is there, and pieces of
scikit-learn's two photographs, enlarged where they have to be, saved as JPEG at quality 90.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, RESULTS, machine, machine_line, markdown_table, write_result
from PIL import Image
from sklearn.datasets import load_sample_images

from upfit.data.decoding import Decoder
from upfit.data.examples import ImageExamples
from upfit.data.images import open_image
from upfit.data.loader import Loader
from upfit.data.read import read
from upfit.store.image_cache import ImageCache, KeptImages
from upfit.techniques.image_policies import image_augmentation
from upfit.values import Augment, Data

SIDES = (32, 64, 100, 144, 224, 448, 1000, 3000)
SIZE = 144
IMAGES = 192
MEAN = STD = (0.5, 0.5, 0.5)


def milliseconds(do: Callable[[int], Any], count: int, *, rounds: int = 3) -> float:
    """Least milliseconds of one call, over some rounds of `count` calls: others only ever slow it down."""
    means = []
    for _ in range(rounds):
        started = time.perf_counter()
        for number in range(count):
            do(number)
        means.append(1000 * (time.perf_counter() - started) / count)
    return min(means)


def pieces(side: int, folder: Path) -> list[dict[str, Any]]:
    """Sixteen JPEG files of a side: pieces of two photographs, enlarged beyond 400 pixels."""
    rng = np.random.default_rng(side)
    cells = []
    for number in range(16):
        whole = Image.fromarray(load_sample_images().images[number % 2])
        cut = min(side, 400)
        left, top = int(rng.integers(0, 640 - cut)), int(rng.integers(0, 427 - cut))
        image = whole.crop((left, top, left + cut, top + cut)).resize((side, side), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        path = folder / f"{side}_{number}.jpg"
        path.write_bytes(buffer.getvalue())
        cells.append({"path": str(path), "bytes": None})
    return cells


def by_side(folder: Path) -> list[list[object]]:
    """A row a side: decoding against reading, milliseconds an image."""
    rows = []
    for side in SIDES:
        cells = pieces(side, folder)
        cache = ImageCache(folder / "kept")
        size = min(side, SIZE)

        def decode(number: int, cells: list[dict[str, Any]] = cells, size: int = size) -> Image.Image:
            return open_image(cells[number % 16], shorter_side=2 * size)

        cache.keep(str(side), np.arange(16), decode)
        kept = cache.find(str(side))
        assert kept is not None
        decoding = milliseconds(decode, 16 if side > 500 else 64)
        reading = milliseconds(lambda number, kept=kept: kept.get(number % 16), 64)
        first = kept.get(0)
        assert first is not None
        rows.append(
            [f"{side} × {side}", f"{first.width} × {first.height}", f"{decoding:.2f}", f"{reading:.2f}",
             f"{decoding / reading:.0f}"]
        )  # fmt: skip
    return rows


def examples(data: Data, kept: KeptImages | None, shrink: int | None = None) -> ImageExamples:
    """Training images with the default policy, with or without what was kept."""
    augment = image_augmentation(Augment(policy="light", flip=True), side=SIZE)
    decoder = Decoder.of(data, size=SIZE, shrink=shrink, kept=kept)
    rows = np.arange(min(IMAGES, len(data)))
    return ImageExamples(data, rows, size=SIZE, mean=MEAN, std=STD, augment=augment, decoder=decoder)


def epoch_ms(prepared: ImageExamples, workers: int) -> float:
    """Milliseconds an image of a whole training epoch, the median of three."""
    loader = Loader(prepared, np.zeros(len(prepared)), size=32, workers=workers)
    seconds = []
    for epoch in range(3):
        started = time.perf_counter()
        for _ in loader.epoch(epoch):
            pass
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds) / len(prepared)


def by_set(data: Data, name: str, folder: Path) -> list[list[object]]:
    """Rows of a set: epochs from files and from what was kept, by loader processes."""
    cache, rows = ImageCache(folder / name.replace(" ", "_")), []
    whole = examples(data, None)
    cache.keep("exact", whole.rows, whole.decoder.decode)
    shrunk = examples(data, None, shrink=173)
    cache.keep("compact", whole.rows, shrunk.decoder.decode)
    for workers in (0, 1, 2):
        times = [
            epoch_ms(whole, workers),
            epoch_ms(examples(data, cache.find("exact")), workers),
            epoch_ms(examples(data, cache.find("compact"), shrink=173), workers),
        ]
        rows.append([name, workers, *(f"{one:.2f}" for one in times), f"{times[0] / times[1]:.1f}"])
    return rows


def large_photos(folder: Path) -> Data:
    """Photographs of twelve megapixels, two classes."""
    for number, name in enumerate(("china", "flower")):
        (folder / name).mkdir(parents=True)
        whole = Image.fromarray(load_sample_images().images[number]).resize((4000, 3000))
        for copy in range(12):
            whole.rotate(copy / 4).save(folder / name / f"{copy}.jpg", quality=90)
    return read(folder)


def main() -> int:
    """Measure, and write the result."""
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    about = machine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sides = by_side(folder)
        sets = by_set(large_photos(folder / "large"), "12 megapixels", folder)
        if (DATA / "clothing_small").is_dir():
            sets = by_set(read(DATA / "clothing_small"), "clothing_small", folder) + sets
    text = TEXT.format(
        machine=machine_line(about),
        sides=markdown_table(("file", "decoded to", "decode", "read", "ratio"), sides),
        sets=markdown_table(
            ("set", "workers", "from files", "exact cache", "compact cache", "files ÷ exact"), sets
        ),
        size=SIZE,
        images=IMAGES,
    )
    write_result(RESULTS / "loading.md", text)
    return 0


TEXT = """# Loading images

`python bench/loading.py`. {machine}

## One image: decoding its file, or reading what was kept

Milliseconds an image, the least of three rounds; files in the page cache. JPEG at quality 90; images that
are much larger than needed are decoded at a fraction of their size, in both columns alike. All times grow
with the load of the machine, stated above: compare within a row.

{sides}

Below 32 × 32 pixels (`DEAR` in `train/keeping.py`) nothing is kept.

## A training epoch: light augmentation, {size} pixels, {images} images at most

Milliseconds an image, the median of three epochs, everything but the network: decoding or reading, crops,
turns and flips, batches as tensors.

{sets}

*Exact* gives the very same batches as files do (tested bit for bit). *Compact* shrinks images once to what
crops need (here a shorter side of 173 pixels) and is chosen by itself only where the exact cache would not
fit its bound. Of what is left the slight turn is the largest part, then the resizing.

Loader processes gain nothing where they share the core with the training: `batching.workers` is 0 unless
the recipe says otherwise. With cores to spare, as beside a GPU, they are worth trying; batches are the same
for any number of them.
"""


if __name__ == "__main__":
    sys.exit(main())

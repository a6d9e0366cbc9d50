"""Decoded once: the images of a run are kept on disk, so that later epochs do not decode them again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from upfit.models.backbone import Backbone
from upfit.store.feature_cache import content_key
from upfit.store.image_cache import ImageCache
from upfit.train.workbench import Workbench


def with_pictures(bench: Workbench, backbone: Backbone, cache: ImageCache | None = None) -> Workbench:
    """The bench with the images of its training and validation rows kept, where the recipe says so.

    Whether they could be kept or not, the same pixels are seen.
    """
    if backbone.modality != "image" or bench.recipe.inputs.cache not in ("exact", "compact"):
        return bench
    cache = cache or ImageCache()
    rows = np.unique(np.concatenate([bench.split.train, bench.split.validation]))
    decoder = bench.decoder(backbone)
    key = content_key(bench.data.fingerprint, rows.tobytes(), str(decoder.size), str(decoder.shrink or ""))
    if bench.world.is_main and cache.find(key) is None:
        bench.watcher.stage("decoding images")
        cache.keep(key, rows, decoder.decode, advance=bench.watcher.advance)
    bench.world.wait()
    return replace(bench, pictures=cache.find(key))

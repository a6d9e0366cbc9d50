"""Features of a frozen backbone, computed once and taken from the cache ever after."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.models import Backbone
from upfit.store.feature_cache import content_key, weights_digest
from upfit.train.infer import outputs
from upfit.train.workbench import Workbench
from upfit.values import Rows


def cached_features(bench: Workbench, backbone: Backbone, rows: Rows) -> tuple[npt.NDArray[np.float32], bool]:
    """Pooled features (N, D) of rows, not augmented; and whether they were in the cache.

    The key is made of everything they depend on: weights, preprocessing, data, rows.
    """
    return bench.cache.get(_key(bench, backbone, rows), lambda: fresh_features(bench, backbone, rows))


def keep_features(
    bench: Workbench, backbone: Backbone, rows: Rows, features_ND: npt.NDArray[np.float32]
) -> None:
    """Put features of rows into the cache that are known already, as part of a larger set of rows."""
    bench.cache.get(_key(bench, backbone, rows), lambda: features_ND)


def _key(bench: Workbench, backbone: Backbone, rows: Rows) -> str:
    return content_key(
        weights_digest(backbone),
        bench.recipe.inputs.model_dump_json(),
        bench.data.fingerprint,
        np.ascontiguousarray(rows, np.int64).tobytes(),
        bench.recipe.precision,
        str(backbone.width),
    )


def fresh_features(bench: Workbench, backbone: Backbone, rows: Rows) -> npt.NDArray[np.float32]:
    """Pooled features (N, D) of rows, computed now."""
    loader = bench.evaluation_loader(bench.examples(backbone, rows))
    backbone.to(bench.world.device)
    return outputs(backbone, loader, bench.world, advance=bench.watcher.advance)

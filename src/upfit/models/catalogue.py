"""From a backbone's name to a loaded backbone: `timm:`, `hf:`, `packaged:`, a local folder, or `auto`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file

from upfit.errors import BackboneError, nearest
from upfit.models.backbone import Backbone
from upfit.models.hub import require_reachable
from upfit.models.image_backbone import (
    ImageBackbone,
    ImageInput,
    build_timm,
    load_packaged_efficientnet,
)
from upfit.models.packaged import PACKAGED, packaged_weights
from upfit.models.text_backbone import TextBackbone, load_text, rebuild_text

AUTO = {"image": "packaged:tf_efficientnet_lite0", "text": "packaged:all-MiniLM-L6-v2"}
"""What `auto` means for each modality: weights that can be had anywhere, and run on a laptop."""


def load_backbone(name: str, modality: Literal["image", "text"], *, segments: int = 1) -> Backbone:
    """Load a pretrained backbone on the CPU, safely: no pickle, no code from the hub.

    Args:
        name: `auto`, `packaged:NAME`, `timm:NAME`, `hf:NAME` or the path of a local folder.
        modality: What the data needs it to read.
        segments: Parts of a text that are pooled apart.

    Raises:
        BackboneError: Unknown name, unreachable weights, wrong digest, or a backbone of the other modality.
    """
    if name == "auto":
        name = AUTO[modality]
    prefix, _, rest = name.partition(":")
    if prefix == "packaged":
        backbone = _load_packaged(rest)
    elif prefix == "timm":
        backbone = _load_timm(rest)
    elif prefix == "hf":
        backbone = _load_transformers(rest)
    elif name and Path(name).is_dir():
        backbone = _load_folder(Path(name))
    else:
        raise _unknown(name)
    if backbone.modality != modality:
        raise BackboneError(
            f"{name} reads {backbone.modality}s, but the data is {modality}",
            hint=f"--model {AUTO[modality]}",
        )
    if isinstance(backbone, TextBackbone):
        backbone.pool_apart(segments)
    return backbone


def rebuild_backbone(folder: Path, saved: dict[str, Any]) -> Backbone:
    """The backbone whose `save` wrote `saved` and files into `folder`; weights are loaded by the caller."""
    if saved["library"] == "transformers":
        return rebuild_text(folder, saved)
    backbone = build_timm(saved["architecture"], name=saved["name"])
    given = saved["inputs"]
    backbone.inputs = ImageInput(given["size"], tuple(given["mean"]), tuple(given["std"]), given["fixed"])
    return backbone


def _load_packaged(name: str) -> Backbone:
    if name not in PACKAGED:
        guess = nearest(name, PACKAGED)
        raise BackboneError(
            f"there is no packaged backbone {name!r}",
            expected=", ".join(f"packaged:{known}" for known in PACKAGED),
            hint=f"--model packaged:{guess}" if guess else "",
        )
    weights = packaged_weights(name)
    full = f"packaged:{name}"
    if weights.suffix == ".safetensors":
        return load_text(str(weights.parent), name=full)
    return load_packaged_efficientnet(weights, name=full)


def _load_timm(name: str) -> ImageBackbone:
    # Loading timm takes seconds, and texts need none of it.
    import timm

    _require_architecture(name)
    cfg = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if cfg is None or not (cfg.hf_hub_id or cfg.url):
        raise BackboneError(f"timm publishes no pretrained weights for {name!r}")
    repository = str(cfg.hf_hub_id or "")
    if repository.endswith("/"):
        repository += f"{cfg.architecture}.{cfg.tag}" if cfg.tag else str(cfg.architecture)
    require_reachable(repository, f"timm:{name}", "model.safetensors")
    return build_timm(name, name=f"timm:{name}", pretrained=True)


def _load_transformers(name: str) -> Backbone:
    if Path(name).is_dir():
        return _load_folder(Path(name))
    require_reachable(name, f"hf:{name}", "config.json")
    return load_text(name, name=f"hf:{name}", local=False)


def _load_folder(folder: Path) -> Backbone:
    """A local folder: transformers' layout, or timm's (a config.json that names an architecture)."""
    config = folder / "config.json"
    if not config.is_file():
        raise BackboneError(
            f"{folder} is not a model folder", expected="a config.json and a model.safetensors in it"
        )
    try:
        fields = dict(json.loads(config.read_text()))
    except (ValueError, TypeError) as error:
        raise BackboneError(f"{config} cannot be read: {error}") from error
    if "model_type" in fields:
        return load_text(str(folder), name=str(folder))
    if "architecture" not in fields:
        raise BackboneError(f"{config} names neither a transformers model_type nor a timm architecture")
    return _load_timm_folder(folder, fields)


def _load_timm_folder(folder: Path, fields: dict[str, Any]) -> ImageBackbone:
    _require_architecture(fields["architecture"])
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise BackboneError(
            f"{folder} has no model.safetensors",
            hint="convert other formats with safetensors; pickled weights are not read from folders",
        )
    overlay = fields.get("pretrained_cfg") or {}
    backbone = build_timm(fields["architecture"], name=str(folder), pretrained_cfg_overlay=overlay)
    kept = backbone.net.state_dict()
    try:
        tensors = {key: value for key, value in load_file(weights).items() if key in kept}
    except SafetensorError as error:
        raise BackboneError(f"{weights} cannot be read: {error}") from error
    missing = sorted(set(kept) - set(tensors))
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing:
        raise BackboneError(f"{weights} lacks {len(missing)} tensors, the first {missing[0]!r}")
    backbone.net.load_state_dict(tensors, strict=False)
    return backbone


def _require_architecture(name: str) -> None:
    """Raise `BackboneError` unless timm knows the architecture of `name` (`ARCHITECTURE.TAG`)."""
    import timm

    architecture = str(name).split(".")[0]
    if not timm.is_model(architecture):
        guess = nearest(architecture, timm.list_models())
        raise BackboneError(
            f"timm has no model {architecture!r}", hint=f"--model timm:{guess}" if guess else ""
        )


def _unknown(name: str) -> BackboneError:
    return BackboneError(
        f"no backbone {name!r}",
        expected="auto, packaged:NAME, timm:NAME, hf:NAME, or an existing model folder",
        hint="packaged without any download: " + ", ".join(f"packaged:{one}" for one in PACKAGED),
    )

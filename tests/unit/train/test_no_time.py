"""What has one answer only once the time is spent is not measured first."""

from upfit.data.read import read
from upfit.models import load_backbone
from upfit.split.make import make_split
from upfit.testing.small import small_backbone, small_bench
from upfit.train.measured_policy import with_measured_policy
from upfit.train.settle import settle_inputs
from upfit.train.stages import probe_stage
from upfit.values import Recipe


def test_no_image_is_passed_where_no_time_is_left(digits):
    data, backbone, passes = read(digits), load_backbone("auto", "image"), []
    backbone.register_forward_hook(lambda *_: passes.append(1))
    rows = make_split(data, seed=0).train
    least = settle_inputs(Recipe(), data, backbone, rows, left=-1.0).inputs.image_size
    assert passes == []
    hurried = settle_inputs(Recipe(), data, backbone, rows, left=1e-3).inputs.image_size
    assert passes
    assert hurried == least


def test_no_mirrored_image_is_passed_where_nothing_will_be_tuned():
    recipe = Recipe(inputs={"image_size": 16}, augment={"policy": "light"}, precision="fp32")
    bench, backbone = (
        small_bench(recipe, modality="image", task="multiclass", steps=1),
        small_backbone("image"),
    )
    asked = bench.with_recipe(bench.recipe.replace(augment=bench.recipe.augment.replace(flip="auto")))
    probe, passes = probe_stage(asked, backbone), []
    backbone.register_forward_hook(lambda *_: passes.append(1))
    settled, found = with_measured_policy(asked, backbone, probe, left=0.0)
    assert (passes, settled.recipe.augment.flip, found) == ([], False, ())
    with_measured_policy(asked, backbone, probe, left=60.0)
    assert passes

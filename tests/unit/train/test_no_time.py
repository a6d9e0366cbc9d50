"""What has one answer only once the time is spent is not measured first."""

from upfit.data.read import read
from upfit.models import load_backbone
from upfit.split.make import make_split
from upfit.train.settle import settle_inputs
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

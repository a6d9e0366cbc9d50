"""What is asked of examples that do not have it is refused before training, with the reason."""

import pytest

from upfit.errors import RecipeError
from upfit.techniques import check_fits
from upfit.techniques.augmentation import check_size
from upfit.values import Change, Recipe

REFUSED = [
    ("image", {"techniques.token_dropout": {}}, "token_dropout works on texts, and these data are images"),
    ("image", {"techniques.length_warmup": {}}, "length_warmup works on texts"),
    ("text", {"techniques.progressive_resize": {}}, "progressive_resize works on images"),
    ("text", {"augment.policy": "trivial"}, "trivial varies images, not texts"),
    ("text", {"augment.erase": 0.2}, "augment.erase varies images"),
    ("text", {"augment.flip": True}, "augment.flip varies images"),
    ("own", {"techniques.progressive_resize": {}}, "batches of a module of one's own come from its loader"),
    ("own", {"techniques.token_dropout": {}}, "token_dropout changes what upfit loads"),
    ("image", {"augment.policy": [["typos", 0.2]]}, "images have no transform 'typos'"),
    (
        "image",
        {"techniques.progressive_resize": {}, "layers.train": "head"},
        "progressive_resize changes what the backbone reads(?s:.*)layers.train=all",
    ),
]


def recipe(changes):
    return Recipe().apply(*(Change(path=path, to=to) for path, to in changes.items()))


@pytest.mark.parametrize(("modality", "changes", "message"), REFUSED)
def test_refused_with_the_reason(modality, changes, message):
    with pytest.raises(RecipeError, match=message):
        check_fits(recipe(changes), task="multiclass", modality=modality)


@pytest.mark.parametrize("modality", ["image", "text", "own"])
def test_the_default_recipe_is_fine_everywhere(modality):
    check_fits(Recipe(), task="multiclass", modality=modality)


def test_a_network_of_one_size_does_not_meet_others():
    growing = recipe({"techniques.progressive_resize": {}})
    check_size(growing, backbone="timm:resnet18", fixed=False)
    check_size(Recipe(), backbone="timm:vit", fixed=True)
    with pytest.raises(RecipeError, match="timm:vit takes one size only"):
        check_size(growing, backbone="timm:vit", fixed=True)

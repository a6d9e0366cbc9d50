"""Recipe and Change: YAML and back, equality, misspelt names, paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upfit.errors import RecipeError
from upfit.values import Adapter, Change, Gradual, Recipe
from upfit.values.recipe import (
    Augment,
    Batching,
    Head,
    Inputs,
    Layers,
    Loss,
    Optimizer,
    Schedule,
    Stopping,
    Technique,
)

NAMES = {kind.__name__: kind for kind in (Adapter, Augment, Batching, Gradual, Head, Inputs, Layers, Loss,
                                          Optimizer, Recipe, Schedule, Stopping, Technique)}  # fmt: skip
AUTO = st.just("auto")
PATHS = {
    "backbone": st.sampled_from(["auto", "timm:resnet18", "ä folder: with #signs"]),
    "inputs.image_size": st.integers(16, 2048) | AUTO,
    "head.dropout": st.floats(0, 0.99),
    "loss.label_smoothing": st.floats(0, 0.9) | AUTO,
    "optimizer.lr": st.floats(1e-9, 10) | AUTO,
    "optimizer.betas": st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
    "schedule.name": st.sampled_from(["cosine", "linear", "constant"]),
    "layers.train": st.sampled_from(
        ["head", "all", "gradual", {"gradual": {"every": 0.1}}, ["a.1", "*.bias"]]
    )
    | st.integers(1, 12),
    "layers.adapter": st.sampled_from(["none", "ia3", {"lora": {"rank": 4}}]),
    "augment.flip": st.booleans() | AUTO,
    "batching.size": st.integers(1, 4096) | AUTO,
    "stopping.patience": st.none() | st.integers(1, 50),
    "techniques.ema.decay": st.floats(0, 1) | AUTO,
    "techniques.ema.every": st.integers(1, 9),
    "techniques.ema": st.just("off"),
    "techniques.clip.norm": st.floats(0.01, 10) | st.integers(1, 9),
    "seed": st.integers(0, 2**32 - 1),
}
CHANGES = st.lists(
    st.sampled_from(sorted(PATHS)).flatmap(
        lambda path: st.builds(Change, path=st.just(path), to=PATHS[path])
    ),
    max_size=6,
)


@given(CHANGES)
def test_a_recipe_survives_yaml_and_its_own_repr(changes):
    recipe = Recipe().apply(*changes)
    for again in (Recipe.from_yaml(recipe.to_yaml()), eval(repr(recipe), dict(NAMES))):
        assert again == recipe
        assert hash(again) == hash(recipe)


@given(CHANGES, CHANGES)
def test_equal_recipes_have_equal_hashes(some, others):
    one, other = Recipe().apply(*some), Recipe().apply(*others)
    assert (one == other) <= (hash(one) == hash(other))


def test_whole_numbers_and_decimals_that_are_equal_hash_alike():
    one = Recipe().apply(Change(path="techniques.clip.norm", to=1))
    other = Recipe().apply(Change(path="techniques.clip.norm", to=1.0))
    assert one == other
    assert hash(one) == hash(other)
    assert hash(Change(path="seed", to=1)) == hash(Change(path="seed", to=1.0))


def test_a_change_is_rebuilt_by_its_repr():
    change = Change(path="optimizer.lr", to=1e-4, because="it oscillates")
    assert eval(repr(change)) == change


def test_a_recipe_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        Recipe().seed = 3


def test_a_change_leaves_the_original_alone():
    recipe = Recipe()
    changed = recipe.apply(Change(path="optimizer.lr", to=0.5), Change(path="techniques.ema", to="off"))
    assert (recipe, changed.optimizer.lr) == (Recipe(), 0.5)
    assert recipe.technique("ema") is not None
    assert changed.technique("ema") is None


def test_a_technique_is_set_removed_and_added_by_name():
    recipe = Recipe().apply(Change(path="techniques.ema.decay", to=0.9))
    assert recipe.technique("ema").settings == {"decay": 0.9}
    off = recipe.apply(Change(path="techniques.ema", to="off"))
    assert [one.name for one in off.techniques] == ["clip"]
    on = off.apply(Change(path="techniques.ema.decay", to=0.5))
    assert on.technique("ema").settings == {"decay": 0.5}
    whole = off.apply(Change(path="techniques.ema", to={"decay": 0.7}))
    assert whole.technique("ema").settings == {"decay": 0.7}
    for removed in (False, None, "off"):
        assert recipe.apply(Change(path="techniques.ema", to=removed)) == off


def test_a_technique_that_is_there_keeps_its_place_and_switching_it_on_keeps_its_settings():
    recipe = Recipe().apply(Change(path="techniques.clip.norm", to=2))
    assert recipe.apply(Change(path="techniques.clip", to=True)) == recipe
    changed = recipe.apply(Change(path="techniques.clip", to={"norm": 3}))
    assert [(one.name, one.settings) for one in changed.techniques] == [("clip", {"norm": 3}), ("ema", {})]


@pytest.mark.parametrize("to", [0.99, 0, 1, "offf", [0.4]])
def test_a_whole_technique_takes_no_bare_value_for_on(to):
    for name in ("ema", "mixup"):
        with pytest.raises(RecipeError, match=rf"techniques\.{name} is a whole technique") as refused:
            Recipe().apply(Change(path=f"techniques.{name}", to=to))
        assert f"upfit techniques {name}" in str(refused.value)


@pytest.mark.parametrize("off", [None, False, "off", "none"])
def test_early_stopping_can_be_switched_off_in_any_word(off):
    assert Recipe().apply(Change(path="stopping.patience", to=off)).stopping.patience is None


@pytest.mark.parametrize(
    ("path", "to", "hint"),
    [
        ("optimizer", "sgd", "optimizer.name=sgd"),
        ("augment", "strong", "augment.policy=strong"),
    ],
)
def test_a_word_in_place_of_a_record_is_sent_to_its_field(path, to, hint):
    with pytest.raises(RecipeError, match=f"try:      {hint}"):
        Recipe().apply(Change(path=path, to=to))


def test_a_switch_is_no_number_in_nested_yaml_and_settings_either():
    with pytest.raises(RecipeError, match=r"Optimizer\.lr: input should be a number; got True"):
        Recipe.from_yaml("optimizer: {lr: yes}")
    with pytest.raises(RecipeError, match=r"Adapter\.alpha: input should be a finite number"):
        Recipe.from_yaml("layers: {adapter: {lora: {alpha: .inf}}}")


def test_later_changes_win():
    changes = [Change(path="seed", to=1), Change(path="seed", to=2)]
    assert Recipe().apply(*changes).seed == 2


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("optimizer.learning_rat", "no field 'learning_rat'"),
        ("optimzer.lr", "try:      optimizer.lr"),
        ("layers.trian", "try:      layers.train"),
        ("lr", "try:      optimizer.lr"),
        ("epochs", "try:      stopping.epochs"),
        ("batch_size", "try:      batching.size"),
        ("label_smoothing", "try:      loss.label_smoothing"),
        ("Optimizer.LR", "try:      optimizer"),
        ("optimizer.LR", "try:      optimizer.lr"),
        ("seed.deep", "expected: a shorter path"),
        ("", "no field ''"),
        ("optimizer.", "no field ''"),
        ("techniques.ema.decay.deep", "a shorter path"),
        ("techniques.ema.unheard.of", "a shorter path"),
    ],
)
def test_a_wrong_path_is_named_with_the_nearest_right_one(path, message):
    with pytest.raises(RecipeError) as refused:
        Recipe().apply(Change(path=path, to=1))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        ("optimizer.lr", -1, "optimizer.lr: input should be greater than 0; got -1"),
        ("optimizer.lr", "fast", "optimizer.lr: "),
        ("schedule.warmup", 1.0, "schedule.warmup: input should be less than 1; got 1.0"),
        ("seed", -1, "seed: "),
        ("seed", 2**32, "seed: "),
        ("batching.size", 0, "batching.size: "),
        ("layers.train", "most", "layers.train: "),
        ("inputs.image_size", 8, "inputs.image_size: input should be greater than or equal to 16"),
        ("optimizer", 5, "optimizer: "),
        ("optimizer.lr", True, "optimizer.lr: input should be a number; got True"),
        ("batching.size", True, "batching.size: input should be a number"),
        ("stopping.patience", True, "stopping.patience: input should be a number"),
        ("stopping.epochs", 1e308, "stopping.epochs: input should be less than"),
        ("schedule.growth", float("inf"), "schedule.growth: input should be a finite number"),
        ("schedule.cycles", 10**9, "schedule.cycles: input should be less than"),
        ("schedule.warmup", 500, "schedule.warmup: a number is a fraction of the run; for so many steps"),
        ("schedule.every", "0 epochs", "schedule.every: a length above zero"),
        ("layers.train", 0, "layers.train: a number of layer groups is at least 1"),
        ("layers.train", "Gradul", "layers.train: what learns is head, all, auto, gradual, a number"),
        ("head.dropout", float("nan"), "head.dropout: "),
    ],
)
def test_a_wrong_value_is_named_with_its_range(path, to, message):
    with pytest.raises(RecipeError) as refused:
        Recipe().apply(Change(path=path, to=to))
    assert str(refused.value).startswith(message)
    assert "upfit show" in str(refused.value)


def test_an_unknown_field_is_named_with_the_nearest_right_one():
    with pytest.raises(RecipeError, match=r"Recipe has no field 'sede'; did you mean 'seed'\?"):
        Recipe(sede=3)
    with pytest.raises(RecipeError, match="no field 'lrr'; did you mean 'lr'"):
        Optimizer(lrr=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "a recipe is a mapping"),
        ("optimizer: [", "not valid YAML"),
        ("3: 4", "recipe fields have names, got 3"),
        ("optimizer: {lr: fast}", "Optimizer.lr: input should be a valid number"),
        ("techniques: [ema, {ema: {decay: 0.5}}]", "technique 'ema' is listed twice"),
        ("techniques: [{clip: 3}]", "clip"),
        ("techniques: ema", "techniques"),
        ("techniques: 3", "Recipe.techniques: input should be a list"),
        ("optimizer: {lr: .inf}", "Optimizer.lr: input should be a finite number"),
        ("loss: {class_weights: heavy}", "Loss.class_weights: class weights are none, auto"),
        ("seed: 1\nhead: {dropout: 0.1}\nseed: 2", "the recipe has 'seed' twice"),
        ("optimizer:\n  lr: 0.1\n  lr: 0.2", "the recipe has 'lr' twice, below line 2"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_wrong_yaml_is_explained(text, message):
    with pytest.raises(RecipeError) as refused:
        Recipe.from_yaml(text)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "null"])
def test_a_file_that_leaves_everything_out_is_the_default(text):
    assert Recipe.from_yaml(text) == Recipe()


def test_techniques_may_be_written_short():
    recipe = Recipe.from_yaml("techniques: [ema, {clip: {norm: 2}}, {name: other, depth: 3}]")
    assert [(one.name, one.settings) for one in recipe.techniques] == [
        ("ema", {}),
        ("clip", {"norm": 2}),
        ("other", {"depth": 3}),
    ]


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (
            "layers.adapter",
            {"lora": 4},
            r"adapter lora are a mapping.*\{lora: \{field: value\}\}",
        ),
        ("layers.adapter", {"lora": [4]}, r"not \[4\]"),
        ("layers.train", {"gradual": 3}, "the settings of layers.train gradual are a mapping"),
        ("techniques", [{"ema": 0.9}], "the settings of technique ema are a mapping"),
    ],
)
def test_settings_that_are_no_mapping_are_refused_in_words(path, to, message):
    with pytest.raises(RecipeError, match=message):
        Recipe().apply(Change(path=path, to=to))


def test_the_short_forms_mean_the_long_ones():
    for short in ("lora", {"lora": None}, {"lora": {}}, {"name": "lora"}):
        assert Recipe().apply(Change(path="layers.adapter", to=short)).layers.adapter == Adapter(name="lora")
    for short in ("gradual", {"gradual": None}, {"gradual": {}}):
        assert Recipe().apply(Change(path="layers.train", to=short)).layers.train == Gradual()
    stages = Recipe().apply(Change(path="layers.train", to={"groups": 2})).layers.train
    assert stages == Gradual(groups=2)


@pytest.mark.parametrize(
    "text",
    [
        "techniques: {mixup: {alpha: 0.2}, ema: on, swa: off}",
        "techniques: [mixup: {alpha: 0.2}, ema]",
        "techniques: [mixup: {alpha: 0.2}, ema: on]",
    ],
)
def test_techniques_are_written_as_a_list_or_as_a_mapping(text):
    assert Recipe.from_yaml(text).techniques == (Technique(name="mixup", alpha=0.2), Technique(name="ema"))


def test_a_loss_and_its_settings_are_written_as_an_adapter_and_its_are():
    assert Recipe.from_yaml("loss: {focal: {gamma: 1}}").loss == Loss(name="focal", gamma=1)
    assert Recipe.from_yaml("loss: {class_weights: {a: 2}}").loss == Loss(class_weights={"a": 2})


def test_a_batch_size_is_a_number_or_one_of_two_words():
    sizes = [Recipe.from_yaml(f"batching: {{size: {one}}}").batching.size for one in (64, "auto", "largest")]
    assert sizes == [64, "auto", "largest"]
    with pytest.raises(RecipeError, match="a number, auto or largest, not 'larges'"):
        Recipe().apply(Change(path="batching.size", to="larges"))


def test_a_schedule_and_its_settings_are_written_so_too():
    assert Recipe.from_yaml("schedule: {step: {every: 0.2}}").schedule == Schedule(name="step", every=0.2)
    assert Recipe.from_yaml("schedule: linear").schedule == Schedule(name="linear")
    assert Recipe.from_yaml("schedule: {warmup: 0.2}").schedule == Schedule(warmup=0.2)
    assert Recipe().apply(Change(path="schedule", to="linear")).schedule.name == "linear"
    warm = [Change(path="schedule.warmup", to=0.3), Change(path="schedule", to="linear")]
    assert Recipe().apply(*warm).schedule == Schedule(name="linear", warmup=0.3)
    with pytest.raises(RecipeError, match="named twice"):
        Recipe.from_yaml("schedule: {step: {every: 0.2, name: cosine}}")
    with pytest.raises(RecipeError, match="did you mean 'cosine'"):
        Recipe.from_yaml("schedule: cosin")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("optimizer: sgd", "optimizer: {name: sgd}"),
        ("augment: light", "augment: {policy: light}"),
        ("layers: gradual", "layers: {train: gradual}"),
        ("batching: largest", "batching: {size: largest}"),
    ],
)
def test_a_word_where_a_mapping_belongs_is_told_how_to_write_it(text, hint):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_yaml(text)
    assert hint in str(caught.value)


def test_the_settings_of_a_technique_are_a_mapping():
    with pytest.raises(RecipeError, match=r"^Technique: the settings of technique mixup are a mapping"):
        Recipe.from_yaml("techniques: {mixup: 0.2}")

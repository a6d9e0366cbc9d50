"""Augmentation of texts: what is varied, what never is."""

import unicodedata

import numpy as np
import pytest

from upfit.errors import RecipeError
from upfit.techniques.text_policies import LEAST, TEXT_POLICIES, text_augmentation, vary_text
from upfit.techniques.text_transforms import TEXT_TRANSFORMS, words_of
from upfit.testing import docstring_sentences
from upfit.values import Augment, Transform

SENTENCES = docstring_sentences(per_class=10)["text"].tolist()
ODD = [
    "",
    " ",
    "\n\t",
    "word",
    "two words",
    "👩‍👩‍👧 👍🏽 🎉 🇯🇵 ok then",
    "我想预订一张去北京的机票",
    "これは日本語の文章です。",
    "สวัสดีครับ ยินดีต้อนรับ",
    "مرحبا بكم في المدينة القديمة",
    "Ẹ̀kọ́ nípa ètò ìlera àti ìmọ̀ sáyẹ́ǹsì",
    "a b c d e f",
    "?!? ... --- !!! ???",
    "x" * 3000,
    "e\u0301 " * 9,
]
NAMES = [name for name in TEXT_POLICIES if name != "none"]


def varied(text, transforms, seed=0):
    return vary_text(text, np.random.default_rng(seed), tuple(transforms))


@pytest.mark.parametrize("text", ODD + SENTENCES[:5])
def test_words_joined_are_the_text(text):
    assert "".join(words_of(text)) == text
    nothing = [Transform(name=name, strength=0) for name in TEXT_TRANSFORMS]
    assert varied(text, nothing) == text
    assert varied(text, ()) == text


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_emptied_and_short_ones_are_left_alone(name):
    for text in ODD:
        for seed in range(30):
            result = varied(text, TEXT_POLICIES[name], seed)
            assert bool(result.strip()) == bool(text.strip())
            if len(words_of(text.strip())) < LEAST:
                assert result == text
            result.encode("utf-8")


@pytest.mark.parametrize("transform", TEXT_TRANSFORMS)
def test_even_the_greatest_strength_leaves_something(transform):
    strongest = [Transform(name=transform, strength=TEXT_TRANSFORMS[transform].greatest)]
    for text in ODD:
        assert all(bool(varied(text, strongest, k).strip()) == bool(text.strip()) for k in range(20))


@pytest.mark.parametrize("transform", TEXT_TRANSFORMS)
def test_the_generator_alone_decides(transform):
    policy = [Transform(name=transform, strength=0.5)]
    text = max(SENTENCES, key=len)
    assert varied(text, policy, 1) == varied(text, policy, 1)
    assert len({varied(text, policy, k) for k in range(10)}) > 1


def long_text():
    return " ".join(f"word{chr(97 + k % 26)}{chr(97 + k // 26)}," for k in range(400))


def test_as_many_words_go_as_asked_for():
    left = len(words_of(varied(long_text(), [Transform(name="drop", strength=0.2)])))
    assert left == pytest.approx(320, abs=30)


def test_swapping_moves_words_and_loses_none():
    before = words_of(long_text())
    after = words_of(varied(long_text(), [Transform(name="swap", strength=0.2)]))
    assert sorted(word.strip() for word in after) == sorted(word.strip() for word in before)
    moved = sum(one.strip() != other.strip() for one, other in zip(before, after, strict=True))
    assert moved == pytest.approx(0.2 * 400, abs=30)


def test_slips_touch_as_many_words_as_asked_for_and_one_letter_each():
    before = words_of(long_text())
    after = words_of(varied(long_text(), [Transform(name="typos", strength=0.3)]))
    assert len(after) == len(before)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    # Letters that are swapped with their like leave a word as it was.
    assert 80 < len(changed) < 150
    assert all(abs(len(a) - len(b)) <= 1 and a[0] == b[0] for a, b in changed)


def test_marks_stay_on_their_letters():
    text = unicodedata.normalize("NFD", "Ẹ̀kọ́ nípa ètò ìlera àti ìmọ̀ sáyẹ́ǹsì")
    for seed in range(50):
        result = varied(text, [Transform(name="typos", strength=1)], seed)
        assert all(not unicodedata.combining(word[0]) for word in words_of(result))


def test_case_and_stops_change_nothing_else():
    text = long_text()
    cased = varied(text, [Transform(name="case", strength=0.5)])
    assert cased != text
    assert cased.lower() == text.lower()
    stopped = varied(text, [Transform(name="stops", strength=0.5)])
    assert stopped != text
    assert stopped.replace(",", "") == text.replace(",", "")


def test_short_texts_are_varied_less():
    def changed(count):
        text = " ".join(["wordy"] * count)
        drops = [
            count - len(words_of(varied(text, [Transform(name="drop", strength=0.3)], k))) for k in range(300)
        ]
        return sum(drops) / (300 * count)

    assert changed(4) == pytest.approx(0.1, abs=0.03)
    assert changed(40) == pytest.approx(0.3, abs=0.03)


def test_policies_by_name_and_as_lists():
    assert text_augmentation(Augment(policy="none")) is None
    assert text_augmentation(Augment(policy="medium")).transforms == TEXT_POLICIES["medium"]
    listed = (Transform(name="drop", strength=0.3), Transform(name="case", strength=0))
    assert text_augmentation(Augment(policy=listed)).transforms == listed[:1]


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"policy": "rand"}, "rand varies images, not texts(?s:.*)none, light, medium, strong"),
        ({"policy": "light", "degrees": 5}, "augment.degrees varies images"),
        ({"policy": [["drops", 0.1]]}, "no transform 'drops'(?s:.*)did you mean drop"),
        ({"policy": [["drop", 0.95]]}, "drop is too strong(?s:.*)0 to 0.9"),
    ],
)
def test_what_is_not_for_texts_is_refused(augment, message):
    with pytest.raises(RecipeError, match=message):
        text_augmentation(Augment(**augment))

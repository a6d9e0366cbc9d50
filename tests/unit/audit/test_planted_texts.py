"""Texts: faults planted in real sentences are found, and (nearly) nothing is in the clean ones."""

from __future__ import annotations

import numpy as np

from upfit.audit.boilerplate import boilerplate, shared_line
from upfit.audit.clean import cleaned
from upfit.audit.languages import language
from upfit.audit.same_order import longest_common, nearly_equal
from upfit.audit.subject import Subject
from upfit.audit.text_quality import text_quality
from upfit.data.read import read
from upfit.values import Plan


def test_words_turned_round_make_another_text():
    one = "have i set any alarm for today"
    assert not nearly_equal(one, "do i have any alarms set for today")
    assert nearly_equal(one, "have i set any alarms for today")
    assert not nearly_equal("play jazz now", "play jazz")
    assert nearly_equal(40 * "one more sentence ", 39 * "one more sentence " + "one more word")


def test_texts_that_cannot_be_read(sentences_frame, subject_of):
    frame = sentences_frame.copy()
    frame.loc[0, "text"] = " ... "
    frame.loc[1, "text"] += " the cafÃ© around the corner"
    frame.loc[2, "text"] = "Это предложение написано совсем другими буквами."
    frame.loc[3, "text"] += "<br>"
    found = {one.kind: one.rows for one in text_quality(subject_of(frame))}
    assert found["empty_texts"] == (0,)
    assert found["wrong_encoding"] == (1,)
    assert found["foreign_script"] == (2,)
    assert found["markup"] == (3,)
    (cure,) = [one.actions[0] for one in text_quality(subject_of(frame)) if one.kind == "markup"]
    assert (cure.do, cure.column, cure.to) == ("normalise", "text", "markup")
    assert not [one for one in text_quality(subject_of(sentences_frame)) if one.kind != "boilerplate"]


def test_boilerplate_is_cut_between_words_in_the_column_that_has_it(sentences_frame, subject_of):
    title = sentences_frame["text"].str.upper()
    notes = "All of this was sent from my telephone on the way to " + title.str.title()
    frame = sentences_frame.assign(note=notes)
    frame.loc[:9, "text"] = "Please read the whole notice before you go on with this. " + frame["text"]
    found = {one.actions[0].column: one for one in boilerplate(subject_of(frame))}
    assert found["note"].actions[0].values == ("All of this was sent from my telephone on the way to",)
    cleaned_up = cleaned(
        subject_of(frame).data,
        Plan(fingerprint=subject_of(frame).data.fingerprint, actions=found["note"].actions),
    )
    assert cleaned_up["note"].str.strip().tolist() == title.str.title().str.strip().tolist()


def test_a_shared_beginning_ends_with_a_word():
    ends = ["The house is green today", "The house is grey today"]
    assert shared_line(ends, "begin") == "The house is"
    assert shared_line([text[::-1] for text in ends], "end") == "si esuoh ehT"


def test_other_languages_of_the_same_script_are_told(sentences_frame, subject_of):
    clean = subject_of(sentences_frame)
    assert not [one for one in text_quality(clean) if one.kind == "foreign_language"]
    frame = sentences_frame.copy()
    strangers = [
        "est-ce que tu peux me dire où est la gare la plus proche de la maison",
        "bitte mach das Licht in der Küche aus und sag mir, wie das Wetter wird",
        "no sé cuando va a llegar el tren, pero está en la estación por la tarde",
    ]
    frame.loc[[5, 50, 150], "text"] = strangers
    (found,) = [one for one in text_quality(subject_of(frame)) if one.kind == "foreign_language"]
    assert found.rows == (5, 50, 150)
    assert found.actions[0].doubtful


def test_slang_and_repeated_words_are_no_other_language():
    assert language("turn shuffle on music player on") != "Finnish"
    assert language("Ay wana meet on sat? wkg on sat") in ("", "English")
    assert language("SORRY IM STIL UP AFTER LAST NITE WENT TOBED AT 4 GOT UP FOR WORK AT 6") in (
        "",
        "English",
    )
    assert language("Mi name is Ti and ha ha i come per bus") in ("", "English")
    assert language("bitte mach das Licht in der Küche aus und sag mir, wie das Wetter wird") == "German"


def test_a_backbone_that_has_to_spell_the_words_is_told_of(sentences_frame):
    data = read(sentences_frame)
    words = [len(text.split()) for text in sentences_frame["text"]]

    def told(pieces):
        counts = np.array([2 + round(pieces * one) for one in words])
        subject = Subject(data, np.arange(len(data)), None, counts, 256)
        return [one.kind for one in text_quality(subject) if one.kind == "unknown_language"]

    assert told(2.4) == ["unknown_language"]
    assert told(1.3) == []


def test_words_of_two_scripts_are_told_and_mended(sentences_frame, subject_of):
    frame = sentences_frame.copy()
    disguised = frame["text"].iloc[3].replace("e", "\u0435").replace("o", "\u043e")
    assert disguised != frame["text"].iloc[3]
    frame.loc[3, "text"] = disguised
    frame.loc[5, "text"] = "10 \u00b5m of \u03b2-carotene, and \u041c\u043e\u0441\u043a\u0432\u0430"
    subject = subject_of(frame)
    (found,) = [one for one in text_quality(subject) if one.kind == "mixed_scripts"]
    assert found.rows == (3,)
    plan = Plan(fingerprint=subject.data.fingerprint, actions=found.actions)
    assert cleaned(subject.data, plan)["text"].tolist()[3] == sentences_frame["text"].iloc[3]


def test_what_is_common_is_what_a_table_of_all_places_says():
    rng = np.random.default_rng(0)
    for _ in range(200):
        one, other = ("".join(rng.choice(list("abcd "), int(rng.integers(0, 40)))) for _ in range(2))
        table = np.zeros((len(one) + 1, len(other) + 1), int)
        for a, left in enumerate(one):
            for b, right in enumerate(other):
                table[a + 1, b + 1] = (
                    table[a, b] + 1 if left == right else max(table[a, b + 1], table[a + 1, b])
                )
        assert longest_common(one, other) == table[-1, -1]

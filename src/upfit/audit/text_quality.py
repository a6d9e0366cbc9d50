"""Texts that are empty, cut off, wrongly decoded, in another script, or carry the same boilerplate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from upfit.audit.boilerplate import boilerplate
from upfit.audit.finding import Severity, drop, of_rows, percent, some, times
from upfit.audit.languages import language
from upfit.audit.lookalikes import lookalikes
from upfit.audit.markup import MARKUP
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

_MOJIBAKE = re.compile("\ufffd|Ã[\u0080-\u00bf]|â€[œ™\u009d“”˜]|Â[\u00a0-\u00bf]")
_SCRIPTS = {
    "Latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "Cyrillic": re.compile("[\u0400-\u04ff]"),
    "Greek": re.compile("[\u0370-\u03ff]"),
    "Arabic": re.compile("[\u0600-\u06ff]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Chinese or Japanese": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "Korean": re.compile("[\uac00-\ud7af]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
}


SPELT = 1.75
"""Tokens a word from which on a language is hardly known: 1.2 to 1.5 are usual (Rust et al. 2021)."""


def text_quality(subject: Subject) -> tuple[Finding, ...]:
    """Everything that shows in the text alone."""
    if not subject.data.schema.of_kind("text"):
        return ()
    checks = (_empty, _truncated, _mojibake, _markup, _scripts, lookalikes, _languages, _pieces)
    found = tuple(one for check in checks if (one := check(subject)) is not None)
    return (*found, *boilerplate(subject))


def _empty(subject: Subject) -> Finding | None:
    rows = np.array([row for row, text in enumerate(subject.written) if not any(map(str.isalnum, text))], int)
    if not len(rows):
        return None
    share = len(rows) / len(subject.written)
    message = f"{times(len(rows), 'text is', 'texts are')} empty or only punctuation ({percent(share)})"
    severity: Severity = "warning" if len(rows) > 3 else "info"
    examples = [f"row {row}: {subject.written[row]!r}" for row in rows[:12]]
    actions = [drop(rows, "no text")]
    return of_rows(subject, "empty_texts", severity, message, rows=rows, examples=examples, actions=actions)


def _truncated(subject: Subject) -> Finding | None:
    """How many texts the backbone does not read to the end."""
    counts, limit = subject.token_counts_E, subject.most_tokens
    if counts is None or not limit:
        return None
    cut = counts > limit
    if not cut.any():
        return None
    rows, share = subject.embedded[cut], float(cut.mean())
    lost = float(1 - np.minimum(counts, limit).sum() / counts.sum())
    message = (
        f"{percent(share)} of texts are longer than the {limit} tokens that the backbone reads; "
        f"{percent(lost)} of all tokens are cut off"
    )
    severity: Severity = "warning" if share >= 0.05 else "info"
    return of_rows(
        subject,
        "truncated_texts",
        severity,
        message,
        rows=rows,
        scores=counts[cut] / limit,
        share=share,
        tokens_lost=lost,
    )


def _matching(subject: Subject, pattern: re.Pattern[str], kind: str, words: str) -> Finding | None:
    found = [(row, one.group()) for row, text in enumerate(subject.written) if (one := pattern.search(text))]
    if not found:
        return None
    share = len(found) / len(subject.written)
    examples = [f"row {row}: …{_around(subject.written[row], mark)}…" for row, mark in found[:12]]
    message = f"{times(len(found), 'text has', 'texts have')} {words} ({percent(share)})"
    severity: Severity = "warning" if share >= 0.01 else "info"
    rows = [row for row, _ in found]
    return of_rows(subject, kind, severity, message, rows=rows, examples=examples, share=share)


def _mojibake(subject: Subject) -> Finding | None:
    return _matching(subject, _MOJIBAKE, "wrong_encoding", "letters that were decoded wrongly, as in “cafÃ©”")


def _markup(subject: Subject) -> Finding | None:
    marks = Counter(one.group() for text in subject.written for one in MARKUP.finditer(text))
    named = some([mark for mark, _ in marks.most_common()], 3)
    found = _matching(subject, MARKUP, "markup", f"HTML left in them ({named})")
    if found is None:
        return None
    columns = (name for name in subject.data.schema.of_kind("text") if _marked(subject, name))
    because = "tags and escapes of HTML say nothing about the content"
    return found.replace(
        actions=tuple(Action(do="normalise", column=name, to="markup", because=because) for name in columns)
    )


def _marked(subject: Subject, column: str) -> bool:
    written = cells(subject.data, column)
    return bool(pc.any(pc.match_substring_regex(written, MARKUP.pattern, ignore_case=True)).as_py())


def _around(text: str, mark: str) -> str:
    place = text.index(mark)
    return " ".join(text[max(0, place - 30) : place + 40].split())


def _scripts(subject: Subject) -> Finding | None:
    """Texts in another script than nearly all others."""
    foreign = _foreign([_script(text) for text in subject.written])
    if foreign is None:
        return None
    main, rows, named, severity = foreign
    verb = times(len(rows), "text is", "texts are")
    message = f"{verb} in another script than {main}: {named}; the backbone may not read it"
    return of_rows(subject, "foreign_script", severity, message, rows=rows)


def _languages(subject: Subject) -> Finding | None:
    """Texts in another language than nearly all others, where at least half say what theirs is."""
    spoken = [language(text) for text in subject.written]
    foreign = _foreign(spoken)
    if foreign is None or sum(map(bool, spoken)) < max(20, 0.2 * len(spoken)):
        return None
    main, rows, named, severity = foreign
    message = f"{times(len(rows), 'text is', 'texts are')} not in {main}, as it seems: {named}"
    return of_rows(
        subject,
        "foreign_language",
        severity,
        message,
        rows=rows,
        examples=[f"{subject.show(row)} ({spoken[row]})" for row in rows],
        actions=[drop(rows, f"not in {main}", doubtful=True)],
    )


def _foreign(names: Sequence[str]) -> tuple[str, list[int], str, Severity] | None:
    """What nearly all texts are in, which are in another, how many in which, and how grave that is.

    Args:
        names: Of each text, what it is in; empty where that is not known.
    """
    counts = Counter(name for name in names if name)
    (main, most), *others = counts.most_common() or [("", 0)]
    if not others or most < 0.9 * sum(counts.values()):
        return None
    rows = [row for row, name in enumerate(names) if name and name != main]
    named = some([f"{count} {name}" for name, count in others])
    return main, rows, named, "warning" if len(rows) >= 0.01 * len(names) else "info"


def _pieces(subject: Subject) -> Finding | None:
    """Whether the backbone has to spell the words of these texts: then it hardly knows their language."""
    counts = subject.token_counts_E
    names = subject.data.schema.of_kind("text")
    if counts is None or len(counts) < 20 or len(names) < len(subject.data.schema.columns):
        return None  # numbers and names of columns are tokens, too, and no words
    written = [subject.written[int(row)] for row in subject.embedded]
    words = np.array([len(text.split()) for text in written])
    letters = sum(map(len, written)) / max(1, int(words.sum()))
    if letters > 12:
        return None  # scripts without spaces have no words to count
    each = float((counts.sum() - 2 * len(names) * len(counts)) / max(1, words.sum()))
    if each < SPELT:
        return None
    message = (
        f"the backbone cuts these texts into {each:.1f} pieces a word, where prose of a language that it "
        "knows has 1.2 to 1.5: it has hardly seen such texts, and one that has will read them better"
    )
    return Finding(kind="unknown_language", severity="info", message=message, evidence={"pieces": each})


def _script(text: str) -> str:
    """The script of more than half the letters of the first 400 characters; "" for too few letters."""
    head = text[:400]
    if head.isascii():
        return "Latin" if any(map(str.isalpha, head)) else ""
    counts = {name: len(pattern.findall(head)) for name, pattern in _SCRIPTS.items()}
    name = max(counts, key=lambda one: counts[one])
    return name if counts[name] >= 5 and counts[name] > 0.5 * sum(counts.values()) else ""

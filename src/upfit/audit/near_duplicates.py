"""Near duplicates: crops, recompressions, edited texts. Within a part they weigh double, across they leak."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from upfit.audit.finding import drop, of_rows, percent, times
from upfit.audit.minhash import near_pairs
from upfit.audit.neighbours import nearest
from upfit.audit.pictures import Coarse, distances, squares
from upfit.audit.same_order import LEAST_EQUAL, SHORTEST, nearly_equal
from upfit.audit.same_picture import likeness
from upfit.audit.subject import JUDGED, Subject
from upfit.data.cells import cells
from upfit.data.content import normalised
from upfit.values import Action, Finding

LEAST_JACCARD = 0.6
"""Shared pieces, wherever they stand, that make two texts worth comparing."""
MOST_PAIRS = 300_000
"""Beyond so many candidates each text is compared with its most similar one only."""
LEAST_LIKENESS = 0.85
"""Correlation of fine details: copies have 0.9 and more, like things on one floor mostly below 0.8."""
MANY = 0.05
"""Of all rows, from which on near duplicates are worth a warning, and a look before any is dropped."""

Pairs = npt.NDArray[np.int64]


def near_duplicates(subject: Subject) -> tuple[Finding, ...]:
    """Near duplicates within parts, and across parts that came with the data."""
    pairs = pairs_of(subject)
    if not len(pairs):
        return ()
    parts = subject.part_of[pairs]
    across = parts[:, 0] != parts[:, 1]
    return (*_across(subject, pairs[across]), *_within(subject, pairs[~across]))


def pairs_of(subject: Subject) -> Pairs:
    """(P, 2) rows that nearly, and not exactly, have the same inputs."""
    if subject.data.schema.of_kind("image"):
        return _of_images(subject)
    if subject.data.schema.of_kind("text"):
        return _of_texts(subject)
    return np.empty((0, 2), np.int64)


def groups_of(pairs: Pairs, count: int) -> npt.NDArray[np.int64]:
    """(N,) group of each row: rows linked by pairs share one."""
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _firsts(subject: Subject) -> npt.NDArray[np.int64]:
    """One row for each different input of each part."""
    marks = np.char.add(subject.keys.astype(str), subject.part_of)
    return np.sort(np.unique(marks, return_index=True)[1])


def _different(subject: Subject, pairs: Pairs) -> Pairs:
    """Pairs that are no exact duplicates."""
    return np.asarray(pairs[subject.keys[pairs[:, 0]] != subject.keys[pairs[:, 1]]])


def _of_texts(subject: Subject) -> Pairs:
    rows = _firsts(subject)
    written = [normalised(subject.written[row]) for row in rows]
    # The shorter of two that are this much alike has at least so many characters.
    long = np.array([len(text) >= LEAST_EQUAL / (2 - LEAST_EQUAL) * SHORTEST for text in written], bool)
    rows, written = rows[long], [text for text, kept in zip(written, long, strict=True) if kept]
    if len(rows) < 2:
        return np.empty((0, 2), np.int64)
    places, similar = near_pairs(written, least=LEAST_JACCARD)
    if len(places) > MOST_PAIRS:
        places = strongest(places, similar)
    longer = np.array([max(len(written[a]), len(written[b])) for a, b in places], np.int64)
    pairs = _different(subject, rows[places[longer >= SHORTEST]])
    other = _other_cells(subject)
    pairs = pairs[other[pairs[:, 0]] == other[pairs[:, 1]]]
    for name in subject.data.schema.of_kind("text"):
        rows, places = np.unique(pairs, return_inverse=True)
        texts = [normalised(one) for one in pc.fill_null(cells(subject.data, name, rows), "").to_pylist()]
        same = [nearly_equal(texts[a], texts[b]) for a, b in places.reshape(-1, 2)]
        pairs = pairs[np.array(same, bool)]
    return np.asarray(pairs)


def strongest(pairs: Pairs, similar: npt.NDArray[np.float64]) -> Pairs:
    """The pairs that are the most similar one of either of their members.

    Texts made from templates pair in their millions, and letters are compared pair by pair; one partner a
    text is enough to tell of it.

    >>> strongest(np.array([[0, 1], [0, 2], [1, 2]]), np.array([0.7, 0.9, 0.8])).tolist()
    [[0, 2], [1, 2]]
    """
    order = np.argsort(-similar, kind="stable")
    ranked = pairs[order]
    _, first = np.unique(ranked.ravel(), return_index=True)
    return np.asarray(pairs[np.sort(order[np.unique(first // 2)])])


def _other_cells(subject: Subject) -> npt.NDArray[np.object_]:
    """(N,) numbers and categories of each row, joined: what is alike in name may differ in size."""
    names = subject.data.schema.of_kind("number", "category")
    found = np.full(len(subject.data), "", dtype=object)
    for name in names:
        column = cells(subject.data, name).to_pylist()
        found = found + "|" + np.array([str(cell) for cell in column], object)
    return found


def _of_images(subject: Subject) -> Pairs:
    """Alike in coarse shape, and in features if there are any, as no other two images of these data are.

    With features it is looked at fine details as well: like things photographed alike are no copies.
    """
    coarse = subject.coarse
    assert coarse is not None
    if subject.features_ED is None:
        return _different(subject, _alike_in_shape(coarse))
    if len(subject.embedded) < 8:
        return np.empty((0, 2), np.int64)
    by_features, gap, typical = _close(subject.unit_features_ED)
    alike = _alike(coarse.grey[subject.embedded], by_features)
    by_shape, shape_gap, shape_typical = _close(_unit(coarse.grey[subject.embedded]), 2)
    # A crop of thin strokes is far in features, a recompression of a photograph may be in brightness.
    candidates = (
        by_features[(gap <= 0.6 * typical) & (alike >= 0.5)],
        by_shape[shape_gap <= 0.5 * shape_typical],
    )
    pairs = subject.embedded[np.unique(np.concatenate(candidates), axis=0)]
    return _copies(subject, _different(subject, pairs))


def _copies(subject: Subject, pairs: Pairs) -> Pairs:
    """Pairs that show one picture."""
    rows, places = np.unique(pairs, return_inverse=True)
    images = squares(subject.data, subject.data.schema.of_kind("image")[0], rows)
    return np.asarray(pairs[likeness(images, places.reshape(-1, 2)) >= LEAST_LIKENESS])


def _alike_in_shape(coarse: Coarse) -> Pairs:
    """Pairs by brightness and hash alone: for splits, which may bind a few too many."""
    if len(coarse.grey) < 8:
        return np.empty((0, 2), np.int64)
    pairs, gap, typical = _close(_unit(coarse.grey))
    bits = _bits(coarse, pairs)
    copied = ((gap <= 0.5 * typical) & (bits <= 12)) | ((gap <= 0.02) & (bits <= 4))
    return np.unique(pairs[copied], axis=0)


def _close(unit_ND: npt.NDArray[np.float32], count: int = 6) -> tuple[Pairs, npt.NDArray[np.float32], float]:
    """Each row with its nearest others, how far these are, and how far the nearest mostly is."""
    places, cosines = nearest(unit_ND, count)
    left = np.repeat(np.arange(len(places)), places.shape[1])
    pairs = np.sort(np.stack([left, places.ravel()], axis=1), axis=1)
    return pairs, 1 - cosines.ravel(), float(np.median(1 - cosines[:, 0]))


def _bits(coarse: Coarse, pairs: Pairs) -> npt.NDArray[np.uint8]:
    return distances(coarse.hashes[pairs[:, 0]], coarse.hashes[pairs[:, 1]])


def _alike(grey: npt.NDArray[np.uint8], pairs: Pairs) -> npt.NDArray[np.float64]:
    """Correlation of the 16 by 16 brightness of each pair."""
    flat = _unit(grey)
    return np.asarray(np.einsum("pd,pd->p", flat[pairs[:, 0]], flat[pairs[:, 1]]), float)


def _unit(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(N, 256) brightness, centred and of length 1, so that products are correlations."""
    flat = grey.reshape(len(grey), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat


def _within(subject: Subject, pairs: Pairs) -> tuple[Finding, ...]:
    if not len(pairs):
        return ()
    group = groups_of(pairs, len(subject.data))
    inside = np.unique(pairs)
    first = inside[np.unique(group[inside], return_index=True)[1]]
    again = np.setdiff1d(inside, first)
    share = len(again) / len(subject.data)
    links = np.concatenate([pairs, pairs[:, ::-1]])
    partner = dict(links[np.lexsort((-links[:, 1], links[:, 0]))].tolist())  # the first row that it resembles
    examples = [f"{subject.show(row)} ≈ {subject.show(partner[row])}" for row in again[:12].tolist()]
    rows = times(len(again), "row is", "rows are")
    message = f"{rows} nearly the same as another row of the same part ({percent(share)})"
    torn = _torn(subject, pairs)
    message += _disagreeing(subject, torn)
    return (
        of_rows(
            subject,
            "near_duplicates",
            "warning" if share >= MANY else "info",
            message,
            rows=again,
            examples=examples,
            actions=_copies_out(subject, again, np.isin(group[again], group[torn[:, 0]])),
            groups=len(first),
            share=share,
        ),
    )


def _torn(subject: Subject, pairs: Pairs) -> Pairs:
    """Pairs that have two labels, of which at most one is right."""
    labels = subject.classes_of_rows[pairs]
    return np.asarray(pairs[(labels[:, 0] != labels[:, 1]) & (labels >= 0).all(1)])


def _disagreeing(subject: Subject, torn: Pairs) -> str:
    """In words, how many pairs have two labels."""
    if not len(torn):
        return ""
    a, b = torn[0].tolist()
    pair = f"{subject.show(a)} ({subject.label(a)}) ≈ {subject.show(b)} ({subject.label(b)})"
    return f"; {times(len(torn), 'pair has', 'pairs have')} different labels, such as {pair}"


def _copies_out(subject: Subject, rows: npt.NDArray[np.int64], torn: npt.NDArray[np.bool_]) -> list[Action]:
    """Copies go; where copies of one thing have several labels, a person has to say which one is right."""
    same, apart = rows[~torn], rows[torn]
    because = "nearly the same as rows with another label; keep what is labelled right, drop the rest"
    copies = _left_out(subject, same, "nearly the same as rows that stay")
    # Where many pictures are so much alike, that is how they are: digits of eight pixels, frames of a film.
    copies = copies.replace(doubtful=copies.doubtful or len(rows) >= MANY * len(subject.data))
    found = [copies] if len(same) else []
    return [*found, drop(apart, because, doubtful=True)] if len(apart) else found


def _left_out(subject: Subject, rows: npt.NDArray[np.int64], because: str) -> Action:
    """Copies of pictures may go; texts that are nearly the same may well both be wanted."""
    return drop(rows, because, doubtful=not subject.data.schema.of_kind("image"))


def _across(subject: Subject, pairs: Pairs) -> tuple[Finding, ...]:
    found = []
    for left, right in JUDGED:
        parts = subject.part_of[pairs]
        turned = parts[:, 0] == right
        here = (parts == left).any(axis=1) & (parts == right).any(axis=1)
        if not here.any():
            continue
        ordered = np.where(turned[:, None], pairs[:, ::-1], pairs)[here]
        leaked = np.unique(ordered[:, 1])
        share = len(leaked) / max(1, len(subject.rows_of(right)))
        source = {int(b): int(a) for a, b in ordered}
        examples = [f"{subject.show(int(row))} ≈ {subject.show(source[int(row)])}" for row in leaked[:12]]
        rows = times(len(leaked), f"{right} row is", f"{right} rows are")
        found.append(
            of_rows(
                subject,
                "near_leakage",
                "warning" if share >= 0.02 else "info",
                f"{rows} nearly the same as a {left} row ({percent(share)} of {right})",
                rows=leaked,
                examples=examples,
                actions=[_left_out(subject, np.unique(ordered[:, 0]), f"nearly the same as rows of {right}")],
                share=share,
            )
        )
    return tuple(found)

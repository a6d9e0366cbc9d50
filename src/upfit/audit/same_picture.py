"""Are two images one picture, cropped, recompressed or toned, or two pictures of like things?

Two pairs of trousers on the same floor agree in everything coarse. What they do not share is fine detail: so
one image is first laid over the other (Lucas and Kanade 1981, all pairs at once), and then their details are
compared, without what is coarse.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Floats = npt.NDArray[np.float32]

ROUNDS = ((2, 1.5, 10), (2, 0.8, 6), (1, 0.7, 4))
"""(Pixels taken as one, blur, steps): where a crop lies at half the size first, which costs a quarter."""
FINE = 2.0
"""Blur whose remainder is detail, in pixels of a square of 64."""
RIM = 4
"""Pixels at the rim that are not compared: a crop has cut them off."""
MOST_SHIFT = 0.25
"""Of the side, by which corners may move; more is no longer a crop but a guess gone astray."""
_BLOCK = 256


def likeness(images_NSS: npt.NDArray[np.uint8], pairs_P2: npt.NDArray[np.int64]) -> Floats:
    """(P,) correlation of the details of two images, one laid over the other: 1 for one picture.

    Args:
        images_NSS: (N, S, S) brightness; S is even.
        pairs_P2: (P, 2) places of images.

    >>> scene = gaussian_filter(np.random.default_rng(0).random((2, 80, 80)), (0, 2, 2))
    >>> scene = ((scene - 0.3) * 600).clip(0, 255).astype(np.uint8)
    >>> images = np.stack([scene[0, :64, :64], scene[0, 2:66, 1:65], scene[1, :64, :64]])
    >>> likeness(images, np.array([[0, 1], [0, 2]])) > 0.8
    array([ True, False])
    """
    if not len(pairs_P2):
        return np.empty(0, np.float32)
    found = [
        _likeness(*(images_NSS[block[:, side]].astype(np.float32) for side in (0, 1)))
        for block in np.array_split(pairs_P2, 1 + len(pairs_P2) // _BLOCK)
    ]
    return np.concatenate(found)


def _likeness(left: Floats, right: Floats) -> Floats:
    left, right = _standard(left), _standard(right)
    moves = _identity(len(left))
    for by, blur, steps in ROUNDS:
        one, other = (_blurred(_halved(image) if by == 2 else image, blur) for image in (left, right))
        moves = _aligned(one, other, moves, steps)
    # Where laying over went astray, the images as they are may still agree.
    kept = [_agreement(left, right, one) for one in (_identity(len(left)), _tame(moves))]
    return np.asarray(np.maximum(*kept), np.float32)


def _identity(count: int) -> Floats:
    """(P, 2, 3) affine maps of coordinates in -1 … 1 that change nothing."""
    return np.tile(np.eye(2, 3, dtype=np.float32), (count, 1, 1))


def _tame(moves: Floats) -> Floats:
    """Maps that moved a corner too far become the identity."""
    plain = _identity(len(moves))
    wild = np.abs(moves - plain).max((1, 2)) > 2 * MOST_SHIFT
    return np.where(wild[:, None, None], plain, moves)


def _standard(images: Floats) -> Floats:
    centred = images - images.mean((1, 2), keepdims=True)
    return np.asarray(centred / np.maximum(centred.std((1, 2), keepdims=True), 1e-3), np.float32)


def _halved(images: Floats) -> Floats:
    count, side, _ = images.shape
    return np.asarray(images.reshape(count, side // 2, 2, side // 2, 2).mean((2, 4)), np.float32)


def _blurred(images: Floats, blur: float) -> Floats:
    return np.asarray(gaussian_filter(images, (0, blur, blur)), np.float32)


def _grid(side: int) -> Floats:
    """(3, S²) rows x, y, 1 of every pixel, x and y from -1 to 1."""
    line = np.linspace(-1, 1, side, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side, np.float32)])


def _sampled(images: Floats, moves: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(P, S²) images seen through maps, bilinearly; and where that lies inside."""
    count, side, _ = images.shape
    x, y = np.moveaxis((moves @ _grid(side) + 1) * ((side - 1) / 2), 1, 0)
    inside = (x >= 0) & (x <= side - 1) & (y >= 0) & (y <= side - 1)
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    x0, y0 = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - x0, y - y0
    flat, place = images.reshape(count, -1), y0 * side + x0
    corner = [np.take_along_axis(flat, place + step, 1) for step in (0, 1, side, side + 1)]
    top = corner[0] * (1 - fx) + corner[1] * fx
    return np.asarray(top * (1 - fy) + (corner[2] * (1 - fx) + corner[3] * fx) * fy, np.float32), inside


def _aligned(left: Floats, right: Floats, moves: Floats, steps: int) -> Floats:
    """Gauss-Newton steps on the maps through which the right images look like the left ones."""
    side, grid = left.shape[1], _grid(left.shape[1])
    target = left.reshape(len(left), -1)
    slopes = np.gradient(right, 2 / (side - 1), axis=(2, 1))
    for _ in range(steps):
        seen, inside = _sampled(right, moves)
        slope = np.stack([_sampled(np.asarray(one), moves)[0] for one in slopes], 1)
        jacobian = (slope[:, :, None] * grid[None, None]).reshape(len(left), 6, -1) * inside[:, None]
        off = (target - seen) * inside
        normal = jacobian @ jacobian.swapaxes(1, 2)
        normal += np.eye(6, dtype=np.float32) * (1e-3 * np.trace(normal, axis1=1, axis2=2))[:, None, None]
        normal += np.eye(6, dtype=np.float32) * 1e-6
        step = np.linalg.solve(normal, jacobian @ off[:, :, None])
        moves = moves + np.clip(step.reshape(-1, 2, 3), -0.1, 0.1)
    return np.asarray(moves, np.float32)


def _agreement(left: Floats, right: Floats, moves: Floats) -> Floats:
    """(P,) correlation of details inside the rim."""
    side = left.shape[1]
    seen, inside = _sampled(right, moves)
    mask = inside.reshape(-1, side, side).copy()
    mask[:, :RIM], mask[:, -RIM:], mask[:, :, :RIM], mask[:, :, -RIM:] = False, False, False, False
    details = [(one - _blurred(one, FINE)) * mask for one in (left, seen.reshape(left.shape))]
    details = [
        one - one.sum((1, 2), keepdims=True) / np.maximum(mask.sum((1, 2)), 1)[:, None, None] * mask
        for one in details
    ]
    sizes = [np.sqrt((one**2).sum((1, 2))) for one in details]
    return np.asarray(
        (details[0] * details[1]).sum((1, 2)) / np.maximum(sizes[0] * sizes[1], 1e-6), np.float32
    )

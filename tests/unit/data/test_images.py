"""One picture in every mode that Pillow has must look the same."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from upfit.data.images import open_image, to_rgb
from upfit.errors import DataError


def cell(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return {"path": None, "bytes": buffer.getvalue()}


@pytest.fixture
def picture():
    """Left half red, right half blue, 40 by 20."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:, 2] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colour_modes(picture, mode):
    form = "TIFF" if mode == "CMYK" else "PNG"
    shown = open_image(cell(picture.convert(mode), form))
    assert shown.mode == "RGB"
    assert np.abs(np.asarray(shown, int) - np.asarray(picture, int)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = np.asarray(open_image(cell(picture, "JPEG", exif=exif.tobytes(), quality=95)), int)
    assert shown.shape[:2] == ((40, 20) if orientation > 4 else (20, 40))
    red_first = shown[2, 2, 0] > 128
    assert red_first == (orientation in (1, 4, 5, 6))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_damaged_exif_counts_as_none(picture):
    shown = open_image(
        cell(picture, "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01" * 30)
    )
    assert shown.size == (40, 20)


def test_sixteen_bits_are_scaled():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    shown = np.asarray(open_image(cell(Image.fromarray(ramp))), int)
    assert np.abs(shown[..., 0].ravel() - np.arange(256)).max() <= 1


def test_floats():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    assert (
        np.asarray(open_image(cell(Image.fromarray(ramp), "TIFF")))[..., 0].ravel() == np.arange(256)
    ).all()
    assert open_image(cell(Image.fromarray(ramp * np.float32(np.nan)), "TIFF")).getextrema()[0] == (0, 0)


def test_grey_and_bilevel():
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert (np.asarray(open_image(cell(grey))) == np.asarray(grey)[..., None]).all()
    assert open_image(cell(grey.convert("1"))).mode == "RGB"
    assert open_image(cell(grey.convert("LA"))).getpixel((5, 5)) == (85, 85, 85)


def test_transparency_is_white(picture):
    clear = picture.convert("RGBA")
    clear.putalpha(0)
    assert open_image(cell(clear)).getextrema() == ((255, 255),) * 3
    palette = picture.convert("P")
    index = palette.getpixel((0, 0))
    assert open_image(cell(palette, transparency=index)).getpixel((0, 0)) == (255, 255, 255)


def test_first_frame_of_an_animation(picture):
    other = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shown = open_image(cell(picture, "GIF", save_all=True, append_images=[other]))
    assert shown.getpixel((0, 0))[0] > 200


def test_large_jpegs_are_decoded_small():
    pixels = np.random.default_rng(0).integers(0, 256, (800, 1000, 3), dtype=np.uint8)
    large = cell(Image.fromarray(pixels), "JPEG")
    assert open_image(large).size == (1000, 800)
    small = open_image(large, shorter_side=200)
    assert small.size == (250, 200)
    assert min(open_image(large, shorter_side=900).size) == 800


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"path": None, "bytes": None}, "an image cell is empty"),
        ({"path": "/nowhere/a.png", "bytes": None}, "no such file"),
        ({"path": "https://example.org/a.png", "bytes": None}, "is an address"),
        ({"path": "/dev/zero", "bytes": None}, "is not a file"),
        ({"path": None, "bytes": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}, "not a picture"),
        ({"path": None, "bytes": b"<html>"}, "not a picture"),
    ],
)
def test_what_is_no_image(given, reason):
    with pytest.raises(DataError, match=reason):
        open_image(given)


def test_the_image_is_free_of_its_file(tmp_path, picture):
    picture.save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = open_image({"path": str(tmp_path / "a.png"), "bytes": None})
    (tmp_path / "a.png").unlink()
    assert shown.getpixel((0, 0)) == (255, 0, 0)


def test_rgb_is_copied(picture):
    assert to_rgb(picture) is not picture

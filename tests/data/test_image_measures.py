import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kbin.data.image_measures import FACTS, MINIATURE, ROW_BYTES, ImageMeasures, measure, unpacked
from kbin.data.image_sources import ArrayImages, FileImages


def _noise(height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _measured(path: Path) -> ImageMeasures:
    return unpacked(measure(FileImages([path]), [0]))


def _of_array(pixels: np.ndarray) -> ImageMeasures:
    return unpacked(measure(ArrayImages(pixels[None], "array"), [0]))


def _saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_a_row_has_the_size_it_says_and_its_parts_come_back(tmp_path):
    path = _saved(Image.fromarray(_noise()), tmp_path / "a.png")

    rows = measure(FileImages([path, path]), [0, 1])
    measures = unpacked(rows)

    assert rows.shape == (2, ROW_BYTES)
    assert set(measures.facts) == {*FACTS, "maker"}
    assert measures.miniatures.shape == (2, MINIATURE, MINIATURE, 3)
    assert (measures.facts["width"][0], measures.facts["height"][0]) == (32, 24)
    assert measures.facts["bytes"][0] == path.stat().st_size
    assert measures.pixel_hashes[0] == measures.pixel_hashes[1]


@pytest.mark.parametrize("quality", [*range(1, 101, 9), 2, 5, 49, 50, 51, 75, 95, 99])
def test_the_jpeg_quality_is_the_one_that_was_saved_with(tmp_path, quality):
    path = _saved(Image.fromarray(_noise()), tmp_path / "a.jpg", quality=quality)

    assert _measured(path).facts["jpeg_quality"][0] == quality


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_has_its_name_and_a_number_for_every_fact_of_its_pixels(tmp_path, mode):
    grey = Image.fromarray(_noise()[..., 0])
    if mode == "I;16":
        image = Image.fromarray(_noise()[..., 0].astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(_noise()[..., 0].astype(np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(_noise()[..., 0].astype(np.float32))
    else:
        image = grey.convert("RGB").convert(mode)
    path = _saved(image, tmp_path / ("a.png" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "a.tif"))

    facts = _measured(path).facts

    assert facts["mode"][0] == mode
    unknown = {name for name in FACTS if name not in ("format", "mode") and np.isnan(facts[name][0])}
    assert unknown == {"jpeg_quality"}
    # The noise is uniform over 0 to 255, whatever it is stored in.
    assert facts["brightness"][0] == pytest.approx(127.5, abs=10)


def test_brightness_contrast_and_colours_are_those_of_two_flat_halves():
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[:, :5] = (200, 100, 50)

    facts = _of_array(pixels).facts

    # The luminance of ITU-R 601: .299 * 200 + .587 * 100 + .114 * 50 = 124.2, which Pillow rounds; the rest is 0.
    assert facts["brightness"][0] == pytest.approx(62, abs=0.5)
    assert facts["contrast"][0] == pytest.approx(62, abs=0.5)
    assert [facts[name][0] for name in ("red", "green", "blue")] == [100, 50, 25]
    assert facts["saturation"][0] == 75
    assert facts["black_pixels"][0] == 0.5


def test_borders_are_counted_where_whole_rows_and_columns_are_black_or_white():
    pixels = np.full((10, 20, 3), 120, np.uint8)
    pixels[:2], pixels[:, -5:] = 0, 0  # 8 of 10 rows and 15 of 20 columns remain: .8 * .75 = .6
    assert _of_array(pixels).facts["black_border"][0] == pytest.approx(0.4)
    assert _of_array(255 - pixels).facts["white_border"][0] == pytest.approx(0.4)
    assert _of_array(pixels).facts["white_border"][0] == 0
    assert _of_array(np.zeros_like(pixels)).facts["black_border"][0] == 1
    inside = np.full((10, 20, 3), 120, np.uint8)
    inside[4:6, 5:9] = 0
    assert _of_array(inside).facts["black_border"][0] == 0


def test_the_noise_is_the_deviation_that_was_added_and_a_ramp_has_none():
    rng = np.random.default_rng(1)
    ramp = np.repeat(np.linspace(60, 180, 300)[None, :, None], 300, axis=0).repeat(3, axis=2)

    noisy = np.clip(ramp + rng.normal(0, 6, (300, 300, 1)), 0, 255).astype(np.uint8)

    assert _of_array(noisy).facts["noise"][0] == pytest.approx(6, rel=0.05)
    assert _of_array(ramp.astype(np.uint8)).facts["noise"][0] < 0.5


def test_a_blurred_image_is_less_sharp():
    pixels = _noise(60, 60)
    blurred = np.asarray(Image.fromarray(pixels).resize((15, 15), Image.Resampling.BOX).resize((60, 60)))

    assert _of_array(blurred).facts["sharpness"][0] < 0.2 * _of_array(pixels).facts["sharpness"][0]


def test_the_sharpness_of_one_bright_pixel_is_worked_out_by_hand():
    pixels = np.zeros((5, 5, 3), np.uint8)
    pixels[2, 2] = 100
    # The Laplacian inside is -400 once, 100 four times and 0 four times: mean 0, mean square (400^2 + 4 * 100^2) / 9.
    assert _of_array(pixels).facts["sharpness"][0] == pytest.approx(np.sqrt((400**2 + 4 * 100**2) / 9), rel=1e-5)


def test_an_image_of_one_pixel_has_no_sharpness_and_no_noise():
    facts = _of_array(np.full((1, 1, 3), 90, np.uint8)).facts

    assert np.isnan(facts["sharpness"][0])
    assert np.isnan(facts["noise"][0])
    assert facts["brightness"][0] == 90


def test_an_array_has_no_file():
    facts = _of_array(_noise()).facts

    assert (facts["format"][0], facts["mode"][0], facts["maker"][0]) == ("array", "array", "")
    assert np.isnan([facts["bytes"][0], facts["jpeg_quality"][0]]).all()


@pytest.mark.parametrize(
    ("tags", "maker"),
    [
        ({271: "Canon", 305: "GIMP 2.10"}, "Canon"),
        ({305: "GIMP 2.10"}, "GIMP 2.10"),
        ({271: "\x07 A\x1b[31m\nFirma " + "x" * 60}, ("A [31m Firma " + "x" * 60)[:24]),
        ({}, ""),
    ],
)
def test_the_maker_is_plain_letters_of_the_exif(tmp_path, tags, maker):
    exif = Image.Exif()
    exif.update(tags)
    path = _saved(Image.fromarray(_noise()), tmp_path / "a.jpg", exif=exif)

    assert _measured(path).facts["maker"][0] == maker


def test_a_damaged_exif_names_no_maker(tmp_path):
    plain = io.BytesIO()
    Image.fromarray(_noise()).save(plain, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff broken")
    path = tmp_path / "a.jpg"
    path.write_bytes(plain.getvalue())

    assert _measured(path).facts["maker"][0] == ""


def test_the_pixel_hash_sees_pixels_and_size_but_not_the_file(tmp_path):
    image = Image.fromarray(_noise())
    png, bmp = _saved(image, tmp_path / "a.png"), _saved(image, tmp_path / "a.bmp")
    turned = _saved(Image.fromarray(_noise().reshape(32, 24, 3)), tmp_path / "b.png")

    hashes = unpacked(measure(FileImages([png, bmp, turned]), [0, 1, 2])).pixel_hashes

    assert hashes[0] == hashes[1] != hashes[2]

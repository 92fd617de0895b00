import io
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kbin.data.image_sources import ArrayImages, FileImages
from kbin.data.images import decode, decode_batch
from kbin.errors import DataError


def colour(image, size=4):
    """The one colour of a plain image after decoding."""
    pixels = decode(image, size).reshape(-1, 3)
    assert (pixels == pixels[0]).all()
    return pixels[0].tolist()


def reopened(image, file_format, **options):
    """The image after it was saved, as Pillow opens it."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return Image.open(file)


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [
        ("1", 1, [255] * 3),
        ("L", 77, [77] * 3),
        ("RGB", (10, 20, 30), [10, 20, 30]),
        # Half transparent, on white: (10 * 128 + 255 * 127) / 255 = 132.02, and so on.
        ("RGBA", (10, 20, 30, 128), [132, 137, 142]),
        ("LA", (10, 128), [132] * 3),
        ("RGBA", (10, 20, 30, 0), [255] * 3),
        # Premultiplied: 64 of alpha 128 is 127.5; the same on white is 64 + 127 = 191.
        ("RGBa", (64, 64, 64, 128), [191] * 3),
        ("La", (64, 128), [191] * 3),
        ("RGBX", (10, 20, 30, 0), [10, 20, 30]),
        # Without black: 255 - cyan, 255 - magenta, 255 - yellow.
        ("CMYK", (255, 55, 0, 0), [0, 200, 255]),
        ("YCbCr", (77, 128, 128), [77] * 3),
        ("HSV", (0, 255, 200), [200, 0, 0]),
        ("LAB", (255, 128, 128), [255] * 3),
        # By full range: 257 is one step of 255, and 128 is nearer to 0 than 129, half of it rounded up.
        ("I;16", 65535, [255] * 3),
        ("I;16", 257 * 100, [100] * 3),
        ("I;16", 128, [0] * 3),
        ("I;16", 129, [1] * 3),
        ("I;16B", 257 * 100, [100] * 3),
        ("I", 257 * 100, [100] * 3),
        ("I", 70000, [255] * 3),
        ("I", -5, [0] * 3),
        ("F", 0.4, [102] * 3),
        ("F", 102.0, [102] * 3),
    ],
)
def test_every_mode_becomes_rgb(mode, value, rgb):
    found = colour(Image.new(mode, (4, 4), value))
    assert np.abs(np.subtract(found, rgb)).max() <= 1 if mode in ("La", "RGBa", "LAB") else found == rgb


def test_palettes_are_looked_up_and_their_transparency_is_white():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 10, 20, 30])
    assert colour(image) == [10, 20, 30]
    assert colour(reopened(image, "PNG", transparency=1)) == [255] * 3
    assert colour(reopened(image, "PNG", transparency=0)) == [10, 20, 30]
    assert colour(reopened(image, "PNG", transparency=bytes([255, 128]))) == [132, 137, 142]


@pytest.mark.parametrize(("mode", "value"), [("L", 10), ("RGB", (10, 20, 30)), ("I;16", 2570)])
def test_a_colour_that_a_png_declares_transparent_is_white(mode, value):
    image = reopened(Image.new(mode, (4, 4), value), "PNG", transparency=value)
    assert colour(image) == [255] * 3


def test_a_16_bit_png_is_read_by_its_full_range():
    values = np.array([[0, 257], [25700, 65535]], np.uint16)
    image = reopened(Image.fromarray(values), "PNG")
    assert decode(image, 2)[:, :, 0].tolist() == [[0, 1], [100, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation):
    upright = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20)
    # What a camera stores so that the orientation turns it back.
    stored = {
        1: lambda pixels: pixels,
        2: np.fliplr,
        3: lambda pixels: np.rot90(pixels, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda pixels: np.rot90(pixels.T, 2),
        8: lambda pixels: np.rot90(pixels, -1),
    }[orientation](np.asarray(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = reopened(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    assert np.array_equal(decode(image, 4), decode(upright, 4))


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), name) for name in ("red", "lime")]
    image = reopened(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert image.n_frames == 2
    assert colour(image) == [255, 0, 0]


@pytest.mark.parametrize(
    ("array", "rgb"),
    [
        (np.full((4, 4), 9, np.uint8), [9] * 3),
        (np.full((4, 4, 1), 9, np.uint8), [9] * 3),
        (np.full((4, 4, 3), 9, np.uint8), [9] * 3),
        (np.full((4, 4, 4), 128, np.uint8), [191] * 3),  # 128 at alpha 128 on white: 64.25 + 127
        (np.full((4, 4, 3), 25700, np.uint16), [100] * 3),
        (np.full((4, 4), 0.4, np.float32), [102] * 3),
        (np.full((4, 4, 3), 102.0), [102] * 3),
    ],
)
def test_arrays_of_every_kind_become_rgb(array, rgb):
    assert colour(array) == rgb


@pytest.mark.parametrize("value", [-0.1, 256.0, np.nan])
def test_floats_outside_their_range_are_refused(value):
    with pytest.raises(DataError, match="allowed: 0 to 1, or 0 to 255"):
        decode(Image.new("F", (4, 4), value), 4)


def striped():
    """A white image 8 wide and 4 high, whose outer quarters are black."""
    pixels = np.full((4, 8), 255, np.uint8)
    pixels[:, :2] = pixels[:, 6:] = 0
    return Image.fromarray(pixels)


def test_stretch_shows_all_of_the_image():
    pixels = decode(striped(), 4, "stretch")[:, :, 0]
    # Weights of the columns, by their distance from the centre of the new one: .25 .75 .75 .25. At the border the first
    # is missing: .25 / 1.75 of 255 is 36 there, and inside 1.75 / 2 of 255 is 223.
    assert pixels.tolist() == [[36, 223, 223, 36]] * 4


def test_crop_takes_the_middle_square():
    assert (decode(striped(), 4, "crop") == 255).all()


def test_pad_centres_the_whole_image_on_black():
    pixels = decode(striped().point(lambda _: 255), 4, "pad")[:, :, 0]
    assert pixels.tolist() == [[0] * 4, [255] * 4, [255] * 4, [0] * 4]


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_an_image_of_the_right_size_is_not_touched(resize):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    assert np.array_equal(decode(pixels, 6, resize), pixels)


def test_shrinking_does_not_alias():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    assert np.abs(decode(checks.astype(np.uint8), 8).astype(int) - 127.5).max() < 3


def test_an_unknown_rule_is_refused_with_the_nearest():
    message = r"data\.resize: unknown rule 'strech'\. Did you mean 'stretch'"
    with pytest.raises(DataError, match=message):
        decode(striped(), 4, "strech")
    with pytest.raises(DataError, match=message):
        decode_batch(ArrayImages(np.zeros((1, 4, 4), np.uint8), "a"), np.array([0]), 4, "strech")


def test_a_batch_is_in_the_order_of_its_indices(tmp_path, write_image):
    images = FileImages([write_image(tmp_path / f"{value}.png", value) for value in range(20)])
    indices = np.array([17, 3, 3, 11])
    batch = decode_batch(images, indices, 4)
    assert batch.shape == (4, 4, 4, 3)
    assert batch.dtype == np.uint8
    assert batch[:, 0, 0, 0].tolist() == indices.tolist()
    with ThreadPoolExecutor(2) as threads:
        assert np.array_equal(decode_batch(images, indices, 4, executor=threads), batch)


def test_an_empty_batch_is_empty(tmp_path):
    assert decode_batch(FileImages([]), np.array([], dtype=np.int64), 4).shape == (0, 4, 4, 3)


def test_unreadable_images_are_named_with_the_reason(tmp_path, write_image):
    good = write_image(tmp_path / "good.png", 1)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "short.png").write_bytes(good.read_bytes()[:50])
    files = [good, *(tmp_path / name for name in ("text.png", "short.png", "gone.png"))]
    with pytest.raises(DataError) as caught:
        decode_batch(FileImages(files), np.arange(4), 4)
    message = str(caught.value)
    assert message.startswith("3 images cannot be read: ")
    assert f"{files[1]} (not an image that kbin can read)" in message
    assert f"{files[2]} (" in message
    assert f"{files[3]} (no such file)" in message
    assert str(good) not in message


def test_only_five_unreadable_images_are_named(tmp_path):
    files = [tmp_path / f"{index}.png" for index in range(8)]
    with pytest.raises(DataError, match=r"8 images cannot be read: .*4\.png \(no such file\) and 3 more\. Replace"):
        decode_batch(FileImages(files), np.arange(8), 4)


def test_a_large_image_below_the_limit_is_read_without_a_warning(tmp_path, write_image, monkeypatch):
    file = write_image(tmp_path / "large.png", 7)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # Pillow warns above 40 and refuses above 80
    assert (decode_batch(FileImages([file]), np.array([0]), 4) == 7).all()


def test_the_warning_filters_are_put_back_after_decoding(tmp_path, write_image):
    before = list(warnings.filters)
    decode_batch(FileImages([write_image(tmp_path / "a.png", 7)] * 30), np.arange(30), 4)
    assert list(warnings.filters) == before

"""Bytes of images are flipped at random: there are pixels or there is a KbinError that names the file, nothing else."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbin.data.image_sources import FileImages
from kbin.data.images import decode_batch
from kbin.errors import BadImagesError, KbinError
from tests.data.bad_images import noise, odd_images

_ODD = odd_images()
CONTENTS = {
    "jpg": noise("JPEG", 24, quality=90),
    "png": noise("PNG", 24),
    "tif": noise("TIFF", 24),
    "lzw.tif": noise("TIFF", 24, compression="tiff_lzw"),
    "gif": noise("GIF", 24),
    "webp": noise("WEBP", 24, lossless=True),
    "lossy.webp": noise("WEBP", 24, quality=80),
    **{name: _ODD[name].content for name in ("plain.jp2", "plain.avif", "plain.bmp", "plain.tga", "plain.dds")},
    **{name: _ODD[name].content for name in ("plain.pcx", "plain.sgi", "plain.qoi", "plain.ppm", "orientation-8.jpg")},
}


@st.composite
def damaged(draw):
    """A format with a file of its own in which some bytes are others, or are missing at the end."""
    kind = draw(st.sampled_from(sorted(CONTENTS)))
    content = bytearray(CONTENTS[kind])
    # Headers decide more than pixels do, so that half of the changes go there.
    places = st.one_of(st.integers(0, min(99, len(content) - 1)), st.integers(0, len(content) - 1))
    for place, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        content[place] = value
    return kind, bytes(content[: draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))])


def _check(kind: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"damaged.{kind}")
        file.write_bytes(content)
        # 4 megapixels: sizes in headers are damaged too, and each case should take milliseconds.
        images = FileImages([file]).limited(4_000_000)
        pixels, message = np.zeros((1, 16, 16, 3), np.uint8), f"damaged.{kind} ("
        try:
            pixels = decode_batch(images, np.array([0]), 16, "pad")
        except BadImagesError as error:
            message = str(error)
        assert pixels.shape == (1, 16, 16, 3)
        assert pixels.dtype == np.uint8
        assert f"damaged.{kind} (" in message
        assert len(images.content_hash(0)) == 32


@given(case=damaged())
@settings(max_examples=200, deadline=10_000, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_gives_pixels_or_its_name(case):
    _check(*case)


@pytest.mark.slow
@given(case=damaged())
@settings(max_examples=10_000, deadline=10_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
def test_ten_thousand_damaged_files_give_pixels_or_their_names(case):
    _check(*case)


@given(content=st.binary(max_size=300), kind=st.sampled_from(sorted(CONTENTS)))
@settings(max_examples=100, deadline=10_000)
def test_any_bytes_under_an_images_name_give_pixels_or_its_name(content, kind):
    try:
        _check(kind, content)
    except KbinError as error:
        pytest.fail(str(error))

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from kbin.audit.polar_images import alignments, descriptors, spread_of_detail

SIDE = 48


def textures(number: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(number, SIDE, SIDE, 3))
    smooth = gaussian_filter(noise, (0, 2, 2, 0))
    return (128 + 40 * smooth / smooth.std(axis=(1, 2, 3), keepdims=True)).clip(0, 255).astype(np.uint8)


def test_a_quarter_turn_and_a_mirror_leave_the_descriptor_as_it_is():
    images = textures(5)
    expected = descriptors(images)
    for changed in (np.rot90(images, axes=(1, 2)), images[:, :, ::-1], images[:, ::-1]):
        np.testing.assert_allclose(descriptors(changed), expected, atol=1e-5)


def test_brightness_and_contrast_leave_the_descriptor_as_it_is():
    images = textures(5)
    darker = np.rint(images * 0.5 + 10).astype(np.uint8)
    np.testing.assert_allclose(descriptors(darker), descriptors(images), atol=0.01)


def test_a_turn_is_found_with_its_degrees():
    images = textures(6)
    degrees = [0, 45, 90, 135, 180, 270]
    turned = np.stack(
        [
            np.asarray(Image.fromarray(one).rotate(by, Image.Resampling.BICUBIC))
            for one, by in zip(images, degrees, strict=True)
        ]
    )
    found = alignments(images, turned)
    assert found.degrees.tolist() == [0, 45, 90, 135, 180, 90]  # to the nearer side
    assert found.is_upright.tolist() == [True, False, True, False, True, True]
    assert not found.is_mirrored.any()
    assert (found.correlations[0] > 0.97).all()


def test_a_mirror_image_is_told_from_a_turned_one():
    images = textures(4)
    found = alignments(images, images[:, :, ::-1])
    assert found.is_mirrored.all()
    np.testing.assert_allclose(found.correlations, 1, atol=1e-5)


def test_different_textures_hardly_correlate_in_detail():
    found = alignments(textures(50), textures(50, seed=1))
    assert found.correlations[2].max() < 0.5


def test_a_dot_before_a_plain_ground_has_its_detail_in_few_places():
    dot = np.full((1, SIDE, SIDE, 3), 200, np.uint8)
    dot[:, 20:23, 28:31] = 30
    assert spread_of_detail(dot)[0] < 80 < 150 < spread_of_detail(textures(1))[0]


def test_nothing_is_compared_with_nothing():
    nothing = np.zeros((0, SIDE, SIDE, 3), np.uint8)
    assert alignments(nothing, nothing).correlations.shape == (4, 0)
    assert descriptors(nothing).shape == (0, 96)

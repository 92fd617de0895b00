import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import affine_transform, gaussian_filter

from kbin.audit.copy_alignment import agreement
from kbin.audit.copy_candidates import Candidates, candidates
from kbin.audit.copy_pairs import find_near_copies
from kbin.audit.ring_harmonics import harmonics, invariants, is_flat
from tests.audit.audited import SIDE
from tests.audit.pictures import CHANGES, pictures, small


def found_among(images: np.ndarray) -> set[tuple[int, int]]:
    pairs = find_near_copies(images)
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change):
    originals = pictures(60)
    found = found_among(small([*originals, *(CHANGES[change](one) for one in originals[:20])]))
    planted = {(place, 60 + place) for place in range(20)}
    assert len(found & planted) >= 19
    assert not found - planted


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_with_every_seed(change, seed):
    originals = pictures(100, 1_000 + seed)
    found = found_among(small([*originals, *(CHANGES[change](one) for one in originals[:40])]))
    planted = {(place, 100 + place) for place in range(40)}
    assert len(found & planted) >= 38
    assert not found - planted


@pytest.mark.parametrize("seed", range(20))
def test_different_pictures_are_no_copies(seed):
    assert not found_among(small(pictures(60, 100 + seed)))


def silhouette(rng: np.random.Generator, sky: int, turn: float) -> Image.Image:
    """The same lopsided arrow, turned and enlarged, before a plain sky."""
    picture = Image.new("RGB", (256, 256), (sky, sky, sky + 20))
    arrow = np.array([(-60, 40), (0, -50), (45, 40), (0, 15)]) * rng.uniform(0.8, 1.3)
    ImageDraw.Draw(picture).polygon([(128 + x, 128 + y) for x, y in arrow.tolist()], fill=(30, 30, 35))
    return picture.rotate(turn, Image.Resampling.BICUBIC, fillcolor=(sky, sky, sky + 20))


@pytest.mark.parametrize("seed", range(10))
def test_one_silhouette_in_other_poses_before_other_skies_is_many_pictures(seed):
    rng = np.random.default_rng(seed)
    # At least 13 and at most 72 degrees apart: in the same pose it would be a darker copy.
    some = [silhouette(rng, 80 + 30 * place, 17 * place + rng.uniform(0, 4)) for place in range(5)]
    assert not found_among(small(some))


def test_what_was_done_is_named():
    originals = pictures(30)
    copies = [CHANGES["mirrored"](originals[0]), originals[1].rotate(45, Image.Resampling.BICUBIC)]
    pairs = find_near_copies(small([*originals, *copies, CHANGES["brighter"](originals[2])]))
    assert pairs.changes.tolist() == ["mirrored", "turned by about 45°", ""]


def test_flat_images_take_no_part():
    flat = np.full((30, SIDE, SIDE, 3), 128, np.uint8)
    flat += np.random.default_rng(0).integers(0, 2, flat.shape, np.uint8)
    pairs = find_near_copies(np.concatenate([flat, small(pictures(30))]))
    assert not len(pairs.first)
    assert pairs.num_flat == 30


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_few_images_are_no_fault(number):
    images = small(pictures(number)) if number else np.zeros((0, SIDE, SIDE, 3), np.uint8)
    assert not found_among(images)


def test_two_images_can_be_copies():
    (one,) = pictures(1)
    assert found_among(small([one, CHANGES["mirrored"](one)])) == {(0, 1)}


def test_neighbours_in_features_are_candidates_too():
    images, rng = small(pictures(80)), np.random.default_rng(0)
    features = rng.normal(size=(80, 6))
    features[40:] = features[:40]  # image 40 + i is the nearest to image i
    pairs = candidates(images, features)
    listed = {(min(one, other), max(one, other)) for one, other in zip(pairs.wide, pairs.narrow, strict=True)}
    assert {(place, 40 + place) for place in range(40)} <= listed


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turn_and_a_reflection_leave_the_invariants_alone(quarters):
    images = small(pictures(4))
    turned = np.rot90(images, quarters, axes=(1, 2))
    expected = invariants(harmonics(images, 0))
    for other in (turned, turned[:, :, ::-1]):
        np.testing.assert_allclose(invariants(harmonics(other, 0)), expected, atol=2e-3)
    assert np.abs(expected[0] - expected[1]).max() > 0.1


def test_an_image_of_one_colour_is_flat_and_one_of_two_is_not():
    images = np.full((2, SIDE, SIDE, 3), 90, np.uint8)
    images[1, :, SIDE // 2 :] = 110  # a standard deviation of 10
    assert is_flat(images).tolist() == [True, False]


def test_an_affine_map_is_found_again():
    (picture,) = small(pictures(1))
    wide = picture.astype(float)
    matrix = np.array([[0.93, 0.06], [-0.03, 0.97]])
    shift = np.array([0.8, -1.1])
    centre = (SIDE - 1) / 2
    offset = centre + shift - matrix @ np.array([centre, centre])
    narrow = np.stack([affine_transform(wide[..., c], matrix, offset, order=1) for c in range(3)], axis=2)
    one = np.array([0.0])
    start = Candidates(np.array([0]), np.array([1]), one + 1, one, one > 0, one + 1)
    _, agreed = agreement(np.stack([wide, narrow]).round().astype(np.uint8), start)
    np.testing.assert_allclose(agreed.matrices[0, :, :2], matrix, atol=0.005)
    np.testing.assert_allclose(agreed.matrices[0, :, 2], shift, atol=0.1)
    assert agreed.detail[0] > 0.98


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_one_kind_agree_in_all_their_edges_and_are_no_copies(seed):
    rng = np.random.default_rng(seed)
    part = np.full((48, 48), 150.0)
    part[[8, 9, 23, 24, 38, 39], 4:44] = 60
    part[20:28, 20:28] = 230
    own = gaussian_filter(rng.normal(size=(60, 48, 48)), (0, 1, 1)) * 14
    images = np.clip(part + own, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=3)
    copy = np.clip(images[7].astype(np.float64) * 1.1 + 4, 0, 255).astype(np.uint8)

    assert found_among(np.concatenate([images, copy[None]])) == {(7, 60)}

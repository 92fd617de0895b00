"""Copies are planted among images that are random shapes before a plain ground, or random textures."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from kbin.audit.copy_pairs import find_near_copies
from kbin.audit.near_copies import CHECK, near_copies
from tests.audit.audited import SIDE, audit_inputs, audited_set
from tests.audit.pictures import pictures


def small(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


CHANGES = {
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda one: one.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "a quarter": lambda one: one.transpose(Image.Transpose.ROTATE_90),
    "smaller": lambda one: one.resize((40, 40), Image.Resampling.BICUBIC),
    "larger": lambda one: one.resize((100, 100), Image.Resampling.BICUBIC),
    "brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.2),
    "less contrast": lambda one: ImageEnhance.Contrast(one).enhance(0.7),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))])
def test_a_changed_copy_is_found_and_nothing_else(change, seed):
    originals = pictures(60, seed)
    copies = [CHANGES[change](one) for one in originals[:20]]
    pairs = find_near_copies(np.stack([small(one) for one in (*originals, *copies)]))
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    planted = {(place, 60 + place) for place in range(20)}
    assert len(found & planted) >= 19
    assert not found - planted


def test_most_copies_turned_by_some_degrees_are_found():
    originals = pictures(60)
    copies = [one.rotate(17, Image.Resampling.BICUBIC) for one in originals[:20]]  # with black corners
    pairs = find_near_copies(np.stack([small(one) for one in (*originals, *copies)]))
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    planted = {(place, 60 + place) for place in range(20)}
    assert len(found & planted) >= 14
    assert not found - planted


@pytest.mark.parametrize("seed", range(20))
def test_different_pictures_are_no_copies(seed):
    pairs = find_near_copies(np.stack([small(one) for one in pictures(80, 100 + seed)]))
    assert not len(pairs.first)


def test_a_mirrored_copy_is_called_so_and_a_turned_one_by_its_degrees():
    originals = pictures(40)
    copies = [CHANGES["mirrored"](originals[0]), originals[1].rotate(45, Image.Resampling.BICUBIC)]
    pairs = find_near_copies(np.stack([small(one) for one in (*originals, *copies)]))
    changes = dict(zip(pairs.first.tolist(), pairs.changes.tolist(), strict=True))
    assert changes[0] == "mirrored"
    assert changes[1] == "turned by about 45°"


def test_flat_images_are_not_all_copies_of_each_other():
    flat = np.full((30, SIDE, SIDE, 3), 128, np.uint8)
    flat += np.random.default_rng(0).integers(0, 2, flat.shape, np.uint8)
    pairs = find_near_copies(np.concatenate([flat, [small(one) for one in pictures(30)]]))
    assert not len(pairs.first)
    assert pairs.num_flat == 30


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_few_images_are_no_fault(number):
    found = find_near_copies(
        np.zeros((0, SIDE, SIDE, 3), np.uint8) if not number else np.stack([small(one) for one in pictures(number)])
    )
    assert not len(found.first)


def test_two_images_can_be_copies():
    (one,) = pictures(1)
    pairs = find_near_copies(np.stack([small(one), small(CHANGES["mirrored"](one))]))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [1])


class TestCheck:
    @pytest.fixture
    def originals(self):
        return pictures(60, 7)

    def inputs(self, train, test, train_labels=None, test_labels=None):
        sets = [
            audited_set(
                name,
                np.zeros(len(some), int) if labels is None else labels,
                miniatures=np.stack([small(one) for one in some]),
            )
            for name, some, labels in (("train", train, train_labels), ("test", test, test_labels))
        ]
        return audit_inputs(*sets)

    def test_copies_across_the_border_are_severe_and_counted_by_set(self, originals):
        test = [*originals[40:], *(CHANGES["mirrored"](one) for one in originals[:5])]
        ended = near_copies(self.inputs(originals[:40], test))
        assert (ended.outcome, ended.severity) == ("found", "high")
        assert ended.summary == "5 of the 25 images of test are a changed copy of a training image."
        assert ended.values["in_train"] == {"test": 0.2}
        assert ended.strength == 0.2
        groups = ended.groups
        assert groups["train"][:5].tolist() == groups["test"][20:].tolist()
        assert len(set(np.concatenate(list(groups.values())).tolist())) == 60

    def test_copies_within_one_set_of_one_label_are_good_to_know(self, originals):
        train = [*originals[:40], CHANGES["brighter"](originals[3])]
        ended = near_copies(self.inputs(train, originals[40:]))
        assert (ended.outcome, ended.severity) == ("found", "low")
        assert ended.summary == (
            "2 of 61 images are changed copies of each other, none of them across the training set's border."
        )

    def test_copies_of_different_labels_are_severe_wherever_they_are(self, originals):
        train = [*originals[:40], CHANGES["brighter"](originals[3])]
        ended = near_copies(self.inputs(train, originals[40:], train_labels=np.r_[np.zeros(40, int), 1]))
        assert ended.severity == "high"
        assert "1 pair of copies have different labels" in ended.summary
        assert ended.strips[0].images[0].caption == "train, cat"

    def test_exact_copies_are_grouped_and_not_told_again(self, originals):
        inputs = self.inputs(originals[:40], [*originals[40:], originals[0]])
        hashes = inputs.sets["test"].pixel_hashes
        hashes[20] = inputs.sets["train"].pixel_hashes[0]
        ended = near_copies(inputs)
        assert ended.outcome == "clean"
        assert ended.groups["test"][20] == ended.groups["train"][0]

    def test_it_is_made_on_every_image_once(self):
        assert CHECK.each_image_once

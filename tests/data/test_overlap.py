import pytest

from kbin.data.overlap import check_overlap, find_overlap
from kbin.errors import DataError


def test_overlap_is_every_training_image_with_its_first_copy(make_dataset):
    train = make_dataset([0, 0, 1, 1], contents=[7, 8, 7, 9])
    other = make_dataset([0, 1, 1], contents=[5, 7, 7])
    assert find_overlap(train, other) == [(0, 1), (2, 1)]


def test_sets_without_common_images_pass_unchanged(make_dataset):
    sets = {"train": make_dataset([0, 1]), "test": make_dataset([0, 1], contents=[8, 9])}
    checked, dropped = check_overlap(sets)
    assert checked["train"] is sets["train"]
    assert dropped == {}


def test_common_images_are_refused_with_pairs_and_remedy(make_dataset):
    sets = {
        "train": make_dataset([0] * 7, name="train"),
        "test": make_dataset([0] * 7, name="test"),
        "centre-b": make_dataset([1], contents=[3], name="b"),
    }
    message = (
        r"7 training images are also in test, by content: train#0 = test#0.*train#4 = test#4 and 2 more\. "
        r"1 training image is also in centre-b, by content: train#3 = b#0\. .*`data\.overlap: drop`"
    )
    with pytest.raises(DataError, match=message):
        check_overlap(sets, "refuse")


def test_dropping_takes_the_images_out_of_training_and_counts_them_by_set(make_dataset):
    sets = {
        "train": make_dataset([0, 1, 0, 1], name="train"),
        "validation": make_dataset([1, 1], contents=[1, 20], name="validation"),
        "test": make_dataset([1, 0], contents=[1, 2], name="test"),
    }
    checked, dropped = check_overlap(sets, "drop")
    assert checked["train"].paths.tolist() == ["train#0", "train#3"]
    assert (len(checked["validation"]), len(checked["test"])) == (2, 2)
    assert dropped == {"validation": 1, "test": 2}


def test_other_sets_may_share_images(make_dataset):
    same = make_dataset([0, 1], contents=[8, 9])
    assert check_overlap({"train": make_dataset([0, 1]), "validation": same, "test": same})[1] == {}

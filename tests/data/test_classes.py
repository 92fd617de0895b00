import pytest

from kbin.data.classes import choose_classes, label_indices, order_by_positive, with_classes
from kbin.errors import DataError


def test_without_a_choice_the_classes_are_those_found_in_alphabetical_order():
    assert choose_classes({"dog", "cat"}, None, "here") == ("cat", "dog")


def test_one_class_only_is_refused():
    with pytest.raises(DataError, match=r"here: one class only, 'cat'. At least two"):
        choose_classes({"cat"}, None, "here")


def test_an_unknown_label_is_named_with_its_place_and_the_nearest_class():
    with pytest.raises(DataError, match=r"line 2: unknown label 'dogg'. Did you mean 'dog'"):
        label_indices(["cat", "dogg"], ["cat", "dog"], "a.csv", lambda index: f"line {index + 1}")


def test_more_than_five_unknown_labels_are_counted():
    with pytest.raises(DataError, match="and 2 more"):
        label_indices(["x"] * 7, ["cat", "dog"], "a.csv", str)


def test_only_unknown_labels_that_are_shown_are_compared_with_the_classes(monkeypatch):
    compared = []
    monkeypatch.setattr("kbin.data.classes.unknown_name", lambda kind, name, known: compared.append(name) or name)
    labels = [f"x{index}" for index in range(3000)]
    with pytest.raises(DataError, match="0: x0 1: x1 2: x2 3: x3 4: x4 and 2995 more"):
        label_indices(labels, ["cat", "dog"], "a.csv", str)
    assert compared == ["x0", "x1", "x2", "x3", "x4"]


@pytest.mark.parametrize("written", [("cat", "dog"), ("dog", "cat")])
def test_the_positive_class_has_label_1_however_the_classes_are_written(written):
    assert order_by_positive(written, "cat") == ("dog", "cat")


def test_two_classes_need_a_positive_one():
    with pytest.raises(DataError, match=r"two classes, cat and dog: name the positive one in data\.positive"):
        order_by_positive(("cat", "dog"), None)


def test_a_positive_class_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"data\.positive: unknown class 'dogs'. Did you mean 'dog'"):
        order_by_positive(("cat", "dog"), "dogs")


def test_more_than_two_classes_have_no_positive_one():
    assert order_by_positive(("a", "b", "c"), None) == ("a", "b", "c")
    with pytest.raises(DataError, match=r"there are 3 classes: a, b, c.*leave data.positive out"):
        order_by_positive(("a", "b", "c"), "b")


def test_reordered_classes_keep_every_images_own_class(make_dataset):
    turned = with_classes(make_dataset([0, 1, 1]), ("dog", "cat"))
    assert turned.labels.tolist() == [1, 0, 0]
    assert turned.class_counts() == {"dog": 2, "cat": 1}

import io

import pytest

from kbin.errors import DataError
from kbin.evaluation.confusion import ConfusionMatrix


def cells(ax):
    return [text for text in ax.texts if "\n" in text.get_text()]


def test_cells_hold_counts_and_shares_of_the_true_class():
    ax = ConfusionMatrix([[90, 10], [5, 15]], ["functional", "defective"], "defective").plot()
    ax.figure.savefig(io.BytesIO())
    assert [text.get_text() for text in cells(ax)] == ["90\n90.0%", "10\n10.0%", "5\n25.0%", "15\n75.0%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["functional\n(n = 100)", "defective\n(n = 20)"]
    assert ax.texts[-1].get_text() == "positive: defective; % of the true class"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted", "True")


def test_text_is_light_on_dark_cells_and_dark_on_light_ones():
    ax = ConfusionMatrix([[90, 10], [5, 15]], ["a", "b"]).plot()
    assert [text.get_color() == "white" for text in cells(ax)] == [True, False, False, True]


def test_a_class_without_images_has_no_shares():
    matrix = ConfusionMatrix([[0, 0], [1, 3]], ["a", "b"])
    assert matrix.row_shares() == [[None, None], [0.25, 0.75]]
    assert [text.get_text() for text in cells(matrix.plot())][:2] == ["0\nno image", "0\nno image"]


def test_means_over_seeds_show_a_decimal():
    ax = ConfusionMatrix([[1234.5, 0.5], [0.0, 2.0]], ["a", "b"]).plot()
    assert [text.get_text().split("\n")[0] for text in cells(ax)] == ["1,234.5", "0.5", "0", "2"]


def test_many_classes_with_long_names_fit():
    names = [f"a rather long class name {k}" for k in range(8)]
    ax = ConfusionMatrix([[k] * 8 for k in range(8)], names).plot()
    ax.figure.savefig(io.BytesIO())
    assert len(cells(ax)) == 64


@pytest.mark.parametrize("counts", [[[1, 2]], [[1], [2]]])
def test_counts_must_match_the_classes(counts):
    with pytest.raises(DataError, match="2 classes need a 2 x 2 confusion matrix"):
        ConfusionMatrix(counts, ["a", "b"])

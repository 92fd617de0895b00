import io

import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.learning_curves import LearningCurves

HISTORY = {
    "epoch": [1, 2, 3],
    "val_roc_auc": [None, 0.8, 0.9],
    "accuracy": [0.6, 0.7, 0.8],
    "loss": [0.7, 0.5, 0.4],
    "val_loss": [0.7, 0.6, float("nan")],
    "val_accuracy": [0.5, 0.6, 0.7],
    "seconds": [1.0, 1.0, 1.0],
}


def test_quantities_are_the_loss_and_known_metrics_in_reading_order():
    curves = LearningCurves.from_history(HISTORY, "m")
    assert curves.quantities == ("loss", "accuracy", "roc_auc")
    assert set(curves.training) == {"loss", "accuracy"}
    assert set(curves.validation) == {"loss", "accuracy", "roc_auc"}


def test_training_and_validation_are_drawn_over_epochs_from_1():
    ax = LearningCurves.from_history(HISTORY, "m").plot(quantity="accuracy")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0.6, 0.7, 0.8])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Accuracy")


def test_the_kept_epoch_is_marked():
    ax = LearningCurves.from_history(HISTORY, "m", best_epoch=2).plot()
    assert ax.get_legend().get_texts()[-1].get_text() == "kept (epoch 2)"
    assert ax.lines[-1].get_xdata()[0] == 2


def test_missing_values_leave_gaps_and_all_panels_have_the_same_epochs():
    drawn = LearningCurves.from_history(HISTORY, "m").draw()
    drawn.savefig(io.BytesIO())
    assert len(drawn.axes) == 3
    assert {ax.get_xlim() for ax in drawn.axes} == {(0.5, 3.5)}
    assert np.isnan(drawn.axes[2].lines[0].get_ydata()[0])


def test_one_epoch_is_a_visible_point():
    ax = LearningCurves.from_history({"loss": [0.5]}, "m").plot()
    ax.figure.savefig(io.BytesIO())
    assert ax.lines[0].get_marker() == "o"


def test_many_epochs_are_lines_without_points():
    ax = LearningCurves.from_history({"loss": np.linspace(1, 0, 200)}, "m").plot()
    assert ax.lines[0].get_marker() in ("", "None")


@pytest.mark.parametrize("history", [{}, {"epoch": [1]}, {"loss": []}])
def test_a_history_without_anything_to_draw_is_refused(history):
    with pytest.raises(DataError, match="the history holds no epoch of a loss or metric, only: "):
        LearningCurves.from_history(history, "m")


def test_columns_of_different_length_are_refused():
    with pytest.raises(DataError, match=r"the same length, got \{'loss': 2, 'accuracy': 1\}"):
        LearningCurves.from_history({"loss": [1.0, 2.0], "accuracy": [0.5]}, "m")


def test_an_unknown_quantity_lists_what_the_history_holds():
    with pytest.raises(DataError, match=r"unknown quantity 'f1'.* Known: .*loss"):
        LearningCurves.from_history(HISTORY, "m").plot(quantity="f1")

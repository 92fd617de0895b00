import io
from itertools import pairwise

import pytest

from kbin.errors import DataError
from kbin.evaluation.cost_plot import CostPoint, draw_costs

TWO = [CostPoint("fixed", 33.0, 1_281, 0.9, (0.85, 0.93)), CostPoint("top", 68.0, 413_441, 0.91, None)]


def rendered(figure):
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def marks(ax):
    """Where the models' markers are."""
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]


def test_each_cost_has_a_panel_with_a_labelled_point_a_model_and_its_interval():
    figure = rendered(draw_costs(TWO, "test"))
    by_time, by_size = figure.axes
    assert marks(by_time) == [(33.0, 0.9), (68.0, 0.91)]
    assert marks(by_size) == [(1_281, 0.9), (413_441, 0.91)]
    assert [ax.get_xscale() for ax in figure.axes] == ["log", "log"]
    (bar,) = [line for line in by_time.lines if len(line.get_xdata()) == 2]
    assert list(bar.get_ydata()) == [0.85, 0.93]
    assert [text.get_text() for text in by_time.texts] == ["fixed", "top", "bars: 95% interval over images"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fixed", "top"]


def test_points_and_bars_lie_inside_the_axes():
    for ax in rendered(draw_costs(TWO, "test")).axes:
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert all(left < x < right and bottom < y < top for x, y in marks(ax))
        assert bottom < 0.85 < 0.93 < top


def test_many_models_are_numbered_in_panels_and_legend():
    points = [CostPoint(f"model-{k}", 10.0 + k, 1_281, 0.9) for k in range(10)]
    figure = rendered(draw_costs(points, "test"))
    assert [text.get_text() for text in figure.axes[0].texts] == [str(k) for k in range(1, 11)]
    assert figure.legends[0].get_texts()[9].get_text() == "10  model-9"


def test_models_of_the_same_cost_stand_beside_each_other():
    points = [CostPoint(name, 5.0, 1_281, 0.9) for name in ("a", "b", "c")]
    ax = rendered(draw_costs(points, "test")).axes[1]
    lines = [line for line in ax.lines if len(line.get_xdata()) == 1]
    pixels = [line.get_transform().transform((1_281, 0.9))[0] for line in lines]
    # 9 printer's points apart.
    steps = [(right - left) / ax.figure.dpi * 72 for left, right in pairwise(pixels)]
    assert steps == [pytest.approx(9), pytest.approx(9)]


def test_a_cost_that_is_known_of_one_model_only_has_no_panel():
    points = [CostPoint("a", None, 10, 0.9), CostPoint("b", 3.0, 20, 0.8)]
    assert [ax.get_xlabel() for ax in draw_costs(points, "test").axes] == ["Trainable parameters (logarithmic)"]


def test_without_any_cost_of_two_models_nothing_is_drawn():
    with pytest.raises(DataError, match="recorded of two models at least"):
        draw_costs([CostPoint("a", 3.0, 20, 0.8)], "test")


@pytest.mark.parametrize("label", ["cost $5", "cat 🐈", "<b>", "x" * 80, "_hidden"])
def test_any_model_name_is_drawn(label):
    rendered(draw_costs([CostPoint(label, 1.0, 1, 1.0), CostPoint("b", 1e6, 10**9, 0.0)], label))

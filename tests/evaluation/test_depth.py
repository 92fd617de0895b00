import pytest

from kbin.errors import DataError
from kbin.evaluation.depth import DepthCurve, DepthPoint, draw_depth, plot_depth

CURVE = DepthCurve(
    "EfficientNetB0",
    (DepthPoint("2", 2_967_988, 0.99, 0.01), DepthPoint("0", 1_838_596, 0.97, 0.02), DepthPoint("1", 2_250_756, 0.98)),
)


def test_points_are_drawn_in_the_order_of_their_trainable_parameters_with_their_spread():
    ax = CURVE.plot()
    (bars,) = (segments for segments in ax.collections)
    ends = sorted((segment[0][1], segment[1][1]) for segment in bars.get_segments())

    assert list(ax.lines[0].get_xdata()) == [1_838_596, 2_250_756, 2_967_988]
    assert list(ax.lines[0].get_ydata()) == [0.97, 0.98, 0.99]
    assert ends == [pytest.approx(pair) for pair in ((0.95, 0.99), (0.98, 0.98), (0.98, 1.0))]
    assert [text.get_text() for text in ax.texts][:3] == ["0", "1", "2"]
    assert ax.get_xscale() == "log"


def test_names_are_drawn_as_written():
    figure = draw_depth({"ROC AUC": [DepthCurve("my $net$ 😀", CURVE.points)], "accuracy": [CURVE]}, "test")
    figure.draw_without_rendering()  # warnings are errors here

    assert [ax.get_title(loc="left") for ax in figure.axes] == ["test: ROC AUC", "test: accuracy"]


def test_without_a_curve_there_is_no_plot():
    with pytest.raises(DataError, match="needs at least one curve"):
        plot_depth([])

import pytest

from kbin.errors import DataError
from kbin.evaluation.calibration_plot import CalibrationCurve, Point, draw_calibration, plot_calibration
from kbin.evaluation.intervals import wilson_interval

POINTS = (Point(0.1, 0.0, 20), Point(0.5, 0.6, 20), Point(0.9, 0.95, 20))
CURVE = CalibrationCurve("one", "yes", POINTS, 0.067)


def test_a_line_a_model_goes_through_its_points_beside_the_diagonal():
    ax = CURVE.plot()
    diagonal, line = ax.lines
    assert (list(diagonal.get_xdata()), list(diagonal.get_ydata())) == ([0, 1], [0, 1])
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([0.1, 0.5, 0.9], [0.0, 0.6, 0.95])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "probabilities that come true",
        "one  ECE 0.067",
    ]
    assert ax.get_xlabel() == "Stated probability of “yes”"
    assert ax.get_xlim()[0] < 0


def test_bars_are_the_intervals_of_the_shares():
    (bars,) = CURVE.plot().collections
    ends = [tuple(segment[:, 1]) for segment in bars.get_segments()]
    assert ends == [pytest.approx(wilson_interval(one.share, one.n)) for one in POINTS]


def test_of_more_classes_the_answer_is_judged_and_empty_room_is_left_out():
    points = (Point(0.6, 0.5, 9), Point(0.9, 0.9, 9))
    ax = CalibrationCurve("one", None, points, 0.05).plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Stated probability of the answer", "Share of answers that are right")
    assert ax.get_xlim()[0] == pytest.approx(0.47)


def test_names_are_drawn_as_written():
    curve = CalibrationCurve("a $x_1$ \n b 😀", "<b> $y$", POINTS, 0.1)
    draw_calibration([curve, CURVE], "a $ set").draw_without_rendering()  # warnings are errors here


def test_no_curve_is_refused():
    with pytest.raises(DataError, match="at least one curve, got none"):
        plot_calibration([])

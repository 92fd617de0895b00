import numpy as np
import pytest

from kbin.errors import DataError
from kbin.evaluation.error_costs import ErrorCosts
from kbin.evaluation.metrics import binary_metrics
from kbin.evaluation.prevalence import PrevalenceCurve, draw_prevalence, plot_prevalence

# Of 100 positives 80 are found, of 100 negatives 10 are called positive.
CURVE = PrevalenceCurve("fixed", "defective", sensitivity=0.8, specificity=0.9, share=0.5)


def test_numbers_at_another_share_are_those_of_counting_such_images():
    # 1,000 images, 100 positive: 80 found, 20 missed; of 900 negatives 90 false alarms.
    assert CURVE.precision(0.1) == pytest.approx(80 / 170)
    assert CURVE.accuracy(0.1) == pytest.approx((80 + 810) / 1000)
    assert CURVE.f1(0.1) == pytest.approx(2 * 80 / (2 * 80 + 90 + 20))


def test_at_the_sets_own_share_they_are_its_metrics():
    y_true = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    values = binary_metrics(y_true, [0.9, 0.8, 0.7, 0.1, 0.6, 0.55, 0.4, 0.3, 0.2, 0.05], ("no", "yes")).values
    curve = PrevalenceCurve("m", "yes", values["recall"], values["specificity"], 0.4)
    for name in ("precision", "accuracy", "f1"):
        assert getattr(curve, name)(0.4) == pytest.approx(values[name]), name


def test_ends_are_those_of_one_class():
    np.testing.assert_allclose(CURVE.precision([0.0, 1.0]), [0.0, 1.0])
    np.testing.assert_allclose(CURVE.accuracy([0.0, 1.0]), [0.9, 0.8])


def test_without_a_positive_answer_there_is_no_precision():
    never = PrevalenceCurve("never", "defective", sensitivity=0.0, specificity=1.0, share=0.5)
    assert np.isnan(never.precision([0.0, 0.3, 1.0])).all()
    np.testing.assert_allclose(never.f1([0.3, 1.0]), 0.0)
    assert np.isnan(never.f1(0.0))


def test_a_rate_outside_0_to_1_is_refused():
    with pytest.raises(DataError, match=r"specificity must lie between 0 and 1, got 1\.2"):
        PrevalenceCurve("m", "yes", 0.5, 1.2, 0.5)


def test_the_picture_has_every_model_the_sets_share_and_the_majority_baseline():
    other = PrevalenceCurve("tuned $x$ 😀", "defective", 1.0, 0.2, 0.5)
    figure = draw_prevalence([CURVE, other], "test")
    precision, accuracy, f1 = figure.axes
    figure.draw_without_rendering()  # warnings are errors here

    assert [ax.get_ylabel() for ax in (precision, accuracy, f1)] == ["Precision", "Accuracy", "F1"]
    assert precision.get_xlabel() == "Share of defective (positive)"
    assert list(precision.lines[2].get_xdata()) == [0.5, 0.5]
    baseline = accuracy.lines[3]
    np.testing.assert_allclose(baseline.get_ydata(), np.maximum(baseline.get_xdata(), 1 - baseline.get_xdata()))
    assert len(figure.legends[0].get_texts()) == 4


def test_the_expected_cost_is_that_of_misses_and_false_alarms():
    curve = PrevalenceCurve("m", "yes", sensitivity=0.8, specificity=0.9, share=0.5)
    # Of 100 images 20 positive, 4 missed at 5; of 80 negative 8 false alarms at 1.
    assert curve.cost([0.2], ErrorCosts(1, 5)) == pytest.approx([0.28])


def test_one_curve_draws_itself():
    ax = CURVE.plot(quantity="f1")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), CURVE.f1(ax.lines[0].get_xdata()))


def test_nothing_and_unknown_quantities_are_refused():
    with pytest.raises(DataError, match="needs at least one curve"):
        plot_prevalence([])
    with pytest.raises(DataError, match=r"precision, accuracy, f1 can be drawn .* not 'roc_auc'"):
        plot_prevalence([CURVE], quantity="roc_auc")

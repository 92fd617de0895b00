import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, roc_auc_score

from kbin.errors import DataError
from kbin.evaluation.curve_bands import precision_recall_band, roc_band
from kbin.evaluation.drawing import panels
from kbin.evaluation.precision_recall import PrecisionRecallCurve, plot_precision_recall_curves
from kbin.evaluation.roc import RocCurve, plot_roc_curves

PLOTS = [(RocCurve, plot_roc_curves), (PrecisionRecallCurve, plot_precision_recall_curves)]


def labels_and_scores(seed, n=200, shift=1.5):
    rng = np.random.default_rng(seed)
    y_true = (np.arange(n) % 4 == 0).astype(int)
    return y_true, 1 / (1 + np.exp(-rng.normal(shift * y_true, 1.0)))


def rendered(ax):
    """Draws for real: layout, fonts and formulas can fail only then."""
    assert isinstance(ax.figure, Figure)
    assert ax.figure.canvas.manager is None  # pyplot's figures have one
    ax.figure.savefig(io.BytesIO(), format="svg")
    return ax


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_roc_curve_worked_by_hand():
    # From the highest score down: positive, negative, positive, negative.
    curve = RocCurve.from_scores([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8], "m", "defective")
    np.testing.assert_allclose(curve.fpr, [0, 0, 0.5, 0.5, 1])
    np.testing.assert_allclose(curve.tpr, [0, 0.5, 0.5, 1, 1])
    assert curve.auc == 0.75


def test_a_precision_recall_curve_worked_by_hand():
    curve = PrecisionRecallCurve.from_scores([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8], "m", "defective")
    assert curve.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert curve.prevalence == 0.5
    by_recall = dict(zip(curve.recall, curve.precision, strict=True))
    assert by_recall[0.5] == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_the_drawn_area_is_the_exact_rank_metric(seed):
    y_true, y_score = labels_and_scores(seed)
    y_score = np.round(y_score, 1)
    roc = RocCurve.from_scores(y_true, y_score, "m")
    assert roc.auc == pytest.approx(roc_auc_score(y_true, y_score), abs=1e-12)
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(roc.auc, abs=1e-12)
    precision_recall = PrecisionRecallCurve.from_scores(y_true, y_score, "m")
    assert precision_recall.average_precision == pytest.approx(average_precision_score(y_true, y_score), abs=1e-12)


@pytest.mark.parametrize(("curve", "plot"), PLOTS)
def test_title_and_axes_name_the_positive_class_and_the_shares(curve, plot):
    ax = rendered(plot([curve.from_scores(*labels_and_scores(0), "resnet50", "defective")], title="On test"))
    assert ax.get_title(loc="left") == "On test"
    assert ax.texts[0].get_text() == "positive: defective (50 of 200 images)"
    assert "share of" in ax.get_xlabel()
    assert "share of" in ax.get_ylabel()


def test_seeds_of_a_model_share_colour_and_one_legend_line():
    curves = [RocCurve.from_scores(*labels_and_scores(seed), "a", "p") for seed in range(3)]
    curves.append(RocCurve.from_scores(*labels_and_scores(9, shift=0.5), "b", "p"))
    ax = rendered(plot_roc_curves(curves))
    areas = [curve.auc for curve in curves[:3]]
    assert legend_texts(ax) == [
        f"a  AUC {np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f} (3 seeds)",
        f"b  AUC {curves[3].auc:.3f}",
        "guessing  AUC 0.500",
    ]
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert len({line.get_color() for line in drawn[:3]}) == 1
    assert drawn[3].get_color() != drawn[0].get_color()
    assert drawn[3].get_linestyle() != drawn[0].get_linestyle()


def marks(ax):
    """Operating points: markers with numbers under them."""
    return [(*line.get_xdata(), *line.get_ydata()) for line in ax.lines if len(line.get_xdata()) == 1]


def test_the_operating_point_worked_by_hand_is_marked_and_explained():
    # Called positive at .5: both positives and one of three negatives.
    y_true, y_score = [1, 1, 0, 0, 0], [0.9, 0.5, 0.7, 0.4, 0.1]
    ax = rendered(plot_roc_curves([RocCurve.from_scores(y_true, y_score, "m", threshold=0.5)]))
    assert marks(ax) == [(pytest.approx(1 / 3), 1.0)]
    assert legend_texts(ax)[1] == "at the threshold in force"
    ax = rendered(plot_precision_recall_curves([PrecisionRecallCurve.from_scores(y_true, y_score, "m", threshold=0.5)]))
    assert marks(ax) == [(1.0, pytest.approx(2 / 3))]


def test_seeds_of_a_model_have_one_mark_at_the_mean_of_their_points():
    y_true = [1, 0, 1, 0]
    # Seed 1: both positives, one of two negatives; seed 2: one positive, no negative.
    curves = [
        RocCurve.from_scores(y_true, [0.9, 0.8, 0.7, 0.1], "m", threshold=0.5),
        RocCurve.from_scores(y_true, [0.9, 0.3, 0.2, 0.1], "m", threshold=0.4),
    ]
    ax = rendered(plot_roc_curves(curves))
    assert marks(ax) == [(0.25, 0.75)]
    assert "at the threshold in force, mean over seeds" in legend_texts(ax)


@pytest.mark.parametrize("threshold", [None, 0.95])
def test_without_a_threshold_or_a_precision_nothing_is_marked(threshold):
    curve = PrecisionRecallCurve.from_scores([1, 0], [0.9, 0.2], "m", threshold=threshold)
    ax = rendered(plot_precision_recall_curves([curve]))
    assert marks(ax) == []
    assert not any("threshold" in text for text in legend_texts(ax))


@pytest.mark.parametrize(
    ("curve", "plot", "band"),
    [
        (RocCurve, plot_roc_curves, roc_band),
        (PrecisionRecallCurve, plot_precision_recall_curves, precision_recall_band),
    ],
)
def test_a_mean_is_drawn_bold_with_its_band_and_the_subtitle_says_both(curve, plot, band):
    y_true, first = labels_and_scores(0)
    scores = [first, labels_and_scores(1)[1]]
    found = band(y_true, scores, "m")
    ax = rendered(plot([curve.from_scores(y_true, one, "m", "p") for one in scores], bands=[found]))
    assert ax.texts[0].get_text().split("\n") == [
        "positive: p (50 of 200 images)",
        "bold: mean of seeds; shaded: 95% over images (bootstrap, Wilson)",
    ]
    (bold,) = [line for line in ax.lines if line.get_linewidth() == 2.0 and len(line.get_xdata())]
    np.testing.assert_array_equal(bold.get_ydata(), found.mean)
    (shade,) = ax.collections
    heights = shade.get_paths()[0].vertices
    assert heights[:, 1].min() == pytest.approx(found.low.min())
    assert heights[:, 1].max() == pytest.approx(found.high.max())


def test_a_mean_without_a_band_promises_none():
    y_true, first = labels_and_scores(0)
    scores = [first, labels_and_scores(1)[1]]
    curves = [RocCurve.from_scores(y_true, one, "m", "p") for one in scores]
    ax = rendered(plot_roc_curves(curves, bands=[roc_band(y_true, scores, "m", banded=False)]))
    assert ax.texts[0].get_text().split("\n")[1:] == ["bold: mean of seeds"]
    assert not ax.collections


def test_a_single_seed_is_drawn_as_it_is_above_its_band():
    y_true, scores = labels_and_scores(0)
    curve = RocCurve.from_scores(y_true, scores, "m", "p")
    ax = rendered(plot_roc_curves([curve], bands=[roc_band(y_true, [scores], "m")]))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), curve.tpr)
    assert ax.texts[0].get_text().split("\n")[1:] == ["shaded: 95% over images (bootstrap, Wilson)"]
    assert len(ax.collections) == 1


def test_of_many_models_with_seeds_only_the_means_are_drawn():
    y_true, first = labels_and_scores(0)
    scores = [first, labels_and_scores(1)[1]]
    labels = [f"model-{k}" for k in range(5)]
    curves = [RocCurve.from_scores(y_true, one, label, "p") for label in labels for one in scores]
    ax = rendered(plot_roc_curves(curves, bands=[roc_band(y_true, scores, label, False) for label in labels]))
    assert len([line for line in ax.lines if len(line.get_xdata()) > 2]) == 5


def test_guessing_gets_the_share_of_positives_as_precision():
    ax = rendered(PrecisionRecallCurve.from_scores(*labels_and_scores(0), "m").plot())
    assert legend_texts(ax)[-1] == "guessing  AP 0.250"
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [0.25, 0.25])


def test_precision_is_drawn_without_the_vertical_line_at_recall_0():
    # The highest score is a negative: precision 0 at recall 0.
    ax = PrecisionRecallCurve.from_scores([1, 0], [0.2, 0.9], "m").plot()
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [1.0, 0.0])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.5, 0.5])


@pytest.mark.parametrize(("curve", "plot"), PLOTS)
def test_one_class_writes_the_reason_instead_of_a_line(curve, plot):
    undefined = curve.from_scores([0, 0, 0], [0.1, 0.2, 0.3], "m")
    assert undefined.area is None
    assert undefined.reason == "all 3 images are negative; the curve needs both classes"
    ax = rendered(plot([undefined]))
    assert len(ax.lines) == 0
    assert ax.texts[-1].get_text().replace("\n", " ") == f"No curve: {undefined.reason}."


@pytest.mark.parametrize(("curve", "plot"), PLOTS)
def test_sets_of_different_sizes_share_axes_and_one_may_be_undefined(curve, plot):
    y_true, y_score = labels_and_scores(0)
    curves = [
        curve.from_scores(y_true, y_score, "train", "p"),
        curve.from_scores(y_true[:50], y_score[:50], "test", "p"),
        curve.from_scores([1, 1], [0.4, 0.5], "poly", "p"),
    ]
    ax = rendered(plot(curves))
    assert ax.texts[0].get_text() == "positive: p"
    assert "poly  " in legend_texts(ax)[2]
    assert legend_texts(ax)[2].endswith("undefined: one class")


@pytest.mark.parametrize(("curve", "plot"), PLOTS)
def test_more_classes_have_one_curve_each_against_the_rest(curve, plot):
    rng = np.random.default_rng(0)
    y_probability = rng.dirichlet(np.ones(3), 60)
    y_true = rng.integers(0, 3, 60)
    curves = curve.one_vs_rest(y_true, y_probability, ["normal", "bacterial", "viral"])
    assert [c.label for c in curves] == ["normal", "bacterial", "viral"]
    alone = curve.from_scores(y_true == 1, y_probability[:, 1], "bacterial")
    assert curves[1].area == alone.area
    assert rendered(plot(curves)).texts[0].get_text() == "each class against the rest (60 images)"


@pytest.mark.parametrize("num_models", [1, 2, 3, 10])
@pytest.mark.parametrize(("curve", "plot"), PLOTS)
def test_title_and_legend_stay_inside_the_figure(curve, plot, num_models):
    curves = [curve.from_scores(*labels_and_scores(k), f"model-{k}", "p", 0.5) for k in range(num_models)]
    ax = rendered(plot(curves))
    page = ax.figure.bbox
    for box in (ax.get_legend().get_window_extent(), ax.get_tightbbox()):
        assert page.y0 <= box.y0 + 1
        assert box.y1 <= page.y1 + 1


def test_curves_are_drawn_on_given_axes():
    drawn, axes = panels(2)
    assert plot_roc_curves([RocCurve.from_scores(*labels_and_scores(0), "m")], axes[1]) is axes[1]
    assert axes[1].figure is drawn


@pytest.mark.parametrize("label", ["_private", "cost $5 and $6", "$\\frac{", "cat 🐈", "two\nlines", "<b>", "x" * 80])
def test_any_model_and_class_name_is_drawn(label):
    curves = [RocCurve.from_scores(*labels_and_scores(k), f"{label}{k}", label) for k in range(2)]
    rendered(plot_roc_curves(curves, title=label))


@pytest.mark.parametrize("plot", [plot_roc_curves, plot_precision_recall_curves])
def test_no_curve_is_refused(plot):
    with pytest.raises(DataError, match="a plot of curves needs at least one curve, got none"):
        plot([])


def test_hard_labels_have_no_roc_curve():
    with pytest.raises(DataError, match="got hard labels"):
        RocCurve.from_scores([0, 1], np.array([0, 1]), "m")

import base64

from kbin.report.pictures import augmented_picture, cost_picture, curve_pictures, learning_pictures, prevalence_pictures
from kbin.report.plots import draw_plots
from kbin.report.recorded import read_results
from kbin.report.rendering import write_report
from kbin.runs import RunDirectory
from tests.report.conftest import ONE_PIXEL


def test_every_model_shows_its_learning_curves(everything: RunDirectory):
    results = read_results(everything.results())

    for model in results.done:
        shown = learning_pictures(everything, results, model)
        assert [picture.caption for picture in shown] == ["Seed 0, kept epoch 2", "Seed 1, kept epoch 2"]


def test_augmented_images_are_shown_where_the_run_has_them(small, quick_pictures):
    draw_plots(small, small.results())
    before = write_report([small]).read_text(encoding="utf-8")
    small.plot_path("augmented").write_bytes(base64.b64decode(ONE_PIXEL))
    after = write_report([small]).read_text(encoding="utf-8")

    assert augmented_picture(small).source == f"data:image/png;base64,{ONE_PIXEL}"
    assert "Augmented training images" not in before
    assert "Augmented training images" in after
    assert 'alt="A grid of training images as augmentation changes them."' in after


def test_the_text_of_other_shares_says_rates_and_precisions(everything: RunDirectory):
    run = everything
    entry = run.results()["models"][0]["sets"]["test"]["metrics"]
    found, alarms = entry["recall"], 1 - entry["specificity"]
    text = prevalence_pictures(run, read_results(run.results()))["test"].alternative

    # 10 of 24 images are positive.
    own, rare = (p * found / (p * found + (1 - p) * alarms) for p in (10 / 24, 0.1))
    assert (
        f"good: sensitivity {found:.3f}, specificity {entry['specificity']:.3f}, precision {own:.3f} at 41.7%" in text
    )
    assert f"{rare:.3f} at 10.0%" in text
    assert "poor: sensitivity 0.000, specificity 1.000, precision undefined" in text


def test_the_text_of_costs_says_area_interval_time_and_parameters(everything: RunDirectory, two_seeds: RunDirectory):
    entry = everything.results()["models"][0]["sets"]["test"]
    low, high = entry["intervals"]["roc_auc"]
    picture = cost_picture(everything, read_results(everything.results()))

    # 12.5 + 3.25 + 0.5 seconds.
    area = f"good: {entry['metrics']['roc_auc']:.3f} [{low:.3f}, {high:.3f}]"
    assert f"{area} with 16 s in all and 1,281 trainable parameters; poor: " in picture.alternative
    assert cost_picture(two_seeds, read_results(two_seeds.results())) is None


def test_the_text_of_curves_says_where_the_marks_stand(everything: RunDirectory):
    pictures = curve_pictures(everything, read_results(everything.results()))["test"]
    metrics = everything.results()["models"][0]["sets"]["test"]["metrics"]
    found, alarms = metrics["recall"], 1 - metrics["specificity"]

    at = "(at the threshold in force"
    assert f"{at} {found:.3f} of the positives found, {alarms:.3f} of the negatives called" in pictures[0].alternative
    assert f"{at} {found:.3f} of the positives found, precision {metrics['precision']:.3f})" in pictures[1].alternative

import re

from kbin.report.collapses import collapses
from kbin.report.plain_words import reading_line, reading_notes, summary_sentences
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun


def _summary(run):
    return " ".join(" ".join(summary_sentences(read_results(run.results()))).split())


def test_one_model_is_summed_up_with_its_accuracy_the_baseline_and_the_meaning_of_its_auc():
    run = SyntheticRun(models={"fixed": 2.0})
    entry = run.results()["models"][0]["sets"]["test"]
    summary = _summary(run)

    assert summary.startswith("On “test” (24 images, 10 of them “defective”, the positive class), fixed is right on ")
    assert f"{entry['metrics']['accuracy']:.1%} ± {entry['spread']['accuracy']:.1%} of the images" in summary
    assert "always answering “functional” would be right on 58.3%" in summary
    assert f"ROC AUC {entry['metrics']['roc_auc']:.3f} ± {entry['spread']['roc_auc']:.3f}" in summary


def test_several_models_are_summed_up_as_a_range_without_a_winner():
    run = SyntheticRun()
    good, poor = (model["sets"]["test"]["metrics"]["roc_auc"] for model in run.results()["models"])
    summary = _summary(run)

    assert f"over 2 models, ROC AUC goes from {poor:.3f} (poor) to {good:.3f} (good)" in summary
    assert not any(word in summary.lower() for word in ("best", "wins", "significant", "outperform"))


LETTERS = {"good": "a", "poor": "b"}
SAME = {"good": "a", "poor": "a"}


def test_models_that_were_compared_are_summed_up_by_who_beats_whom():
    run = SyntheticRun(letters={"test": {"roc_auc": LETTERS, "accuracy": LETTERS}})
    good, poor = (model["sets"]["test"]["metrics"]["roc_auc"] for model in run.results()["models"])
    summary = _summary(run)

    assert summary.startswith(
        f"On “test” (24 images, 10 of them “defective”, the positive class), good beats poor by ROC AUC: {good:.3f} ["
    )
    assert f"against {poor:.3f} [" in summary
    assert "Accuracy tells the same models apart" in summary
    assert "Always answering “functional” would be right on 58.3%." in summary
    assert "goes from" not in summary


def test_models_that_cannot_be_told_apart_are_said_so_with_what_would_have_shown():
    summary = _summary(SyntheticRun(letters={"test": {"roc_auc": SAME, "accuracy": SAME}}))

    assert re.search(
        r"they cannot be told apart; a difference of 0\.\d{3} would have shown here in four of five", summary
    )
    assert "By accuracy they cannot be told apart either" in summary
    assert "beats" not in summary


def test_further_test_sets_have_a_verdict_each_and_a_warning_where_all_collapsed():
    run = SyntheticRun(
        models={"good": 6.0, "poor": 5.0},
        sets={"test": (14, 10), "far": (40, 20)},
        shifted={"far": 20.0},
        letters={"test": {"roc_auc": SAME}, "far": {"roc_auc": LETTERS}},
    )

    assert "On “far”, where all models collapsed, " in _summary(run)


def test_what_is_wrong_with_the_intervals_of_all_models_is_in_the_summary():
    results = SyntheticRun().results()
    for model in results["models"]:
        model["sets"]["test"]["interval_notes"] = ["Only 10 images are 'defective'."]

    assert "On “test”: Only 10 images are 'defective'." in summary_sentences(read_results(results))


def test_the_line_beside_the_summarys_table_explains_what_is_in_it():
    compared = read_results(SyntheticRun(letters={"test": {"roc_auc": SAME}}).results())
    alone = read_results(SyntheticRun(models={"one": 1.0}, seeds=(0,)).results())

    assert reading_line(compared) == (
        "means over 2 seeds, ± their standard deviation; [low, high]: 95% interval for other images of the same kind; "
        "models that share a letter cannot be told apart"
    )
    assert reading_line(alone) == "[low, high]: 95% interval for other images of the same kind"


def test_models_with_equal_numbers_are_not_put_in_an_order():
    summary = _summary(SyntheticRun(models={"a": 1.0, "b": 1.0}, one_answer=("a", "b")))

    assert "ROC AUC is 0.500 for all" in summary


def test_a_collapse_is_told_for_every_set_the_test_sets_first():
    run = SyntheticRun(models={"good": 6.0, "poor": 1.0}, one_answer=("poor",))
    sentences = [text for one in collapses(read_results(run.results())) for text in one.sentences]

    assert [sentence.split(", poor has collapsed: accuracy")[0] for sentence in sentences] == [
        "On “test”",
        "On “validation”",
        "On “train”",
    ]
    assert all("the order is lost too. With the threshold that is best" in sentence for sentence in sentences)
    assert "does not beat" not in _summary(run)


def test_in_a_folder_without_collapses_a_model_that_does_not_beat_the_baseline_is_named():
    results = SyntheticRun(models={"good": 6.0, "poor": 1.0}, one_answer=("poor",)).results()
    for entry in results["models"][1]["sets"].values():
        del entry["collapsed"], entry["collapse"]
    summary = " ".join(summary_sentences(read_results(results)))

    assert "On “test”, poor does not beat always answering “functional”, which is right on 58.3%." in summary


def test_the_notes_say_what_an_interval_holds_and_what_not():
    notes = " ".join(reading_notes(read_results(SyntheticRun().results())))
    three = SyntheticRun(classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 4, 3)})

    assert "95% interval: how far other images of the same kind would move the number (Wilson for shares" in notes
    assert "Training again is not in it" in notes
    assert "(Wilson for the accuracy and a bootstrap over the images for the rest)" in " ".join(
        reading_notes(read_results(three.results()))
    )


def test_a_set_with_one_class_has_a_reason_in_place_of_an_auc():
    summary = _summary(SyntheticRun(models={"fixed": 2.0}, sets={"train": (9, 9), "test": (9, 0)}))

    assert "There is no ROC AUC: no image of this set is 'defective'." in summary


def test_failures_are_part_of_the_summary():
    assert "broken failed and has no results: no memory" in _summary(SyntheticRun(failed={"broken": "no memory"}))
    assert _summary(SyntheticRun(models={}, failed={"broken": "no memory"})).startswith("No model has results")


def test_the_notes_say_why_training_and_validation_numbers_are_no_evidence():
    notes = " ".join(reading_notes(read_results(SyntheticRun().results())))

    assert "“train” is what the models learned from" in notes
    assert "“validation” serves to choose" in notes
    assert "“validation”" not in " ".join(reading_notes(read_results(SyntheticRun(sets={"test": (5, 5)}).results())))

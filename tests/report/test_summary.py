import pytest
from rich.cells import cell_len

from kbin.errors import RunFolderError
from kbin.report.summary import result_lines
from kbin.report.wording import UNDEFINED
from tests.report.conftest import EVERYTHING
from tests.report.synthetic_runs import SyntheticRun


def _text(run):
    return "\n".join(result_lines(run.results()))


def test_every_model_has_a_line_a_set_with_the_numbers_of_the_results():
    run = SyntheticRun()
    lines = result_lines(run.results())
    start = next(index for index, line in enumerate(lines) if line.startswith("test: 24 images, 10 defective"))

    for offset, model in enumerate(run.results()["models"], start=2):
        entry = model["sets"]["test"]
        metrics, spread = entry["metrics"], entry["spread"]
        expected = [
            model["id"],
            f"{metrics['accuracy']:.3f}±{spread['accuracy']:.3f}",
            f"{metrics['precision']:.3f}",
            f"{metrics['recall']:.3f}",
            f"{metrics['f1']:.3f}",
            f"{metrics['roc_auc']:.3f}±{spread['roc_auc']:.3f}",
        ]
        assert lines[start + offset].split()[: len(expected)] == expected


def test_the_heading_names_the_positive_class_and_the_majority_baseline():
    assert "test: 24 images, 10 defective (positive); majority baseline 0.583" in _text(SyntheticRun())


def test_a_model_that_collapsed_is_marked_with_a_sentence_below_the_table():
    lines = result_lines(SyntheticRun(models={"good": 6.0, "poor": 1.0}, one_answer=("poor",)).results())

    rows = [line for line in lines if line.startswith("  poor  ")]
    assert len(rows) == 3
    assert all(row.endswith("  collapsed") for row in rows)
    assert not any("collapsed" in line for line in lines if line.startswith("  good"))
    assert (
        "poor has collapsed: accuracy 0.583 is not above 0.583, which always answering 'functional' gets; every answer "
        "is 'functional'; its ROC AUC is 0.500: the order is lost too."
    ) in " ".join(" ".join(lines).split())


def test_a_set_with_one_class_is_no_collapse():
    run = SyntheticRun(models={"good": 6.0}, sets={"train": (9, 9), "odd": (9, 0)})

    assert "collapsed" not in _text(run)


def test_the_lines_say_what_the_spread_does_not_cover():
    text = _text(SyntheticRun())

    assert "means over 2 seeds" in text
    assert "How far other test images" in text


def test_one_seed_has_no_spread_and_says_so():
    text = _text(SyntheticRun(seeds=(0,)))

    assert "±" not in text
    assert "One seed" in text


def test_an_undefined_metric_is_a_dash_with_its_reason_below():
    run = SyntheticRun(models={"good": 2.0}, sets={"train": (9, 9), "odd": (9, 0)})
    lines = result_lines(run.results())
    heading = next(index for index, line in enumerate(lines) if line.startswith("odd"))

    assert lines[heading + 2].split()[3:6] == [UNDEFINED, "0.000", UNDEFINED]
    assert f"{UNDEFINED} Recall, ROC AUC: no image of this set is 'defective'" in "\n".join(lines[heading:])


def test_a_reason_that_concerns_some_models_names_them():
    text = _text(SyntheticRun(one_answer=("poor",), sets={"train": (9, 4), "test": (9, 4)}))

    assert f"{UNDEFINED} Precision of poor: no image was predicted 'defective'" in text


def test_a_failed_model_is_named_with_its_error():
    assert "broken failed and has no results: ValueError: <b>out of memory</b>" in _text(EVERYTHING)


def test_if_every_model_failed_only_their_errors_are_left():
    lines = result_lines(SyntheticRun(models={}, failed={"broken": "no memory"}).results())

    assert [line for line in lines if line] == ["broken failed and has no results: no memory"]


@pytest.mark.parametrize(
    "run",
    [
        EVERYTHING,
        SyntheticRun(models={"EfficientNetLite0-from-block5-with-a-very-long-name-" + "x" * 40: 1.0, "b": 1.0}),
        SyntheticRun(classes=("n" * 200, "設備不良" * 30), failed={"broken": "a\nb " * 80}),
        SyntheticRun(classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 0, 3)}),
    ],
    ids=["everything", "long id", "wide names", "three classes"],
)
def test_no_line_is_wider_than_a_terminal(run):
    lines = result_lines(run.results())

    assert max(cell_len(line) for line in lines) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_a_long_id_is_shown_whole():
    name = "EfficientNetLite0-from-block5-" + "x" * 30

    assert name in _text(SyntheticRun(models={name: 1.0}))


def test_control_characters_in_names_do_not_reach_the_terminal():
    text = _text(SyntheticRun(classes=("fine", "\x1b[2Jbad\x07\r")))

    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_more_than_two_classes_are_said_to_be_averaged():
    run = SyntheticRun(classes=("cat", "dog", "owl"), sets={"train": (6, 6, 6), "test": (5, 4, 3)})

    assert "means over the 3 classes" in " ".join(_text(run).split())


def test_damaged_results_are_refused():
    with pytest.raises(RunFolderError, match=r"results\.json is damaged"):
        result_lines({"experiment": "half"})


def test_models_that_were_compared_have_letters_beside_their_roc_auc_and_a_verdict_below():
    letters = {"good": "a", "poor": "b"}
    run = SyntheticRun(letters={"test": {"roc_auc": letters, "accuracy": dict.fromkeys(letters, "a")}})
    lines = result_lines(run.results())
    start = next(index for index, line in enumerate(lines) if line.startswith("test: "))

    assert [lines[start + offset].split()[-1] for offset in (2, 3)] == ["a", "b"]
    assert lines[start + 4 : start + 6] == [
        "  good beats poor by ROC AUC.",
        "  good and poor cannot be told apart by accuracy.",
    ]
    assert "Models that share a letter beside the ROC AUC cannot be told apart" in " ".join(" ".join(lines).split())
    assert max(map(cell_len, lines)) <= 80


def test_letters_that_would_not_fit_are_left_to_the_page():
    run = SyntheticRun(letters={"test": {"roc_auc": {"good": "abcde", "poor": "a"}}})

    assert "abcde" not in _text(run)
    assert "share a letter" not in _text(run)

from kbin.report.collapses import collapses
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun

SHIFTED = SyntheticRun(
    models={"one": 3.0, "two": 3.0}, sets={"test": (40, 30), "far": (40, 20)}, shifted={"far": 9.0}, seeds=(0,)
)


def _with_areas(here, interval):
    results = SHIFTED.results()
    for model in results["models"]:
        model["sets"]["test"]["metrics"]["roc_auc"] = 0.9
        model["sets"]["far"]["metrics"]["roc_auc"] = here
        model["sets"]["far"]["intervals"]["roc_auc"] = interval
    return results


def test_an_order_that_is_kept_leaves_the_threshold_to_blame():
    (found,) = collapses(read_results(_with_areas(0.88, [0.8, 0.93])))

    assert found.headline == (
        "On “far”, one and two: the threshold is to blame, the ranking is kept (ROC AUC 0.880 here, 0.900 on “test”)"
    )
    assert [text.split(" has collapsed")[0] for text in found.sentences] == ["On “far”, one", "On “far”, two"]


def test_a_weak_lost_or_reversed_order_is_to_blame_itself():
    for area, interval, words in (
        (0.63, [0.6, 0.66], "it is weak"),
        (0.5, [0.4, 0.6], "it is lost"),
        (0.3, [0.2, 0.4], "it is reversed"),
    ):
        (found,) = collapses(read_results(_with_areas(area, interval)))
        assert f"the ranking is to blame, {words} (ROC AUC" in found.headline


def test_what_the_best_threshold_would_have_got_is_marked_as_an_oracle():
    results = _with_areas(0.88, [0.8, 0.93])
    entry = results["models"][0]["sets"]["far"]
    entry["operating_points"]["oracle"] = {
        "threshold": 0.9,
        "metrics": {"accuracy": 0.84, "balanced_accuracy": 0.81},
    }
    del results["models"][1]["sets"]["far"]["operating_points"]["oracle"]  # as an older run has it
    (found,) = collapses(read_results(results))

    assert found.sentences[0].endswith(
        " With the threshold that is best on this very set (an oracle), its balanced accuracy would be 0.810; "
        "guessing gets 0.500."
    )
    assert "oracle" not in found.sentences[1]


def test_models_that_collapsed_for_different_reasons_stand_apart():
    results = _with_areas(0.88, [0.8, 0.93])
    results["models"][1]["sets"]["far"]["metrics"]["roc_auc"] = 0.5
    results["models"][1]["sets"]["far"]["intervals"]["roc_auc"] = [0.4, 0.6]

    assert [one.headline.split(" (")[0] for one in collapses(read_results(results))] == [
        "On “far”, one: the threshold is to blame, the ranking is kept",
        "On “far”, two: the ranking is to blame, it is lost",
    ]

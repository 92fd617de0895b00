import pytest

from kbin.report.paired_words import best_sentences, pair_tables
from kbin.report.recorded_comparisons import MetricComparison, PairResults


def comparison(letters, *pairs):
    pairs = pairs or ((("a", "b"), 0.1, 0.01),)
    results = [
        PairResults(models=models, difference=difference, p_adjusted=p_value, interval=(-0.01, 0.2))
        for models, difference, p_value in pairs
    ]
    return MetricComparison(method="a test", pairs=tuple(results), letters=letters)


@pytest.mark.parametrize(
    ("letters", "values", "sentence"),
    [
        ({"x": "a", "y": "a"}, {"x": 0.9, "y": 0.8}, "By ROC AUC, x and y cannot be told apart."),
        ({"x": "a", "y": "b"}, {"x": 0.9, "y": 0.8}, "By ROC AUC, x (0.900) beats y."),
        (
            {"x": "a", "y": "ab", "z": "a"},
            {"x": 0.7, "y": 0.9, "z": 0.8},
            "By ROC AUC, no two of the 3 models can be told apart.",
        ),
        (
            {"x": "a", "y": "ab", "z": "b"},
            {"x": 0.9, "y": 0.8, "z": 0.7},
            "By ROC AUC, x (0.900) cannot be told apart from y; it beats z.",
        ),
    ],
)
def test_the_best_is_called_better_only_than_models_without_its_letter(letters, values, sentence):
    assert best_sentences({"roc_auc": comparison(letters)}, {"roc_auc": values}) == [sentence]


def test_a_metric_that_one_model_lacks_names_the_others_only():
    sentences = best_sentences({"roc_auc": comparison({"x": "a"})}, {"roc_auc": {"x": 0.9, "y": None}})

    assert sentences == []


def test_of_many_models_a_sentence_names_the_first():
    letters = {"best": "a"} | {f"m{k}": "b" for k in range(9)}
    values = {"best": 0.9} | {f"m{k}": 0.5 - k / 100 for k in range(9)}
    (sentence,) = best_sentences({"accuracy": comparison(letters)}, {"accuracy": values})

    assert sentence == "By accuracy, best (0.900) beats m0, m1, m2, m3, m4 and 4 others."


def test_pairs_of_different_runs_stand_first_with_a_verdict_that_knows_the_direction():
    pairs = ((("a", "b"), 0.1, 0.01), (("a", "c"), 0.1, 0.9), (("b", "c"), -0.2, None))
    letters = {"a": "ab", "b": "c", "c": "bc"}
    (table,) = pair_tables({"log_loss": comparison(letters, *pairs)}, {"a": "r", "b": "r", "c": "s"})

    assert [(row.first, row.second, row.across) for row in table.rows] == [
        ("a", "c", True),
        ("b", "c", True),
        ("a", "b", False),
    ]
    assert [row.verdict for row in table.rows] == ["cannot be told apart", "not tested", "b is better"]
    assert (table.rows[0].difference, table.rows[0].interval) == ("+0.100", "\N{MINUS SIGN}0.010 to +0.200")

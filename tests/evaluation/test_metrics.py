import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from kbin.errors import DataError
from kbin.evaluation.metrics import binary_metrics, classification_metrics, multiclass_metrics
from kbin.evaluation.outcomes import ClassMetrics
from kbin.metric_names import METRIC_NAMES

CLASSES = ("functional", "defective")
THREE = ("normal", "bacterial", "viral")


def random_case(rng):
    """Labels, scores and a threshold: from many ties to none, constant scores, one class, hard and float32 scores."""
    n = int(rng.integers(1, 40))
    y_true = (rng.random(n) < rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])).astype(int)
    kind = rng.integers(5)
    if kind == 0:
        y_score = rng.random(n)
    elif kind == 1:
        y_score = rng.integers(0, 5, n) / 4
    elif kind == 2:
        y_score = np.full(n, rng.choice([0.0, 0.3, 0.5, 1.0]))
    elif kind == 3:
        y_score = rng.integers(0, 2, n).astype(float)
    else:
        y_score = (1 / (1 + np.exp(-rng.normal(y_true, 1.0)))).astype(np.float32)
    return y_true, y_score, float(rng.choice([0.5, 0.25, 0.0, 1.0, rng.random()]))


def reference_metrics(y_true, y_score, threshold):
    """scikit-learn called directly; None where it answers NaN, and where both classes are needed."""
    y_score = y_score.astype(float)
    y_pred = (y_score >= threshold).astype(int)
    one_class = len(set(y_true)) == 1

    def number(value):
        return None if np.isnan(value) else value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mcc = reference.matthews_corrcoef(y_true, y_pred)
        roc_auc = reference.roc_auc_score(y_true, y_score)
    # One call for three metrics: a call costs a millisecond, whatever the size.
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        y_true, y_pred, average="binary", zero_division=np.nan
    )
    return {
        "accuracy": reference.accuracy_score(y_true, y_pred),
        "balanced_accuracy": None if one_class else reference.balanced_accuracy_score(y_true, y_pred),
        "precision": number(precision),
        "recall": number(recall),
        "specificity": number(reference.recall_score(y_true, y_pred, pos_label=0, zero_division=np.nan)),
        "f1": number(f1),
        "roc_auc": number(roc_auc),
        "average_precision": None if one_class else reference.average_precision_score(y_true, y_score),
        "mcc": mcc,
        "log_loss": reference.log_loss(y_true, y_score, labels=[0, 1]),
        "brier": reference.brier_score_loss(y_true, y_score, labels=[0, 1]),
        "majority_accuracy": max(np.mean(y_true), np.mean(1 - y_true)),
    }


def auc_by_counting_pairs(y_true, y_score):
    differences = y_score[y_true == 1][:, None] - y_score[y_true == 0]
    return np.mean((differences > 0) + 0.5 * (differences == 0))


def assert_same(values, expected):
    assert {name for name, value in values.items() if value is None} == {
        name for name, value in expected.items() if value is None
    }
    for name, value in expected.items():
        assert values[name] is None or values[name] == pytest.approx(value, rel=1e-12, abs=1e-14), name


@pytest.mark.parametrize("seed", range(10))
def test_binary_metrics_equal_scikit_learn_on_ten_times_100_random_cases(seed):
    rng = np.random.default_rng(seed)
    num_one_class = num_ties = 0
    for _ in range(100):
        y_true, y_score, threshold = random_case(rng)
        found = binary_metrics(y_true, y_score, CLASSES, threshold)
        assert_same(found.values, reference_metrics(y_true, y_score, threshold))
        assert set(found.undefined) == {name for name, value in found.values.items() if value is None}
        assert tuple(found.values) == METRIC_NAMES
        if found.values["roc_auc"] is not None:
            assert found.values["roc_auc"] == pytest.approx(auc_by_counting_pairs(y_true, y_score), abs=1e-12)
        predicted = y_score.astype(float) >= threshold
        assert found.confusion == [
            [int(np.sum((y_true == true) & (predicted == answer))) for answer in (0, 1)] for true in (0, 1)
        ]
        num_one_class += len(set(y_true)) == 1
        num_ties += len(set(y_score)) < len(y_score)
    assert num_one_class > 20
    assert num_ties > 40


def test_a_worked_example():
    # Called positive at .5: the images 2, 4 and 5, of which 4 and 5 are; image 3 is missed.
    found = binary_metrics([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.7, 0.9], CLASSES)
    assert found.confusion == [[1, 1], [1, 2]]
    assert (found.n, found.positives) == (5, 3)
    assert found.values["accuracy"] == pytest.approx(3 / 5)
    assert found.values["majority_accuracy"] == pytest.approx(3 / 5)
    assert found.values["precision"] == pytest.approx(2 / 3)
    assert found.values["recall"] == pytest.approx(2 / 3)
    assert found.values["specificity"] == pytest.approx(1 / 2)
    assert found.values["balanced_accuracy"] == pytest.approx(7 / 12)
    assert found.values["f1"] == pytest.approx(2 / 3)
    # Of six pairs, only .4 under .6 is in the wrong order.
    assert found.values["roc_auc"] == pytest.approx(5 / 6)
    # Ranked + + - + -: precision 1 at the first and second positive, 3/4 at the third.
    assert found.values["average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    # (2 * 1 - 1 * 1) / sqrt(3 * 3 * 2 * 2).
    assert found.values["mcc"] == pytest.approx(1 / 6)
    assert found.values["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.09 + 0.01) / 5)
    assert found.values["log_loss"] == pytest.approx(-np.log(0.9 * 0.4 * 0.4 * 0.7 * 0.9) / 5)
    assert found.per_class["functional"] == ClassMetrics(0.5, recall=0.5, f1=0.5, n=2, roc_auc=pytest.approx(5 / 6))
    assert found.per_class["defective"].precision == pytest.approx(2 / 3)
    assert found.undefined == {}


def test_auc_comes_from_scores_and_is_not_balanced_accuracy():
    # All scores lie below .5, so that every answer is the same, yet the order is perfect.
    found = binary_metrics([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], CLASSES)
    assert found.values["roc_auc"] == 1.0
    assert found.values["average_precision"] == 1.0
    assert found.values["balanced_accuracy"] == 0.5


def test_a_score_at_the_threshold_is_positive():
    assert binary_metrics([0, 1], [0.2, 0.7], CLASSES, threshold=0.7).confusion == [[1, 0], [0, 1]]


def test_a_set_without_positives_names_what_is_undefined():
    found = binary_metrics([0, 0], [0.1, 0.8], CLASSES)
    missing = "no image of this set is 'defective'"
    assert found.undefined == {
        "balanced_accuracy": missing,
        "recall": missing,
        "roc_auc": missing,
        "average_precision": missing,
    }
    assert found.values["precision"] == 0.0
    assert found.values["f1"] == 0.0
    assert found.values["mcc"] == 0.0
    assert found.per_class["defective"] == ClassMetrics(0.0, recall=None, f1=0.0, n=0, roc_auc=None)


def test_a_set_without_negatives_names_what_is_undefined():
    found = binary_metrics([1, 1], [0.1, 0.8], CLASSES)
    missing = "no image of this set is 'functional'"
    assert found.undefined == dict.fromkeys(
        ("balanced_accuracy", "specificity", "roc_auc", "average_precision"), missing
    )


def test_without_predicted_positives_precision_has_a_reason():
    found = binary_metrics([0, 1], [0.1, 0.2], CLASSES)
    assert found.undefined == {"precision": "no image was predicted 'defective'"}
    assert found.values["f1"] == 0.0


def test_f1_is_undefined_only_without_positives_on_either_side():
    found = binary_metrics([0, 0], [0.1, 0.2], CLASSES)
    assert found.undefined["f1"] == "no image of this set is 'defective' and none was predicted so"
    assert found.values["mcc"] == 0.0


def test_a_certain_mistake_has_a_finite_log_loss():
    found = binary_metrics([1], [0.0], CLASSES)
    assert found.values["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_as_dict_is_the_entry_of_results_json():
    entry = binary_metrics([0, 0, 1], [0.1, 0.2, 0.9], CLASSES).as_dict()
    assert list(entry) == ["n", "positives", "metrics", "undefined", "per_class", "confusion"]
    assert entry["per_class"]["defective"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n": 1, "roc_auc": 1.0}
    assert all(type(value) is float for value in entry["metrics"].values())
    assert all(type(count) is int for row in entry["confusion"] for count in row)


@pytest.mark.parametrize("as_given", [lambda p: p, lambda p: p[:, None], lambda p: np.column_stack([1 - p, p])])
def test_two_classes_take_a_column_or_both(as_given):
    y_true, positive = np.array([0, 1, 1, 0]), np.array([0.2, 0.6, 0.3, 0.1])
    found = classification_metrics(y_true, as_given(positive), CLASSES, threshold=0.3)
    assert found == binary_metrics(y_true, positive, CLASSES, threshold=0.3)


def test_multiclass_metrics_equal_scikit_learn_on_50_random_cases():
    rng = np.random.default_rng(1)
    for _ in range(50):
        n = int(rng.integers(3, 40))
        y_true = np.concatenate([np.arange(3), rng.integers(0, 3, n - 3)])
        y_probability = rng.dirichlet(np.ones(3), n)
        y_pred = y_probability.argmax(axis=1)
        macro = {"average": "macro", "zero_division": 0.0}
        negatives_right = reference.multilabel_confusion_matrix(y_true, y_pred, labels=[0, 1, 2])[:, 0, :]
        expected = {
            "accuracy": reference.accuracy_score(y_true, y_pred),
            "balanced_accuracy": reference.balanced_accuracy_score(y_true, y_pred),
            "precision": reference.precision_score(y_true, y_pred, **macro),
            "recall": reference.recall_score(y_true, y_pred, **macro),
            "specificity": np.mean(negatives_right[:, 0] / negatives_right.sum(axis=1)),
            "f1": reference.f1_score(y_true, y_pred, **macro),
            "roc_auc": reference.roc_auc_score(y_true, y_probability, multi_class="ovr"),
            "average_precision": reference.average_precision_score(y_true, y_probability),
            "mcc": reference.matthews_corrcoef(y_true, y_pred),
            "log_loss": reference.log_loss(y_true, y_probability),
            "brier": reference.brier_score_loss(y_true, y_probability),
            "majority_accuracy": np.bincount(y_true).max() / n,
        }
        found = multiclass_metrics(y_true, y_probability, THREE)
        assert_same(found.values, expected)
        assert found.confusion == reference.confusion_matrix(y_true, y_pred, labels=[0, 1, 2]).tolist()
        assert found.positives is None


def test_a_class_never_answered_counts_as_precision_0_and_is_null_by_itself():
    found = classification_metrics([0, 1, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], THREE)
    # Precisions 1/2, 1 and none.
    assert found.values["precision"] == pytest.approx((0.5 + 1 + 0) / 3)
    # The only one is given .1, as both others are: two ties.
    assert found.per_class["viral"] == ClassMetrics(precision=None, recall=0.0, f1=0.0, n=1, roc_auc=0.5)


def test_each_class_has_its_own_auc_against_the_rest():
    rows = [[0.5, 0.2, 0.3], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1], [0.2, 0.1, 0.7]]
    found = classification_metrics([0, 0, 1, 2], rows, THREE)
    # Normal .5 .3 against .4 .2: 3 of 4 pairs. Bacterial .5 and viral .7 lie above all others.
    assert [one.roc_auc for one in found.per_class.values()] == [0.75, 1.0, 1.0]
    assert found.values["roc_auc"] == pytest.approx(2.75 / 3)


def test_a_class_that_is_there_has_an_auc_though_another_is_absent():
    found = classification_metrics([0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], THREE)
    assert [one.roc_auc for one in found.per_class.values()] == [1.0, 1.0, None]


def test_a_set_that_lacks_a_class_has_no_macro_average():
    found = classification_metrics([0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], THREE)
    reason = "no image of this set is 'viral', and a mean over the classes needs them all"
    assert found.undefined == dict.fromkeys(
        ("balanced_accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision"), reason
    )
    assert found.values["accuracy"] == 1.0
    assert found.values["mcc"] == 1.0
    assert found.values["log_loss"] == pytest.approx(-np.log(0.8 * 0.7) / 2)


def test_one_class_that_is_also_the_only_answer_has_no_macro_average():
    found = classification_metrics([1, 1], [[0.1, 0.8, 0.1], [0.2, 0.7, 0.1]], THREE)
    assert found.values["mcc"] == 0.0
    assert "'normal', 'viral'" in found.undefined["f1"]


def test_float32_softmax_rows_need_not_sum_to_one_exactly():
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.3, 0.5, 0.2]], dtype=np.float32) * np.float32(1.000001)
    found = classification_metrics([0, 2, 1], rows, THREE)
    assert found.values["log_loss"] == pytest.approx(-np.log(0.7 * 0.7 * 0.5) / 3, abs=1e-6)


def test_binary_metrics_refuse_three_classes():
    with pytest.raises(DataError, match="binary metrics need two classes, got 3: normal, bacterial, viral"):
        binary_metrics([0, 1], [0.1, 0.9], THREE)


def test_a_threshold_must_be_a_number():
    with pytest.raises(DataError, match="the threshold must be a number, got nan"):
        binary_metrics([0, 1], [0.1, 0.9], CLASSES, threshold=float("nan"))

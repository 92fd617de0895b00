import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from kbin.errors import DataError
from kbin.evaluation.baselines import baseline_metrics
from kbin.evaluation.metrics import classification_metrics
from kbin.metric_names import METRIC_NAMES

COUNTS = [(30, 10), (10, 30), (7, 0), (0, 7), (50, 30, 20), (2, 6, 2, 30), (5, 5, 0)]


def labels_of(counts):
    return np.repeat(np.arange(len(counts)), counts)


def fitted(strategy, counts, seed=0):
    """Scikit-learn's own baseline, which knows the classes even where the set lacks one."""
    truth = labels_of(counts)
    return DummyClassifier(strategy=strategy, random_state=seed).fit(np.zeros((len(truth), 1)), truth), truth


@pytest.mark.parametrize("counts", COUNTS)
def test_the_majority_baseline_gets_what_scikit_learns_constant_prior_gets(counts):
    dummy, truth = fitted("prior", counts)
    probabilities = np.zeros((len(truth), len(counts)))
    probabilities[:, dummy.classes_] = dummy.predict_proba(np.zeros((len(truth), 1)))
    expected = classification_metrics(truth, probabilities, [f"class {k}" for k in range(len(counts))])

    values = baseline_metrics(counts)["majority"]
    assert list(values) == list(METRIC_NAMES)
    assert values == {name: pytest.approx(value, nan_ok=True) for name, value in expected.values.items()}


@pytest.mark.parametrize("counts", [(3000, 1000), (1000, 3000), (5000, 3000, 2000)])
def test_the_random_baseline_gets_what_drawn_answers_get_on_many_images(counts):
    truth = labels_of(counts)
    names = [f"class {k}" for k in range(len(counts))]
    drawn = []
    for seed in range(20):
        dummy, _ = fitted("stratified", counts, seed)
        # Hard answers: probabilities of exactly 0 and 1.
        probabilities = dummy.predict_proba(np.zeros((len(truth), 1))).astype(float)
        drawn.append(classification_metrics(truth, probabilities, names).values)

    values = baseline_metrics(counts)["random"]
    assert values["log_loss"] is None
    assert values["brier"] is None
    for name, value in values.items():
        if value is not None:
            # Standard errors of means over 20 x 4,000 images are below .003.
            assert value == pytest.approx(np.mean([one[name] for one in drawn]), abs=0.01), name


def test_two_classes_by_hand():
    # A quarter is positive. Random answers: both positive 1/16, both negative 9/16.
    random = baseline_metrics((30, 10))["random"]
    assert random["accuracy"] == pytest.approx(10 / 16)
    assert [random[name] for name in ("precision", "recall", "f1", "average_precision")] == pytest.approx([0.25] * 4)
    assert random["specificity"] == pytest.approx(0.75)
    assert random["majority_accuracy"] == pytest.approx(0.75)


def test_the_majoritys_log_loss_is_the_entropy_of_the_shares():
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert baseline_metrics((30, 10))["majority"]["log_loss"] == pytest.approx(entropy)


@pytest.mark.parametrize("counts", [(5,), (0, 0), (3, -1)])
def test_without_images_or_classes_there_are_none(counts):
    with pytest.raises(DataError, match="at least two classes, got"):
        baseline_metrics(counts)

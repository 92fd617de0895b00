"""What is chosen, and what the files say of it."""

from pathlib import Path

import numpy as np
import pytest

from kbin.config.search import SearchConfig, with_settings
from kbin.search.cross_validation import FoldPlan, make_folds
from kbin.search.plan import SearchPlan
from kbin.search.results import FoundSettings, complexity
from kbin.search.trials import TrialOutcome
from tests.experiment_texts import SMALLEST, loader
from tests.search.datasets import dataset


@pytest.mark.parametrize(
    ("simpler", "more_complex"),
    [
        ({"train_blocks": 0, "head.hidden_units": [512]}, {"train_blocks": 1}),
        ({"train_blocks": 1}, {"train_blocks": 2}),
        ({"train_from": "top"}, {"train_from": "block7"}),
        ({"head.hidden_units": []}, {"head.hidden_units": [8]}),
        ({"head.hidden_units": [64]}, {"head.hidden_units": [65]}),
        ({"training.epochs": 3, "training.learning_rate": 0.1}, {"training.epochs": 5, "training.learning_rate": 1e-4}),
        ({"training.weight_decay": 0.1}, {"training.weight_decay": 0.01}),
        ({"head.dropout": 0.5}, {"head.dropout": 0.0}),
        ({"training.learning_rate": 1e-4}, {"training.learning_rate": 1e-3}),
    ],
)
def test_what_can_fit_less_is_simpler(tmp_path: Path, simpler, more_complex):
    config = loader(tmp_path)(SMALLEST)
    orders = [complexity(with_settings(config.models[0], one), config.training) for one in (simpler, more_complex)]
    assert orders[0] < orders[1]


def found(folder: Path, scores: list[list[float | None]], repeats: int = 1, select: str = "best") -> FoundSettings:
    """A search of two numbers of epochs in two folds; None is a trial that failed."""
    config = loader(folder)(SMALLEST)
    search = SearchConfig(folds=2, repeats=repeats, select=select, grid={"training.epochs": [3, 5]})
    folds = make_folds(TRAIN, FoldPlan(2, repeats, 0, (0, 1)))
    combinations = [{"training.epochs": epochs} for epochs in (3, 5)]
    outcomes = [
        [
            TrialOutcome("id", "ValueError: x")
            if score is None
            else TrialOutcome("id", epoch=3, metrics=_metrics(score), held_out=_marked(place, fold.held_out))
            for score, fold in zip(row, folds, strict=True)
        ]
        for place, row in enumerate(scores)
    ]
    return FoundSettings.of(config.models[0], SearchPlan(search, combinations, folds, ()), outcomes, config.training)


TRAIN = dataset([0, 1] * 6)


def _metrics(score: float) -> dict[str, float | None]:
    names = [
        "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision",
        "mcc", "log_loss", "brier", "majority_accuracy",
    ]  # fmt: skip
    return dict.fromkeys(names, score)


def _marked(place: int, positions: np.ndarray) -> np.ndarray:
    """Probabilities that say which combination and image they are of."""
    return (place * 100 + positions) / 1000


def test_out_of_fold_predictions_are_those_of_the_chosen_combination_in_the_order_of_the_images(tmp_path):
    predictions, columns = found(tmp_path, [[0.1, 0.2], [0.8, 0.9]]).out_of_fold(TRAIN)
    np.testing.assert_allclose(predictions.y_score, (100 + np.arange(12)) / 1000)
    assert predictions.sample_ids.tolist() == TRAIN.sample_ids.tolist()
    assert predictions.y_true.tolist() == ["cat", "dog"] * 6
    assert sorted(columns["fold"]) == [1] * 6 + [2] * 6


def test_out_of_fold_predictions_of_repeats_stand_one_after_the_other(tmp_path):
    predictions, columns = found(tmp_path, [[0.1] * 4, [0.8] * 4], repeats=2).out_of_fold(TRAIN)
    assert predictions.sample_ids.tolist() == TRAIN.sample_ids.tolist() * 2
    assert columns["repeat"].tolist() == [1] * 12 + [2] * 12


def test_the_chosen_model_has_the_chosen_settings(tmp_path):
    assert found(tmp_path, [[0.1, 0.2], [0.8, 0.9]]).chosen.training.epochs == 5
    # The best has mean .85 and standard error .05: .82 is within it, and has fewer epochs.
    within = found(tmp_path, [[0.82, 0.82], [0.8, 0.9]], select="one_standard_error")
    assert within.chosen.training.epochs == 3
    assert [row["within_one_standard_error"] for row in within.entry()["combinations"]] == [True, True]


def test_a_failed_trial_has_a_row_with_its_error(tmp_path):
    rows = found(tmp_path, [[0.1, None], [0.8, 0.9]]).rows()
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert rows[1]["error"] == "ValueError: x"
    assert rows[1]["score"] is None
    assert (rows[0]["score"], rows[0]["training.epochs"], rows[0]["n_held_out"]) == (0.1, 3, 6)


def test_where_everything_failed_nothing_is_chosen_and_the_reason_is_said(tmp_path):
    nothing = found(tmp_path, [[None, None], [None, None]])
    assert nothing.chosen is None
    assert nothing.out_of_fold(TRAIN) is None
    assert nothing.error == "no combination of the search has a score: ValueError: x"

import subprocess
import sys

import pytest

from kbin.errors import ConfigError
from kbin.metric_names import METRIC_NAMES, METRICS, metric_row


def test_every_row_tells_a_person_what_it_is():
    assert len(set(METRIC_NAMES)) == len(METRICS)
    for row in METRICS:
        assert row.title
        assert row.description.endswith(".")
        assert format(0.5, row.format) == "0.500"


def test_losses_are_minimised_and_scores_maximised():
    assert {row.name for row in METRICS if not row.higher_is_better} == {"log_loss", "brier"}


def test_the_threshold_moves_only_what_is_counted_from_answers():
    assert {row.name for row in METRICS if not row.uses_threshold} == {
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
        "majority_accuracy",
    }


def test_only_the_majority_describes_the_set_and_not_the_model():
    assert [row.name for row in METRICS if row.is_baseline] == ["majority_accuracy"]


def test_a_row_is_found_by_name():
    assert metric_row("roc_auc").title == "ROC AUC"


def test_an_unknown_metric_lists_the_nearest_first():
    with pytest.raises(ConfigError, match=r"unknown metric 'rocauc'\. Did you mean 'roc_auc'\? Known: roc_auc, "):
        metric_row("rocauc")


def test_the_table_costs_no_heavy_import():
    code = "import sys, kbin.metric_names; print({'numpy', 'sklearn', 'keras', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_no_evaluation_module_reaches_keras_torch_or_pyplot():
    code = (
        "import sys, kbin.evaluation.seed_means, kbin.evaluation.thresholds, kbin.evaluation.roc;"
        "import kbin.evaluation.precision_recall, kbin.evaluation.confusion, kbin.evaluation.learning_curves;"
        "print({'keras', 'torch', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

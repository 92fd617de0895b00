"""The metrics that kbin knows, in reading order: a table that costs nothing to import."""

from dataclasses import dataclass

from kbin.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class MetricRow:
    """One metric, as tables, plots and settings name it.

    Attributes:
        name: The key in results.json, in CSV headers and in the experiment file.
        title: The name for people.
        higher_is_better: The direction of improvement.
        uses_threshold: Whether it changes with the threshold; the others look at scores or labels alone.
        description: One line for people who do not know the metric.
        format: The format specification for one value.
        is_baseline: Whether it describes the set and not the model, so that it cannot rank models.
    """

    name: str
    title: str
    higher_is_better: bool
    uses_threshold: bool
    description: str
    format: str = ".3f"
    is_baseline: bool = False


METRICS: tuple[MetricRow, ...] = (
    MetricRow("accuracy", "Accuracy", True, True, "Share of images that are answered rightly."),
    MetricRow(
        "balanced_accuracy",
        "Balanced accuracy",
        True,
        True,
        "Mean of the recalls of all classes; 0.5 for guessing between two classes, whatever their shares.",
    ),
    MetricRow("precision", "Precision", True, True, "Share of the images called positive that are positive."),
    MetricRow("recall", "Recall", True, True, "Share of the positive images that are called positive."),
    MetricRow("specificity", "Specificity", True, True, "Share of the negative images that are called negative."),
    MetricRow("f1", "F1", True, True, "Harmonic mean of precision and recall."),
    MetricRow(
        "roc_auc",
        "ROC AUC",
        True,
        False,
        "Probability that a random positive image outscores a random negative one (ties count half).",
    ),
    MetricRow(
        "average_precision",
        "Average precision",
        True,
        False,
        "Precision averaged over all recalls; the share of positives is what guessing gets.",
    ),
    MetricRow(
        "mcc",
        "MCC",
        True,
        True,
        "Matthews correlation between truth and answer, -1 to 1; 0 for guessing and for a single answer.",
    ),
    MetricRow("log_loss", "Log loss", False, False, "Mean negative logarithm of the probability given to the truth."),
    MetricRow(
        "brier",
        "Brier score",
        False,
        False,
        "Mean squared error of the probabilities: 0 to 1 for two classes, 0 to 2 for more.",
    ),
    MetricRow(
        "majority_accuracy",
        "Majority baseline",
        True,
        False,
        "Accuracy of always answering the most frequent class of this set.",
        is_baseline=True,
    ),
)

METRIC_NAMES: tuple[str, ...] = tuple(row.name for row in METRICS)


def metric_row(name: str) -> MetricRow:
    """Returns the row of a metric.

    Args:
        name: A metric's name, such as `roc_auc`.

    Raises:
        ConfigError: No metric has this name; the message lists the known ones, nearest first.
    """
    for row in METRICS:
        if row.name == name:
            return row
    raise ConfigError(unknown_name("metric", name, METRIC_NAMES))

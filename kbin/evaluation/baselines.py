"""What answers get that do not look at the images: the numbers that a model has to beat."""

from collections.abc import Sequence
from math import log

from kbin.errors import DataError
from kbin.metric_names import METRIC_NAMES

MAJORITY, RANDOM = "majority", "random"
Values = dict[str, float | None]


def baseline_metrics(counts: Sequence[int]) -> dict[str, Values]:
    """Returns the metrics of the majority baseline and of the random baseline on a set, from its class shares alone.

    - "majority" gives every image the set's class shares as probabilities, so it always answers the most frequent class
      (the first of equally frequent ones). Its log loss is the entropy of the shares: the best that a constant can get.
    - "random" draws each answer with the set's class shares. Its values are those of the expected counts: precision, F1
      and MCC are ratios of expectations, from which the expectation of the ratio differs by a term that shrinks with
      the number of images. It gives no probabilities, so log loss and Brier score are None.

    Both order the images by nothing: ROC AUC .5, and average precision the share of positives. Of more than two classes
    precision, recall, specificity, F1 and average precision are macro averages, a class that is never answered counting
    with precision and F1 0, as in `multiclass_metrics`. None where the set cannot tell, as there: without an image of
    every class there are no averages over classes.

    Args:
        counts: Images of each class, in label order; of two classes the second is the positive one.

    Raises:
        DataError: There are fewer than two classes, or no image.
    """
    if len(counts) < 2 or sum(counts) <= 0 or min(counts) < 0:
        raise DataError(f"baselines need the numbers of images of at least two classes, got {list(counts)}.")
    shares = [count / sum(counts) for count in counts]
    most = max(range(len(shares)), key=shares.__getitem__)
    probabilities = {
        "log_loss": sum(-share * log(share) for share in shares if share),
        "brier": shares[1] * (1 - shares[1]) if len(shares) == 2 else 1 - sum(share**2 for share in shares),
    }
    of_one = [1.0 if index == most else 0.0 for index in range(len(shares))]
    return {
        MAJORITY: _complete(_metrics(shares, of_one) | probabilities | {"majority_accuracy": max(shares)}),
        RANDOM: _complete(_metrics(shares, shares) | {"majority_accuracy": max(shares)}),
    }


def _metrics(shares: Sequence[float], answered: Sequence[float]) -> Values:
    """Returns what answers get that are independent of the truth.

    Args:
        shares: Of the classes among the images.
        answered: Of the classes among the answers.
    """
    values: Values = {"accuracy": sum(p * a for p, a in zip(shares, answered, strict=True)), "mcc": 0.0}
    if len(shares) == 2:
        p, a = shares[1], answered[1]
        values |= {
            # An answer that looks at nothing is as often right as its class is frequent.
            "precision": p if a else None,
            "recall": a if p else None,
            "specificity": 1 - a if p < 1 else None,
            "f1": 2 * p * a / (p + a) if p + a else None,
        }
        averages: Values = {"balanced_accuracy": 0.5, "roc_auc": 0.5, "average_precision": p}
    else:
        number = len(shares)
        averages = {
            "balanced_accuracy": 1 / number,
            "precision": sum(p for p, a in zip(shares, answered, strict=True) if a) / number,
            "recall": 1 / number,
            "specificity": 1 - 1 / number,
            "f1": sum(2 * p * a / (p + a) for p, a in zip(shares, answered, strict=True) if p + a) / number,
            "roc_auc": 0.5,
            "average_precision": 1 / number,
        }
    return values | (averages if min(shares) > 0 else dict.fromkeys(averages))


def _complete(values: Values) -> Values:
    return {name: values.get(name) for name in METRIC_NAMES}

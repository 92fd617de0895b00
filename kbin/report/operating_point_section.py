"""The page's part on the threshold: at 0.5, in force, and the best of the very set, side by side over the sets."""

from dataclasses import dataclass

from kbin.evaluation.thresholds import CRITERIA
from kbin.metric_names import MetricRow, metric_row
from kbin.report.recorded import TRAIN, VALIDATION, ModelResults, RunResults
from kbin.report.recorded_sets import OperatingPoint, SetResults
from kbin.report.wording import UNDEFINED, mean_text, metric_text, share_text, title_in_text

HALF, LOCKED, ORACLE = "half", "locked", "oracle"
COLUMNS: tuple[MetricRow, ...] = tuple(
    metric_row(name) for name in ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1")
)
_AT_HALF = 0.5
# What a criterion makes as large as it can, as one of the metrics; cost has none.
_AIMS = {"youden": "balanced_accuracy", "f1": "f1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class PointRow:
    """One operating point: its name, its threshold, its metrics in the order of the columns, its cost."""

    title: str
    threshold: str
    values: tuple[str, ...]
    cost: str
    is_oracle: bool


@dataclass(frozen=True)
class SetPoints:
    """One model on one set.

    Attributes:
        set_name: The set.
        roc_auc: As written, with its spread: it knows no threshold.
        rows: An operating point each.
        sentence: Whether the order is lost or the threshold does not fit, "" where there is nothing to say.
        collapsed: Whether the sentence tells of a collapse.
    """

    set_name: str
    roc_auc: str
    rows: tuple[PointRow, ...]
    sentence: str
    collapsed: bool


@dataclass(frozen=True)
class OperatingPoints:
    """The whole part: where the threshold comes from, and of each model a group of rows a set."""

    origin: str
    columns: tuple[MetricRow, ...]
    with_costs: bool
    costs: str
    models: dict[str, tuple[SetPoints, ...]]


def operating_points(results: RunResults) -> OperatingPoints | None:
    """Returns the part; None for more than two classes, and where no model has results.

    Args:
        results: The run.
    """
    if results.positive is None or not results.done:
        return None
    # What was learned from says nothing of a threshold.
    names = [name for name in results.reading_order if name != TRAIN] or list(results.reading_order)
    models = {model.id: tuple(_set_points(results, model, name) for name in names) for model in results.done}
    costs = results.costs
    of_errors = "" if costs is None else f"a false positive costs {costs.false_positive:g}, a false negative "
    return OperatingPoints(
        origin_sentence(results),
        COLUMNS,
        costs is not None,
        of_errors and f"{of_errors}{costs.false_negative:g}" if costs is not None else "",
        models,
    )


def origin_sentence(results: RunResults) -> str:
    """Returns where the threshold in force comes from; "" where the run does not say."""
    origin = results.threshold
    if origin is None:
        return ""
    if origin.chosen_on == "fixed":
        return (
            "The threshold in force is the one that the experiment file gives. The oracle's is chosen by the largest "
            "sensitivity + specificity."
        )
    if origin.criterion is None:
        return origin.note or "The threshold in force is 0.5."
    what = next((row.description for row in CRITERIA if row.name == origin.criterion), origin.criterion)
    what = what.rstrip(".").lower() if origin.criterion != "f1" else "largest F1 of the positive class"
    if origin.sensitivity is not None:
        what = f"most negatives right among those that find at least {share_text(origin.sensitivity)} of the positives"
    where = {
        "validation": "on the validation set, each seed by its own scores",
        "out_of_fold": "on what the folds of the search predicted of the training images that they held out, one for "
        "all seeds",
    }.get(origin.chosen_on, f"on {origin.chosen_on}")
    return f"The threshold in force was chosen {where} ({what}), and then locked for all sets."


def _set_points(results: RunResults, model: ModelResults, set_name: str) -> SetPoints:
    entry = model.sets[set_name]
    points = dict(entry.operating_points)
    if all(one.threshold == _AT_HALF for one in entry.per_seed):
        points.pop(HALF, None)  # the same as the one in force
    rows = tuple(_row(key, point) for key, point in points.items())
    return SetPoints(
        set_name, mean_text("roc_auc", entry), rows, fit_sentence(results, set_name, entry), entry.collapsed
    )


def _row(key: str, point: OperatingPoint) -> PointRow:
    titles = {HALF: "at 0.5", LOCKED: "in force", ORACLE: "oracle"}
    values = tuple(metric_text(row.name, point.metrics.get(row.name)) for row in COLUMNS)
    return PointRow(
        titles.get(key, key), f"{point.threshold:.3f}", values, cost_text(point.cost), is_oracle=key == ORACLE
    )


def cost_text(cost: float | None) -> str:
    """Returns the cost of an image as written."""
    return UNDEFINED if cost is None else f"{cost:.3f}"


def fit_sentence(results: RunResults, set_name: str, entry: SetResults) -> str:
    """Returns whether the order of the images is lost on a set or only the threshold does not fit; "" if not known."""
    locked, oracle = entry.operating_points.get(LOCKED), entry.operating_points.get(ORACLE)
    if entry.collapsed:
        best = None if oracle is None else oracle.metrics.get("balanced_accuracy")
        reached = (
            "" if best is None else f" The oracle's balanced accuracy is {metric_text('balanced_accuracy', best)}."
        )
        return f"Collapsed: {entry.collapse or 'how was not recorded'}.{reached}"
    if locked is None or oracle is None:
        return ""
    if set_name == VALIDATION and results.threshold is not None and results.threshold.chosen_on == VALIDATION:
        return "The threshold was chosen on this set, so here it is the oracle's."
    wanted = None if results.threshold is None else results.threshold.sensitivity
    if wanted is not None:
        found = share_text(locked.metrics.get("recall"))
        return f"The threshold in force finds {found} of the positives here; {share_text(wanted)} were asked for."
    criterion = results.threshold.criterion if results.threshold is not None else None
    if criterion == "cost" and locked.cost is not None and oracle.cost is not None:
        return f"Against the oracle, the threshold in force costs {locked.cost - oracle.cost:.3f} more an image here."
    aim = _AIMS.get(criterion or "youden", "balanced_accuracy")
    in_force, best = locked.metrics.get(aim), oracle.metrics.get(aim)
    if in_force is None or best is None:
        return ""
    return f"Against the oracle, the threshold in force loses {best - in_force:.3f} of {title_in_text(aim)} here."

"""Numbers and names in words: one way to write each, in text and page alike."""

from collections.abc import Sequence
from datetime import UTC, datetime

from kbin.metric_names import metric_row
from kbin.report.recorded import ModelResults, RunResults
from kbin.report.recorded_sets import SetResults

UNDEFINED = "\N{EN DASH}"
COLLAPSED = "collapsed"
NOT_ABOVE_MAJORITY = "≤ majority"
_NO_BREAK = "\N{NO-BREAK SPACE}"
_NAMES = ("ROC", "F1", "MCC", "Brier")  # that begin titles and keep their capitals
_SMALLEST_P = 0.001
_SECONDS_WITH_DECIMALS = 10
_MINUTE, _HOUR = 60, 3600  # seconds


def metric_text(name: str, value: float | None) -> str:
    """Returns a metric's value as its row of the table of metrics formats it."""
    return UNDEFINED if value is None else format(value, metric_row(name).format)


def title_in_text(name: str) -> str:
    """Returns a metric's title as it stands inside a sentence."""
    title = metric_row(name).title
    return title if title.startswith(_NAMES) else title[:1].lower() + title[1:]


def spread_text(name: str, entry: SetResults) -> str:
    """Returns "± 0.004", the standard deviation over seeds, or "" where there is none."""
    spread = entry.spread.get(name)
    return "" if spread is None else f"±{_NO_BREAK}{metric_text(name, spread)}"


def interval_text(name: str, entry: SetResults) -> str:
    """Returns "[0.801, 0.913]", the interval of a metric, or "" where there is none."""
    interval = entry.intervals.get(name)
    return "" if interval is None else f"[{metric_text(name, interval[0])},{_NO_BREAK}{metric_text(name, interval[1])}]"


def range_text(name: str, low: float, high: float) -> str:
    """Returns "0.003 to 0.025", with signs where one end is negative."""
    sign = "" if low >= 0 else "+"
    return " to ".join(_minus(format(value, f"{sign}{metric_row(name).format}")) for value in (low, high))


def signed_text(name: str, value: float) -> str:
    """Returns a difference with its sign; what is rounded to nothing has none."""
    text = format(value, f"+{metric_row(name).format}")
    return text[1:] if float(text) == 0 else _minus(text)


def p_text(p_value: float | None) -> str:
    """Returns a p-value with three decimals; below that it is only said to be small."""
    if p_value is None:
        return UNDEFINED
    return "< 0.001" if p_value < _SMALLEST_P else f"{p_value:.3f}"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def mean_text(name: str, entry: SetResults) -> str:
    """Returns a metric's mean over seeds and, where there are several, its spread."""
    return _NO_BREAK.join(
        part for part in (metric_text(name, entry.metrics.get(name)), spread_text(name, entry)) if part
    )


def reason_text(name: str, entry: SetResults) -> str:
    """Returns why a metric is undefined on a set."""
    return entry.undefined.get(name, "not recorded")


def number_text(count: float) -> str:
    """Returns a count; means over seeds of counts have one decimal."""
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"


def count_text(count: int, one: str) -> str:
    """Returns "1 image", "2 images"."""
    return f"{count:,} {one if count == 1 else one + 's'}"


def mean_share_text(name: str, entry: SetResults) -> str:
    """Returns the mean over seeds of a metric between 0 and 1 as a percentage, with its spread."""
    spread = entry.spread.get(name)
    mean = share_text(entry.metrics.get(name))
    return mean if spread is None else f"{mean}{_NO_BREAK}±{_NO_BREAK}{share_text(spread)}"


def share_text(share: float | None) -> str:
    """Returns a share as a percentage with one decimal."""
    return UNDEFINED if share is None else f"{share:.1%}"


def duration_text(seconds: float) -> str:
    """Returns a time as people say it."""
    if seconds < _SECONDS_WITH_DECIMALS:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def time_text(moment: str) -> str:
    """Returns a moment in ISO 8601 as people read it; anything else as it is."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment


def listed(items: Sequence[str]) -> str:
    """Returns "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def contents_text(results: RunResults, set_name: str) -> str:
    """Returns how many images a set has, and how many of the positive class."""
    contents = results.sets[set_name]
    images = count_text(contents.n, "image")
    if results.positive is None:
        return images
    return f"{images}, {contents.counts[results.positive]:,} {results.positive} (positive)"


def majority_share(results: RunResults, set_name: str) -> float:
    """Returns the accuracy of always answering a set's most frequent class."""
    contents = results.sets[set_name]
    return contents.counts[results.majority_class(set_name)] / contents.n


def about_text(results: RunResults) -> str:
    """Returns which class or classes precision, recall and F1 are about."""
    if results.positive is not None:
        return f"Precision, recall and F1 are those of “{results.positive}”, the positive class."
    return (
        f"Precision, recall, F1 and ROC AUC are means over the {len(results.classes)} classes, each against the rest."
    )


def spread_sentence(results: RunResults) -> str:
    """Returns what the numbers over seeds do and do not say."""
    if results.num_seeds < 2:
        return "One seed: these numbers do not say how far training again on the same images would move them" + (
            ", and neither do the comparisons." if results.comparisons else ", nor how far other test images would."
        )
    spread = (
        f"Numbers are means over {count_text(results.num_seeds, 'seed')}; ± is their standard deviation: how far "
        "training again on the same images moves a number."
    )
    if results.comparisons:
        return f"{spread} How far other test images would move it, the intervals say."
    lead = ", so a small lead does not make a better model" if len(results.done) > 1 else ""
    return f"{spread} How far other test images would move it is not in it{lead}."


def error_text(model: ModelResults) -> str:
    """Returns what is known of a model that failed."""
    return model.error or "no reason was recorded"


def collapse_text(model_id: str, entry: SetResults) -> str:
    """Returns what a model's collapse on a set consists of; the name of the set stands before it."""
    return f"{model_id} has collapsed: {entry.collapse or 'how was not recorded'}."


def mark_text(entry: SetResults) -> str:
    """Returns what has to stand out beside a model's accuracy on a set, "" for nothing."""
    if entry.collapsed:
        return COLLAPSED
    return "" if entry.beats_majority or entry.metrics.get("majority_accuracy") == 1 else NOT_ABOVE_MAJORITY


def trained_text(train_blocks: int | str) -> str:
    """Returns how much of a backbone is trained, for a column "trained blocks"."""
    return f"from {train_blocks}" if isinstance(train_blocks, str) and train_blocks != "all" else str(train_blocks)


def train_blocks_text(train_blocks: int | str) -> str:
    """Returns how much of a backbone is trained."""
    if train_blocks == 0:
        return "none of the backbone (head only)"
    if train_blocks == "all":
        return "the whole backbone"
    if isinstance(train_blocks, int):
        return f"the top {count_text(train_blocks, 'block')} of the backbone"
    return f"the backbone from {train_blocks} on"

"""What a run found, as the plain text that `kbin run` prints: at most 80 columns, whatever the names."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from kbin.metric_names import metric_row
from kbin.report.recorded import RunResults, read_results
from kbin.report.recorded_sets import SetResults
from kbin.report.search_summary import search_lines
from kbin.report.tables import model_letters
from kbin.report.terminal import WIDTH, wrapped
from kbin.report.verdicts import short_verdict, standing
from kbin.report.wording import (
    COLLAPSED,
    NOT_ABOVE_MAJORITY,
    UNDEFINED,
    about_text,
    collapse_text,
    contents_text,
    error_text,
    majority_share,
    mark_text,
    metric_text,
    reason_text,
    spread_sentence,
)

_INDENT = 2
# With a spread beside the mean: the two metrics by which people compare.
_WITH_SPREAD = ("accuracy", "roc_auc")
_COLUMNS = ("accuracy", "precision", "recall", "f1", "roc_auc")
_HEADINGS = {"precision": "Precis."}
_MARK = max(len(COLLAPSED), len(NOT_ABOVE_MAJORITY))
_GAP = 2
_MOST_LETTERS = 4  # in a line
_LETTERS = "Models that share a letter beside the ROC AUC cannot be told apart; report.html has every pair."
_MAJORITY = "The majority baseline is the accuracy of always answering a set's most frequent class."


def result_lines(results: Mapping[str, Any]) -> list[str]:
    """Returns a table a set with a line a model, and below it what has to be known to read it; a search goes before.

    Args:
        results: The contents of results.json.

    Returns:
        Lines of at most 80 columns; names that would move the cursor or break a line are made harmless.

    Raises:
        RunFolderError: The results are damaged.
    """
    recorded = read_results(results)
    lines = search_lines(recorded)
    if recorded.done:
        for name in recorded.sets:
            lines += ["", *_set_lines(recorded, name)]
        about = f"{about_text(recorded)} {_MAJORITY}" + (f" {_LETTERS}" if _letters_width(recorded) else "")
        lines += ["", *wrapped(spread_sentence(recorded)), *wrapped(about)]
    for model in recorded.failed:
        lines += ["", *wrapped(f"{model.id} failed and has no results: {error_text(model)}", hanging=_INDENT)]
    return lines


def _set_lines(results: RunResults, set_name: str) -> list[str]:
    widths = _widths(results)
    entries = {model.id: model.sets[set_name] for model in results.done}
    has_letters = _letters_width(results) > 0
    letters = {
        model_id: model_letters(results, set_name, "roc_auc", model_id) if has_letters else "" for model_id in entries
    }
    baseline = metric_text("majority_accuracy", majority_share(results, set_name))
    heading = f"{set_name}: {contents_text(results, set_name)}; majority baseline {baseline}"
    lines = wrapped(heading, hanging=_INDENT)
    titles = [_HEADINGS.get(name, metric_row(name).title) for name in _COLUMNS]
    lines.append(_row("", titles, widths))
    for model_id, entry in entries.items():
        lines += _model_lines(model_id, entry, widths, letters[model_id])
    for model_id, entry in entries.items():
        if entry.collapsed:
            lines += wrapped(collapse_text(model_id, entry), indent=_INDENT, hanging=_INDENT + 2)
    for reason, names in _reasons(entries).items():
        lines += wrapped(f"{UNDEFINED} {', '.join(names)}: {reason}", indent=_INDENT, hanging=_INDENT + 2)
    return lines + _verdict_lines(results, set_name)


def _verdict_lines(results: RunResults, set_name: str) -> list[str]:
    """Returns who can be told apart by the ROC AUC, and by the accuracy where it says otherwise."""
    found = [one for name in ("roc_auc", "accuracy") if (one := standing(results, set_name, name)) is not None]
    if len(found) == 2 and found[0].wins == found[1].wins:
        found = found[:1]
    return [line for one in found for line in wrapped(short_verdict(one), indent=_INDENT, hanging=_INDENT + 2)]


def _model_lines(model_id: str, entry: SetResults, widths: Sequence[int], letters: str) -> list[str]:
    cells = [_cell(name, entry) for name in _COLUMNS]
    mark = f"{letters}{' ' * _GAP}{mark_text(entry)}".strip()
    if cell_len(model_id) <= widths[0]:
        return [_row(model_id, cells, widths, mark)]
    # Two long names may differ at their ends only: better a line of their own than an ellipsis.
    return [*wrapped(model_id, indent=_INDENT, hanging=_INDENT), _row("", cells, widths, mark)]


def _cell(name: str, entry: SetResults) -> str:
    mean, spread = entry.metrics.get(name), entry.spread.get(name)
    text = metric_text(name, mean)
    return f"{text}±{metric_text(name, spread)}" if name in _WITH_SPREAD and spread is not None else text


def _row(name: str, cells: Sequence[str], widths: Sequence[int], mark: str = "") -> str:
    padded = name + " " * (widths[0] - cell_len(name))
    columns = [f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)]
    return (" " * _INDENT + (" " * _GAP).join([padded, *columns, mark])).rstrip()


def _widths(results: RunResults) -> list[int]:
    """Returns the widths of the name column and of the columns of metrics."""
    cells = [[_cell(name, entry) for name in _COLUMNS] for model in results.done for entry in model.sets.values()]
    titles = [_HEADINGS.get(name, metric_row(name).title) for name in _COLUMNS]
    columns = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    room = WIDTH - _INDENT - sum(columns) - _GAP * (len(columns) + 1) - _MARK - _letters_width(results)
    return [min(room, max(cell_len(model.id) for model in results.done)), *columns]


def _letters_width(results: RunResults) -> int:
    """Returns the room for letters and the gap behind them; 0 where there are none, or too many for a line."""
    found = [metrics["roc_auc"].letters.values() for metrics in results.comparisons.values() if "roc_auc" in metrics]
    longest = max((len(letters) for one in found for letters in one), default=0)
    return longest + _GAP if 0 < longest <= _MOST_LETTERS else 0


def _reasons(entries: Mapping[str, SetResults]) -> dict[str, list[str]]:
    """Returns the titles of undefined metrics by reason; models are named where only some are concerned."""
    reasons: dict[str, list[str]] = {}
    for name in _COLUMNS:
        by_reason: dict[str, list[str]] = {}
        for model_id, entry in entries.items():
            if entry.metrics.get(name) is None:
                by_reason.setdefault(reason_text(name, entry), []).append(model_id)
        for reason, models in by_reason.items():
            of_whom = "" if len(models) == len(entries) else f" of {', '.join(models)}"
            reasons.setdefault(reason, []).append(metric_row(name).title + of_whom)
    return reasons

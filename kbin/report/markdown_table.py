"""The main table in Markdown, to be read in a repository."""

import re

from kbin.metric_names import metric_row
from kbin.report.recorded import TRAIN, ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import (
    UNDEFINED,
    about_text,
    collapse_text,
    contents_text,
    error_text,
    interval_text,
    mark_text,
    mean_text,
    spread_sentence,
)

_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc")
# What means something inside a line: code, emphasis, links, strikethrough, GitHub's mathematics, emoji names and bare
# links. What means something at the beginning of a line only is left: no line here begins with other people's text.
_MARKS = re.compile(r"[\\`*_\[\]~$]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"})


def markdown_results(results: RunResults) -> str:
    """Returns a row a set and model: each metric with its spread over seeds, its interval and its letters."""
    columns = ["Model", "Set", *(metric_row(name).title for name in _METRICS)]
    lines = [f"# Results of {markdown_text(results.experiment)}", ""]
    lines += [_row(columns), _row(["---", "---", *(["---:"] * len(_METRICS))])]
    for set_name in results.reading_order:
        for model in results.done:
            cells = [_cell(results, set_name, model, name) for name in _METRICS]
            lines.append(_row([markdown_text(model.id), markdown_text(set_name), *cells]))
    lines += ["", *(f"- {markdown_text(note)}" for note in _notes(results))]
    return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """Returns any text in one line, so that Markdown shows it as written inside a line or a table."""
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split())).translate(_ENTITIES)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(results: RunResults, set_name: str, model: ModelResults, metric: str) -> str:
    entry = model.sets[set_name]
    parts = [mean_text(metric, entry)]
    if set_name != TRAIN:  # what was learned from is no sample of anything
        parts.append(interval_text(metric, entry))
    comparison = results.comparisons.get(set_name, {}).get(metric)
    letters = "" if comparison is None else comparison.letters.get(model.id, "")
    shown = [" ".join(part.split()) for part in parts if part]  # plain spaces: lines may break in a source text
    shown += [f"*{letters}*"] if letters else []
    mark = mark_text(entry) if metric == "accuracy" else ""
    return " ".join([*shown, *([f"**{markdown_text(mark)}**"] if mark else [])])


def _notes(results: RunResults) -> list[str]:
    notes = [f"“{name}”: {contents_text(results, name)}." for name in results.reading_order]
    notes += [about_text(results), spread_sentence(results)]
    entries: list[SetResults] = [entry for model in results.done for entry in model.sets.values()]
    if any(entry.intervals for entry in entries):
        notes.append("[low, high] is a 95% interval: how far other images of the same kind would move the number.")
    if results.comparisons:
        notes.append("Models that share a letter under a metric cannot be told apart on that set.")
    if any(entry.metrics.get(name) is None for entry in entries for name in _METRICS):
        notes.append(f"{UNDEFINED}: undefined; undefined.csv says why.")
    notes += [
        f"On “{name}”, {model.id}: {note}"
        for name in results.reading_order
        for model in results.done
        for note in model.sets[name].interval_notes
        if name != TRAIN
    ]
    notes += [
        f"On “{name}”, {collapse_text(model.id, model.sets[name])}"
        for name in results.reading_order
        for model in results.done
        if model.sets[name].collapsed
    ]
    return notes + [f"“{model.id}” failed and has no results: {error_text(model)}" for model in results.failed]

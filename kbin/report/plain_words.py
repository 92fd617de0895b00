"""The summary that a page begins with: what was found, in sentences, and nothing that the data cannot support.

No sentence names a winner: until intervals and paired tests are there, a lead over another model says little.
"""

from collections.abc import Sequence

from kbin.report.recorded import ModelResults, RunResults
from kbin.report.wording import (
    about_text,
    contents_text,
    count_text,
    error_text,
    listed,
    majority_share,
    mean_text,
    metric_text,
    reason_text,
    spread_sentence,
)


def summary_sentences(results: RunResults) -> list[str]:
    """Returns the summary, the most important first."""
    if not results.done:
        return ["No model has results: every one failed."] + _failures(results)
    models = results.done
    main = _one_model(results, models[0]) if len(models) == 1 else _several_models(results)
    return [*main, *_baseline(results), *_failures(results), spread_sentence(results)]


def _where(results: RunResults) -> str:
    name = results.main_set
    return f"On the set “{name}” ({contents_text(results, name)})"


def _one_model(results: RunResults, model: ModelResults) -> list[str]:
    entry = model.sets[results.main_set]
    answers = (
        f"answers with an accuracy of {mean_text('accuracy', entry)}; always answering "
        f"“{results.majority_class(results.main_set)}” would get {majority_share(results, results.main_set)}."
    )
    if entry.metrics.get("roc_auc") is None:
        return [
            f"{_where(results)}, {model.id} {answers}",
            f"It has no ROC AUC there: {reason_text('roc_auc', entry)}.",
        ]
    return [f"{_where(results)}, {model.id} reaches a ROC AUC of {mean_text('roc_auc', entry)} and {answers}"]


def _several_models(results: RunResults) -> list[str]:
    ranges = [text for text in (_range(results, "roc_auc", "ROC AUC"), _range(results, "accuracy", "accuracy")) if text]
    majority = results.majority_class(results.main_set)
    return [
        f"{_where(results)}, over {count_text(len(results.done), 'model')}, {listed(ranges)}; always answering "
        f"“{majority}” would get an accuracy of {majority_share(results, results.main_set)}."
    ]


def _range(results: RunResults, name: str, title: str) -> str:
    """Returns from what to what a metric goes over the models, and who is at both ends."""
    values = {model.id: model.sets[results.main_set].metrics.get(name) for model in results.done}
    defined = {model_id: value for model_id, value in values.items() if value is not None}
    if not defined:
        return ""
    low, high = min(defined, key=defined.__getitem__), max(defined, key=defined.__getitem__)
    if metric_text(name, defined[low]) == metric_text(name, defined[high]):
        return f"{title} is {metric_text(name, defined[low])} for all"
    return f"{title} goes from {metric_text(name, defined[low])} ({low}) to {metric_text(name, defined[high])} ({high})"


def _baseline(results: RunResults) -> list[str]:
    """Returns which models do not beat the majority baseline, set by set, training set left out."""
    names = results.test_sets or tuple(results.sets)
    sentences = []
    for name in names:
        beaten = [model.id for model in results.done if not model.sets[name].beats_majority]
        if beaten:
            sentences.append(
                f"On “{name}”, {listed(beaten)} {'does' if len(beaten) == 1 else 'do'} not beat always answering "
                f"“{results.majority_class(name)}” (accuracy {majority_share(results, name)})."
            )
    return sentences


def _failures(results: RunResults) -> list[str]:
    return [f"{model.id} failed and has no results: {error_text(model)}" for model in results.failed]


def reading_notes(results: RunResults, set_names: Sequence[str]) -> list[str]:
    """Returns what one has to know to read the tables of these sets."""
    notes = [about_text(results)]
    if "train" in set_names:
        notes.append("The models were trained on “train”: its numbers show how much was learned by heart, no more.")
    if "validation" in set_names:
        notes.append("“validation” chose the threshold (and the kept epoch, with early stopping): its numbers flatter.")
    return notes

"""The summary that a page begins with: what was found, in sentences, and nothing that the data cannot support.

No sentence names a winner: until intervals and paired tests are there, a lead over another model says little.
"""

from kbin.report.recorded import TRAIN, VALIDATION, ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.search_words import summary_of_search
from kbin.report.wording import (
    COLLAPSED,
    about_text,
    collapse_text,
    count_text,
    error_text,
    listed,
    majority_share,
    mean_share_text,
    mean_text,
    metric_text,
    reason_text,
    share_text,
    spread_sentence,
)


def summary_sentences(results: RunResults) -> list[str]:
    """Returns the summary, the most important first."""
    if not results.done:
        return [*_no_results(results), *summary_of_search(results), *_failures(results)]
    models = results.done
    main = _one_model(results, models[0]) if len(models) == 1 else _several_models(results)
    return [
        *main,
        *summary_of_search(results),
        *_baseline(results),
        *_failures(results),
        spread_sentence(results),
    ]


def _no_results(results: RunResults) -> list[str]:
    if len(results.failed) == len(results.models):
        return ["No model has results: every one failed."]
    return ["Settings were searched, and nothing was trained with the chosen ones (refit: false)."]


def collapse_sentences(results: RunResults) -> list[str]:
    """Returns a sentence for each model and set where it collapsed, the test sets first."""
    return [
        f"On “{name}”, {collapse_text(model.id, model.sets[name])}"
        for name in results.reading_order
        for model in results.done
        if model.sets[name].collapsed
    ]


def _where(results: RunResults) -> str:
    contents = results.sets[results.main_set]
    images = count_text(contents.n, "image")
    if results.positive is not None:
        images += f", {contents.counts[results.positive]:,} of them “{results.positive}”, the positive class"
    return f"On “{results.main_set}” ({images})"


def _majority(results: RunResults, set_name: str) -> str:
    share = share_text(majority_share(results, set_name))
    return f"always answering “{results.majority_class(set_name)}” would be right on {share}"


def _one_model(results: RunResults, model: ModelResults) -> list[str]:
    entry = model.sets[results.main_set]
    return [
        f"{_where(results)}, {model.id} is right on {mean_share_text('accuracy', entry)} of the images; "
        f"{_majority(results, results.main_set)}.",
        _ranking(results, entry),
    ]


def _ranking(results: RunResults, entry: SetResults) -> str:
    """Returns what the ROC AUC says, in words."""
    if entry.metrics.get("roc_auc") is None:
        return f"There is no ROC AUC: {reason_text('roc_auc', entry)}."
    if results.positive is None:
        return f"Its ROC AUC, a mean over the classes, is {mean_text('roc_auc', entry)}; guessing gets 0.500."
    negative = next(name for name in results.classes if name != results.positive)
    return (
        f"It gives a “{results.positive}” image the higher score in {mean_share_text('roc_auc', entry)} of all pairs "
        f"with a “{negative}” one (ROC AUC {mean_text('roc_auc', entry)}); guessing gets 50%."
    )


def _several_models(results: RunResults) -> list[str]:
    ranges = [text for text in (_range(results, "roc_auc", "ROC AUC"), _range(results, "accuracy", "accuracy")) if text]
    return [
        f"{_where(results)}, over {count_text(len(results.done), 'model')}, {listed(ranges)}; "
        f"{_majority(results, results.main_set)}."
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
    """Returns which models do not beat the majority baseline, set by set, training set left out.

    Those that have a sentence of their own, because they collapsed, are left out.
    """
    names = results.test_sets or tuple(results.sets)
    sentences = []
    for name in names:
        entries = {model.id: model.sets[name] for model in results.done}
        beaten = [model_id for model_id, one in entries.items() if not (one.beats_majority or one.collapsed)]
        # Where there is one class only, nothing could do better.
        if beaten and majority_share(results, name) < 1:
            sentences.append(
                f"On “{name}”, {listed(beaten)} {'does' if len(beaten) == 1 else 'do'} not beat always answering "
                f"“{results.majority_class(name)}”, which is right on {share_text(majority_share(results, name))}."
            )
    return sentences


def _failures(results: RunResults) -> list[str]:
    return [f"{model.id} failed and has no results: {error_text(model)}" for model in results.failed]


def reading_notes(results: RunResults) -> list[str]:
    """Returns what one has to know to read the numbers of the sets."""
    notes = [about_text(results)]
    if any(entry.collapsed for model in results.done for entry in model.sets.values()):
        notes.append(
            f"“{COLLAPSED}”: the accuracy is not above the majority baseline and the classes are hardly told apart, or "
            "nearly all answers are one class; the summary says how."
        )
    if any(entry.intervals for model in results.done for entry in model.sets.values()):
        of_two = "Wilson for the accuracy, DeLong for the ROC AUC"
        methods = of_two if results.positive is not None else "Wilson; of more than two classes the accuracy only"
        notes.append(
            f"[low, high] is a 95% interval: how far other images of the same kind would move the number ({methods}). "
            "Training again is not in it; that is the spread over seeds. Two models' intervals may overlap and the "
            "models still differ: on the same images their mistakes go together."
        )
    if TRAIN in results.sets:
        notes.append(f"“{TRAIN}” is what the models learned from: its numbers show how well they remember, no more.")
    if VALIDATION in results.sets:
        notes.append(
            f"“{VALIDATION}” serves to choose a threshold or an epoch: where that was done, its numbers flatter."
        )
    return notes

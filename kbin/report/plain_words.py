"""The summary that a page begins with: what was found, in sentences, and nothing that the data cannot support.

No sentence names a better model unless the paired tests of the same images do.
"""

from kbin.report.recorded import TRAIN, VALIDATION, ModelResults, RunResults
from kbin.report.recorded_sets import SetResults
from kbin.report.search_words import summary_of_search
from kbin.report.tables import interval_notes
from kbin.report.verdicts import agreement_sentence, detectable_text, standing, verdict_sentence
from kbin.report.wording import (
    COLLAPSED,
    about_text,
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

# The intervals that need no bootstrap.
_CLOSED_FORM = {"accuracy", "precision", "recall", "specificity", "roc_auc"}
_MOST_OTHER_SETS = 3  # with a sentence of their own


def summary_sentences(results: RunResults) -> list[str]:
    """Returns the summary, the most important first."""
    if not results.done:
        return [*_no_results(results), *summary_of_search(results), *_failures(results)]
    models = results.done
    main = _one_model(results, models[0]) if len(models) == 1 else _several_models(results)
    return [
        *main,
        *_other_sets(results),
        *(note for name in results.shown_sets for note in interval_notes(results, name, general=True)),
        *summary_of_search(results),
        *_baseline(results),
        *_failures(results),
    ]


def _no_results(results: RunResults) -> list[str]:
    if len(results.failed) == len(results.models):
        return ["No model has results: every one failed."]
    return ["Settings were searched, and nothing was trained with the chosen ones (refit: false)."]


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
    standings = [standing(results, results.main_set, name) for name in ("roc_auc", "accuracy")]
    known = [one for one in standings if one is not None]
    if not known:
        return _ranges(results)
    found = known[0]
    verdict = "; ".join(filter(None, (verdict_sentence(found).removesuffix("."), detectable_text(found))))
    majority = _majority(results, results.main_set)
    more = [*(agreement_sentence(found, other) for other in known[1:]), f"{majority[:1].upper()}{majority[1:]}."]
    return [f"{_where(results)}, {verdict}.", " ".join(more)]


def _other_sets(results: RunResults) -> list[str]:
    """Returns what the further test sets tell apart; by the ROC AUC, because a threshold may not fit them."""
    names = [name for name in results.test_sets if name != results.main_set]
    found = {name: standing(results, name, "roc_auc") or standing(results, name, "accuracy") for name in names}
    told = [f"On “{name}”, {_fallen(results, name)}{verdict_sentence(one)}" for name, one in found.items() if one]
    rest = len(told) - _MOST_OTHER_SETS
    return [
        *told[:_MOST_OTHER_SETS],
        *([f"The comparisons have {count_text(rest, 'further set')}."] if rest > 0 else []),
    ]


def _fallen(results: RunResults, set_name: str) -> str:
    """Returns a warning where a verdict compares nothing but collapsed models."""
    return "where all models collapsed, " if all(model.sets[set_name].collapsed for model in results.done) else ""


def _ranges(results: RunResults) -> list[str]:
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


def reading_line(results: RunResults) -> str:
    """Returns what stands beside the numbers of the summary, in one line."""
    parts = []
    if results.num_seeds > 1:
        parts.append(f"means over {count_text(results.num_seeds, 'seed')}, ± their standard deviation")
    if any(entry.intervals for model in results.done for entry in model.sets.values()):
        parts.append("[low, high]: 95% interval for other images of the same kind")
    if results.comparisons:
        parts.append("models that share a letter cannot be told apart")
    return "; ".join(parts)


def reading_notes(results: RunResults) -> list[str]:
    """Returns what one has to know to read the numbers of the sets."""
    notes = [about_text(results)]
    if any(entry.collapsed for model in results.done for entry in model.sets.values()):
        notes.append(
            f"“{COLLAPSED}”: the accuracy is not above the majority baseline and the classes are hardly told apart, or "
            "nearly all answers are one class; the summary says how."
        )
    if any(entry.intervals for model in results.done for entry in model.sets.values()):
        notes.append(
            f"[low, high] is a 95% interval: how far other images of the same kind would move the number "
            f"({_interval_methods(results)}). Training again is not in it; that is the spread over seeds. Two models' "
            "intervals may overlap and the models still differ: on the same images their mistakes go together. Those "
            "from a bootstrap are for sets with the same share of each class; precision, F1 and the like move further "
            "where that share changes too."
        )
    if results.comparisons:
        few = " With two seeds the test over seeds seldom finds anything: three or more are needed."
        notes.append(
            "Letters: models that share one cannot be told apart on that set by that metric (paired tests on the same "
            f"images and over seeds, Holm's correction, 5%).{few if results.num_seeds == 2 else ''}"
        )
    notes.append(spread_sentence(results))
    if TRAIN in results.sets:
        notes.append(f"“{TRAIN}” is what the models learned from: its numbers show how well they remember, no more.")
    if VALIDATION in results.sets:
        notes.append(
            f"“{VALIDATION}” serves to choose a threshold or an epoch: where that was done, its numbers flatter."
        )
    return notes


def _interval_methods(results: RunResults) -> str:
    entries = [entry for model in results.done for entry in model.sets.values()]
    if any(entry.num_groups for entry in entries):
        return "with the images of a group taken together: Wilson, DeLong, and a bootstrap over the groups for the rest"
    has_others = any(set(entry.intervals) - _CLOSED_FORM for entry in entries)
    rest = ["a bootstrap over the images for the rest"] if has_others else []
    if results.positive is None:
        return listed(["Wilson for the accuracy", *rest])
    return listed(["Wilson for shares of images, as the accuracy", "DeLong for the ROC AUC", *rest])

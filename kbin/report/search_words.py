"""A search in sentences: what was compared, what was chosen, and how little the best of many says."""

from kbin.report.recorded import TRAIN, RunResults
from kbin.report.recorded_search import CombinationResults, ModelSearch, SearchResults
from kbin.report.wording import count_text, listed, metric_text, title_in_text
from kbin.search.combinations import settings_text, short_key

CAUTION = "The best of many looks better than it is."


def plan_sentences(results: RunResults, search: SearchResults) -> list[str]:
    """Returns what was compared, on which images, and by what."""
    images = f" ({count_text(results.sets[TRAIN].n, 'image')})" if TRAIN in results.sets else ""
    folds = f"{folds_text(search)} of the training set{images}"
    trials = f"{count_text(search.num_trials, 'trial')} of each model. No other set took part."
    score = title_in_text(search.score)
    if search.num_combinations == 1:
        return [f"The settings were cross-validated as they are, in {folds}: {trials}", f"The score is the {score}."]
    what = "combination" if len(search.keys) > 1 else "value"
    names = listed([short_key(key) for key in search.keys])
    first = "highest" if search.metric.higher_is_better else "lowest"
    return [
        f"{count_text(search.num_combinations, what)} of {names} were compared, each trained and scored in "
        f"{folds}: {trials}",
        f"They are ranked by their mean {score} over the folds, the {first} first. {_rule(search)}",
    ]


def folds_text(search: SearchResults) -> str:
    """Returns "5 folds", or "5 folds, drawn 3 times"."""
    return f"{search.folds} folds" + (f", drawn {search.repeats} times," if search.repeats > 1 else "")


def _rule(search: SearchResults) -> str:
    if search.select == "best":
        return "The best one is chosen."
    return (
        "Chosen is the simplest one within one standard error of the best: fewer trained blocks, smaller hidden "
        "layers, fewer epochs."
    )


def caution(results: RunResults, search: SearchResults) -> str:
    """Returns why that is so here, and what can say how much; "" where nothing was chosen among others."""
    if search.num_combinations == 1:
        return ""
    extreme = "largest" if search.metric.higher_is_better else "smallest"
    luck = (
        f"Of {search.num_combinations} means that all vary by chance, the {extreme} one is partly luck, and new "
        "images may well give a worse one."
    )
    if not search.refit:
        return f"{luck} Nothing was trained with the chosen settings (refit: false), so no test set says how much."
    if not results.test_sets:
        return f"{luck} There is no test set here that could say how much."
    return f"{luck} What the chosen settings are worth, the test sets say, which took no part."


def found_sentences(search: SearchResults, found: ModelSearch) -> list[str]:
    """Returns what the search of one model found, the most important first."""
    if found.chosen_combination is None:
        return [
            f"Nothing could be chosen: no combination has a mean {title_in_text(search.score)}.",
            *left_out_sentences(found),
        ]
    return [chosen_text(search, found), *within_sentences(search, found), *left_out_sentences(found)]


def chosen_text(search: SearchResults, found: ModelSearch, whom: str = "") -> str:
    """Returns the chosen settings with their mean and its spread over folds, "" where nothing was chosen.

    Args:
        search: Of the run.
        found: Of the model.
        whom: Names the model where nothing around the sentence does.
    """
    chosen, best = found.chosen_combination, found.best_combination
    if chosen is None or best is None:
        return ""
    title = title_in_text(search.score)
    if search.num_combinations == 1:
        return f"Mean {title}{f' of {whom}' if whom else ''}: {mean_and_spread(search, chosen)}."
    to_whom = f" for {whom}" if whom else ""
    text = (
        f"Chosen{to_whom}: {settings_text(chosen.settings)}, with a mean {title} of {mean_and_spread(search, chosen)}."
    )
    if chosen is not best:
        text += f" The best has {metric_text(search.score, best.mean)}: {settings_text(best.settings)}."
    return text


def mean_and_spread(search: SearchResults, one: CombinationResults) -> str:
    """Returns "0.998 (standard deviation 0.004 over 5 folds)"."""
    mean, spread = metric_text(search.score, one.mean), one.standard_deviation
    if spread is None:
        return f"{mean} ({count_text(one.num_scores, 'fold')})"
    return f"{mean} (standard deviation {metric_text(search.score, spread)} over {count_text(one.num_scores, 'fold')})"


def within_sentences(search: SearchResults, found: ModelSearch) -> list[str]:
    """Returns how many combinations are within one standard error of the best; nothing where there are no others."""
    best = found.best_combination
    if best is None or found.num_compared == 1:
        return []
    if best.standard_error is None:
        return ["With a score in one fold only there is no standard error, and nothing can be told apart."]
    error = metric_text(search.score, best.standard_error)
    if found.num_within == 1:
        others = f"None of the other {found.num_compared - 1}" if found.num_compared > 2 else "The other one"
        verb = "is" if found.num_compared > 2 else "is not"
        sentence = f"{others} {verb} within one standard error of the best ({error})."
    else:
        sentence = (
            f"{found.num_within} of {found.num_compared} combinations, the best among them, are within one standard "
            f"error of the best ({error}): differences this small say little."
        )
    if best.standard_error == 0:
        sentence += " An error of 0, because every fold has the same score, does not mean that the mean is exact."
    return [sentence]


def left_out_sentences(found: ModelSearch) -> list[str]:
    """Returns how many combinations could not be compared; nothing where all could."""
    number = len(found.combinations) - found.num_compared
    if not number:
        return []
    was = "was" if number == 1 else "were"
    return [f"{number} of {len(found.combinations)} {was} left out because trials failed or the score is undefined."]


def summary_of_search(results: RunResults) -> list[str]:
    """Returns what a summary says of the search, in a sentence; without results on the sets, what it found."""
    search = results.search
    if search is None or not results.searched:
        return []
    if search.num_combinations == 1:
        how = f"The settings were cross-validated as they are, in {folds_text(search)} of the training set."
    else:
        how = (
            f"Settings were chosen for each searched model among {search.num_combinations} combinations, by their mean "
            f"{title_in_text(search.score)} over {folds_text(search)} of the training set."
        )
    only_searched = [(model, found) for model, found in results.searched if model.status == "done" and not model.sets]
    return [how, *(chosen_text(search, found, model.id) for model, found in only_searched)]

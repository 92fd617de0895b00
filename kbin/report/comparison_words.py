"""What a page of several runs says in sentences: which images are the same, and what may not be compared."""

from collections.abc import Sequence
from itertools import combinations

from kbin.report.compared_runs import ComparedRun
from kbin.report.recorded import TRAIN
from kbin.report.run_settings import DifferingSetting
from kbin.report.shared_sets import SharedSet
from kbin.report.wording import collapse_text, count_text, listed

_APART = "Their models are not tested against each other."
_OTHER_IMAGES = "Their models are not tested against each other: a difference may come from the images."
_WHERE_IMAGES_LIE = ("data.source", "data.path", "data.test_sets.")


def set_contents(shared: SharedSet) -> str:
    """Returns how many images a set has, and how many of the positive class."""
    images = count_text(len(shared.images), "image")
    if shared.positive is None:
        return images
    return f"{images}, {shared.count(shared.positive):,} {shared.positive} (positive)"


def same_images(shared: SharedSet, runs: Sequence[ComparedRun]) -> str:
    """Returns which runs looked at a set, as a sentence."""
    labels = _labels(shared)
    if len(shared.runs) == 1:
        return f"In {labels} alone."
    whose = ("both runs" if len(runs) == 2 else "all runs") if len(shared.runs) == len(runs) else labels
    sentence = f"The same images in {whose}."
    if shared.groups is not None:
        groups = count_text(len(set(shared.groups)), "group")
        sentence += f" They come in {groups}, whose images are not independent; the tests go by group."
    if shared.groupings_differ:
        sentence += " The runs put them into different groups, so the models are not tested against each other."
    return sentence


def differing_sets(sets: Sequence[SharedSet]) -> list[str]:
    """Returns a sentence for every two groups of runs whose set of one name is not the same set."""
    return [_difference(a, b) for a, b in combinations(sets, 2) if a.name == b.name]


def nothing_tested(sets: Sequence[SharedSet], tested: Sequence[SharedSet]) -> str:
    """Returns why no models were tested against each other on a test set.

    Args:
        sets: All sets of the page.
        tested: Those with tests.
    """
    common = [f"“{one.name}”" for one in sets if one.is_test and len(one.runs) > 1]
    if common:
        return f"No test was made on {listed(common)}: the set says below why."
    if tested:
        return (
            "No two runs have a test set in common; the tests on "
            f"{listed([f'“{one.name}”' for one in tested])}, which took part in the making of the models, are below."
        )
    return "No two runs have a test set in common, so no test was made."


def _difference(a: SharedSet, b: SharedSet) -> str:
    first, second = _labels(a), _labels(b)
    where = f"“{a.name}” is not the same set in {first} and in {second}"
    if set(a.classes) != set(b.classes):
        return f"{where}: the classes are {listed(a.classes)} in {first}, {listed(b.classes)} in {second}. {_APART}"
    if a.positive != b.positive:
        return (
            f"{where}: the positive class is “{a.positive}” in {first}, “{b.positive}” in {second}, so precision, "
            f"recall and F1 are about other images. {_APART}"
        )
    shared = len(set(a.images) & set(b.images))
    relabelled = len({name for name, _ in a.images} & {name for name, _ in b.images}) - shared
    others = f", {relabelled:,} more are in both with another class" if relabelled > 0 else ""
    return (
        f"{where}: {count_text(len(a.images), 'image')} in {first}, {len(b.images):,} in {second}, {shared:,} of them "
        f"in both{others}. {_OTHER_IMAGES}"
    )


def caution_about_images(settings: Sequence[DifferingSetting]) -> str:
    """Returns how images were recognised, and that it may deceive where runs read them from different places."""
    text = (
        "Images count as the same where their names (sample_id) and true classes agree; a run folder does not hold the "
        "images themselves."
    )
    places = [one.key for one in settings if one.key.startswith(_WHERE_IMAGES_LIE)]
    if places:
        text += f" These runs read them from different places ({', '.join(places)}): make sure that they are the same."
    return text


def caution_about_seeds(runs: Sequence[ComparedRun]) -> str:
    """Returns that a model with one seed may owe its place to that seed; "" where every model has several."""
    single = [run.label for run in runs if run.models and any(len(one.model.seeds) == 1 for one in run.models)]
    if not single:
        return ""
    return (
        f"Models of {listed(single)} were trained with one seed: where they are behind or ahead, the tests "
        "know of training again only what the seeds of the other model show, or nothing where it has one too."
    )


def collapses(sets: Sequence[SharedSet]) -> list[str]:
    """Returns a sentence for each model and set where it collapsed, but for what was learned from."""
    return [
        f"On “{shared.name}”, {collapse_text(one.name, one.model.sets[shared.name])}"
        for shared in sets
        for one in shared.models
        if shared.name != TRAIN and one.model.sets[shared.name].collapsed
    ]


def runs_without_results(runs: Sequence[ComparedRun]) -> list[str]:
    """Returns a sentence for each run that has nothing to compare, and each model that failed."""
    sentences = [f"{run.label} has no model with results." for run in runs if not run.models]
    return sentences + [
        f"{model.id} of {run.label} failed and has no results." for run in runs for model in run.results.failed
    ]


def _labels(shared: SharedSet) -> str:
    return listed([run.label for run in shared.runs])

"""From a run's folder, its images and the store to what the checks look at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kbin.audit.inputs import AuditedSet, AuditInputs
from kbin.auditing.measures import measured
from kbin.auditing.stored_features import find_features
from kbin.data.image_measures import ImageMeasures
from kbin.data.sets import LoadedSets
from kbin.data.wording import first_few
from kbin.engine.feature_store import FeatureStore
from kbin.errors import RunFolderError
from kbin.progress import Progress
from kbin.report.recorded import ModelResults, RunResults

if TYPE_CHECKING:
    from kbin.data.datasets import Dataset
    from kbin.runs import RunDirectory


def collect_inputs(run: "RunDirectory", results: RunResults, loaded: LoadedSets, progress: Progress) -> AuditInputs:
    """Returns everything that the checks look at.

    Args:
        run: The run's folder.
        results: Its results.
        loaded: Its images, read anew by its settings.
        progress: Where the pass over the images is shown, if one is needed.

    Raises:
        RunFolderError: The images are not those of the run, or its folder is damaged.
        BadImagesError: An image cannot be read any more.
    """
    sets = dict(loaded.sets)
    if set(sets) != set(results.sets) or tuple(loaded.classes) != results.classes:
        raise RunFolderError(
            f"the data has the sets {', '.join(sets)} and the classes {', '.join(loaded.classes)} now; {run.path} was "
            f"made of {', '.join(results.sets)} and {', '.join(results.classes)}: run the experiment anew."
        )
    probabilities: dict[str, dict[str, np.ndarray]] = {name: {} for name in sets}
    for model in results.done:
        for name, data in sets.items():
            probabilities[name][model.id] = _probabilities(run, results, model, name, data)
    store = FeatureStore.of_this_machine()
    features = find_features(run, results, sets, store)
    measures = measured(sets, store, progress)
    groups = run.groups()
    return AuditInputs(
        classes=results.classes,
        sets={
            name: audited(
                name, data, measures[name], features.by_set.get(name), probabilities[name], groups.get(name, {})
            )
            for name, data in sets.items()
        },
        parts=dict(loaded.parts),
        thresholds={
            model.id: np.array([one.threshold for one in next(iter(model.sets.values())).per_seed], np.float64)
            for model in results.done
            if len(results.classes) == 2
        },
        input_numbers={model.id: numbers for model in results.done if (numbers := run.input_numbers(model.id))},
        features_of=features.model_id,
        why_no_features=features.reason,
    )


def audited(
    name: str,
    data: "Dataset",
    measures: ImageMeasures,
    features: np.ndarray | None,
    probabilities: Mapping[str, np.ndarray],
    groups: Mapping[str, str],
) -> AuditedSet:
    """Returns one set.

    Args:
        name: Its name.
        data: Its images.
        measures: Of these images.
        features: shape (n, num_features), if there are any.
        probabilities: By model.
        groups: Sample id -> group, as the run split by them; where it did not, those that the data names are taken.
    """
    ids = data.sample_ids
    return AuditedSet(
        name=name,
        sample_ids=ids,
        paths=data.paths,
        labels=data.labels,
        content_hashes=data.content_hashes(),
        pixel_hashes=measures.pixel_hashes,
        miniatures=measures.miniatures,
        facts=measures.facts,
        groups=np.array([groups.get(one, "") for one in ids.tolist()]) if groups else data.columns.get("group"),
        features=features,
        probabilities=probabilities,
    )


def _probabilities(
    run: "RunDirectory", results: RunResults, model: ModelResults, name: str, data: "Dataset"
) -> np.ndarray:
    """Returns what all seeds say of a set: shape (num_seeds, n), of more than two classes (num_seeds, n, classes)."""
    ids, labels = data.sample_ids, np.array(data.classes)[data.labels]
    found = []
    for seed in model.seeds:
        predictions = run.predictions(model.id, seed, name, results.classes)
        if not np.array_equal(predictions.sample_ids, ids):
            changed = sorted(set(ids.tolist()) ^ set(predictions.sample_ids.tolist()))
            raise RunFolderError(
                f"the images of '{name}' are not those of {run.path} any more"
                + (f" ({first_few(changed)})" if changed else " (their order differs)")
                + ": bring them back, or run the experiment anew with --fresh."
            )
        if not np.array_equal(predictions.y_true, labels):
            raise RunFolderError(
                f"the labels of '{name}' are not those of {run.path} any more: run the experiment anew with --fresh."
            )
        found.append(predictions.y_score if predictions.probabilities is None else predictions.probabilities)
    return np.stack(found)

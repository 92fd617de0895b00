"""The whole story of one experiment, top to bottom."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from kbin.audit_files import AuditFiles
from kbin.auditing.running import audit_run
from kbin.comparisons import comparison_entries
from kbin.config.experiment import ExperimentConfig
from kbin.data.bad_images_named import named_in_full
from kbin.data.sets import LoadedSets, load_sets
from kbin.deploy.tracking.running import check_extras, track_finished_run
from kbin.environment import describe_environment
from kbin.errors import BadImagesError, KbinError, StorageError
from kbin.execution import Execution, open_execution
from kbin.experiment_file import dump_experiment
from kbin.experiment_inputs import augmentation, images_of_sets, num_stored_views, open_engine
from kbin.experiment_search import ExperimentSearch, search_entry
from kbin.explain.augmented_samples import augmented_samples
from kbin.feature_shards import compute_all_features
from kbin.model_entries import group_notes, run_all_seeds, set_groups
from kbin.model_stages import Setting
from kbin.planned_models import plan_models
from kbin.progress import Progress
from kbin.report.remaking import remake
from kbin.results import evaluation_entry
from kbin.run_lock import locked
from kbin.runs import RunDirectory
from kbin.search.plan import plan_search, searched_models
from kbin.search_files import SearchFiles
from kbin.storage_faults import refuse_full_disk
from kbin.unfinished import forget_unfinished


def run_experiment(
    config: ExperimentConfig, out: Path, progress: Progress, cluster: str | None = None, fresh: bool = False
) -> int:
    """Runs an experiment into a folder; what an interrupted run left there is taken up.

    Args:
        config: Every setting resolved.
        out: The run's folder.
        progress: Where a person sees what happens.
        cluster: The address of a Dask scheduler whose workers compute features and trials; None computes here alone.
        fresh: Remove the run that the folder holds, finished or not, and start anew.

    Returns:
        The exit code: 0 done, 1 at least one model failed while the others are there.

    Raises:
        KbinError: The settings, data or weights are wrong, the folder holds another experiment or another run
            goes on in it, it cannot be written, a package of an extra is missing, or the cluster cannot be used.
    """
    check_extras(config.tracking)
    with locked(out):
        code = _run_alone(config, out, progress, cluster, fresh)
        if config.audit and not AuditFiles(RunDirectory(out)).is_there:
            _audit(config, RunDirectory(out), progress)
        if config.tracking.is_asked_for:
            RunDirectory(out).begin(dump_experiment(config))  # where the finished run was not tracked yet
            track_finished_run(RunDirectory(out), config.tracking, progress)
        return code


def _run_alone(config: ExperimentConfig, out: Path, progress: Progress, cluster: str | None, fresh: bool) -> int:
    run = RunDirectory(out)
    if not (fresh and run.is_a_run) and run.is_finished(dump_experiment(config)):
        failed = run.failed_models()
        if not failed:
            progress.say(f"{out} already holds the finished results of this experiment; --fresh runs it anew.")
            _forget_what_is_kept(run)
            if not run.report_path.is_file():  # interrupted while it was drawn
                remake([run])
            return 0
        progress.say(f"{out} holds results in which {', '.join(failed)} failed: tried again, the others are kept.")
    try:
        with open_execution(cluster) as execution:
            return _run_on(execution, config, run, progress, fresh)
    except BadImagesError as error:
        raise named_in_full(error, config.data, run, progress) from error


def _audit(config: ExperimentConfig, run: RunDirectory, progress: Progress) -> None:
    """Audits the run; without it a run still has its results."""
    run.begin(dump_experiment(config))  # where the finished run was asked for no audit yet
    progress.say("audit:")
    try:
        audit_run(run, progress)
    except StorageError:
        raise
    except Exception as error:
        refuse_full_disk(error)
        words = str(error) if isinstance(error, KbinError) else f"{type(error).__name__}: {error}"
        progress.say(f"the run could not be audited: {words}")
    remake([run])


def _run_on(execution: Execution, config: ExperimentConfig, run: RunDirectory, progress: Progress, fresh: bool) -> int:
    start = time.perf_counter()
    loaded = load_sets(config.data, progress)
    for line in describe_sets(loaded):
        progress.say(line)
    described = _described_data(config, loaded)
    search = plan_search(config, loaded.sets)
    for line in search.notes if search is not None else ():
        progress.say(f"note: {line}")
    planned = plan_models(config, loaded, search)
    engine, sets = open_engine(config, progress), images_of_sets(loaded, config)
    models = searched_models(config, search)
    augmented = augmentation(config, sets["train"], num_stored_views(config, models))
    # Only now: a fault that is mended in the file must neither leave a folder of another experiment nor cost a run.
    earlier = {} if fresh else run.earlier_environment()
    if fresh:
        run.remove_results()
    run.begin(dump_experiment(config))
    run.save_environment(describe_environment(_device()) | {"seeds": list(config.training.seeds)} | _times(earlier))

    run.save_bad_images([] if loaded.bad_images is None else loaded.bad_images.rows())
    groups = set_groups(config, sets)
    described["notes"] += group_notes(config, sets, groups)
    if groups:
        run.save_groups({name: (sets[name].data.sample_ids.tolist(), of.tolist()) for name, of in groups.items()})
    if augmented is not None:
        run.save_picture("augmented", augmented_samples(sets["train"], augmented))
    setting = Setting(config.training, engine, augmented, progress)
    if execution.is_remote:
        compute_all_features(models, sets, setting, execution)
    if search is None:
        entries = [run_all_seeds(model, config, sets, setting, run) for model in planned]
    else:
        searching = ExperimentSearch(config, search, sets, setting, run, execution)
        entries = [searching.run(model) for model in planned]
    results = described | {"seconds": round(time.perf_counter() - start, 3), "models": entries}
    if search is not None:
        results["search"] = search_entry(search)
    results["comparisons"] = _compared(run, results, progress)
    # What was computed is safe from here on: plots, tables and page can be made again from it.
    run.save_results(results)
    if _exit_code(entries) == 0:
        _forget_what_is_kept(run)  # else the same command tries again what failed
    remake([run])
    return _exit_code(entries)


def _compared(run: RunDirectory, results: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Returns the comparisons of all models; without them a run still has its results."""
    try:
        return comparison_entries(run, results)
    except Exception as error:
        progress.say(f"the models could not be compared: {type(error).__name__}: {error}")
        return {}


def _exit_code(entries: Sequence[Mapping[str, Any]]) -> int:
    return 1 if any(entry["status"] == "failed" for entry in entries) else 0


def _described_data(config: ExperimentConfig, loaded: LoadedSets) -> dict[str, Any]:
    """Returns what results.json says of an experiment's data, and of where its threshold comes from.

    Raises:
        ConfigError: The settings do not go with the number of classes.
    """
    labels = {name: data.labels for name, data in loaded.sets.items()}
    skipped = {} if loaded.bad_images is None else {"bad_images": loaded.bad_images.entry()}
    return {
        "experiment": config.name,
        "positive": loaded.positive,
        "classes": list(loaded.classes),
        "notes": list(loaded.notes),
        "sets": {name: {"n": len(data), "counts": data.class_counts()} for name, data in loaded.sets.items()},
        **skipped,
        **evaluation_entry(config.evaluation, labels, loaded.classes),
    }


def describe_sets(loaded: LoadedSets) -> list[str]:
    """Returns a line a set with its images by class, and what loading had to say."""
    positive = f", positive: {loaded.positive}" if loaded.positive else ""
    lines = [f"classes: {', '.join(loaded.classes)}{positive}"]
    width = max(len(name) for name in loaded.sets)
    for name, data in loaded.sets.items():
        counts = ", ".join(f"{count:,} {label}" for label, count in data.class_counts().items())
        lines.append(f"  {name:<{width}}  {len(data):>7,} images: {counts}")
    return lines + [f"note: {note}" for note in loaded.notes]


def _device() -> str:
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "cpu"


def _forget_what_is_kept(run: RunDirectory) -> None:
    """Removes what an interrupted run would go on from."""
    SearchFiles(run).clear()
    forget_unfinished(run)


def _times(earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Returns when the run was started, and when it was taken up, if it was."""
    if "started" not in earlier:
        return {"started": _now()}
    resumed = earlier.get("resumed")
    return {"started": earlier["started"], "resumed": [*(resumed if isinstance(resumed, list) else []), _now()]}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

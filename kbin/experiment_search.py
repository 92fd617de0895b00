"""The search of an experiment: model by model, with the table of all trials and the predictions of the chosen ones."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kbin.config.experiment import ExperimentConfig
from kbin.engine.runtimes import runtime_name
from kbin.errors import CONCERNS_EVERY_MODEL, UnfinishedError
from kbin.execution import Execution
from kbin.model_entries import described, failure, run_all_seeds
from kbin.model_inputs import SetImages
from kbin.model_stages import Setting
from kbin.operating_point import ChoiceData
from kbin.planned_models import PlannedModel, replan
from kbin.runs import RunDirectory
from kbin.search.plan import SearchPlan
from kbin.search.results import FoundSettings, found_lines
from kbin.search.running import TrialRunner
from kbin.search_files import SearchFiles
from kbin.storage_faults import refuse_full_disk


class ExperimentSearch:
    """Searches the settings of each model, and trains it with the chosen ones.

    Args:
        config: Every setting resolved.
        plan: Combinations and folds.
        sets: Evaluation sets by name.
        setting: What the models have in common.
        run: The run's folder.
        execution: Where trials run.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        plan: SearchPlan,
        sets: Mapping[str, SetImages],
        setting: Setting,
        run: RunDirectory,
        execution: Execution,
    ):
        self._config, self._plan, self._sets, self._setting, self._run = config, plan, sets, setting, run
        self._files = SearchFiles(run)
        # Named, so that trials do not depend on which runtime another machine would take.
        engine = config.engine.model_copy(update={"runtime": runtime_name(config.engine.runtime)})
        self._runner = TrialRunner(
            config.model_copy(update={"engine": engine}),
            plan,
            sets,
            setting.engine,
            setting.augmentation,
            execution,
            self._files,
            setting.progress,
        )
        self._rows: list[dict[str, Any]] = []

    def run(self, planned: PlannedModel) -> dict[str, Any]:
        """Returns the entry of one model in results.json, its search in it; a failure is recorded."""
        model, progress = planned.config, self._setting.progress
        if not model.search:
            return run_all_seeds(planned, self._config, self._sets, self._setting, self._run)
        start = time.perf_counter()
        try:
            outcomes = self._runner.run(model)
            found = FoundSettings.of(model, self._plan, outcomes, self._config.training)
            out_of_fold = self._save(found)
        except CONCERNS_EVERY_MODEL:
            raise
        except Exception as error:
            refuse_full_disk(error)
            return described(planned, self._config.training) | failure(model, error, self._setting)
        _check_finished(found)
        for line in found_lines(found):
            progress.say(f"  {line}")
        entry = {"search": found.entry() | {"seconds": round(time.perf_counter() - start, 3)}}
        return self._trained(planned, found, out_of_fold) | entry

    def _save(self, found: FoundSettings) -> ChoiceData | None:
        """Writes what was found; returns the out-of-fold predictions of all repeats, None where nothing was chosen."""
        self._rows += found.rows()
        self._files.save_table(self._rows)
        train = self._sets["train"].data
        out_of_fold = found.out_of_fold(train)
        if out_of_fold is None:
            return None
        predictions, folds = out_of_fold
        self._files.save_out_of_fold(found.model.id or "", predictions, folds, train.classes)
        labels = np.array([train.classes.index(name) for name in predictions.y_true])
        several = predictions.probabilities
        return ChoiceData(labels, predictions.y_score if several is None else several)

    def _trained(self, planned: PlannedModel, found: FoundSettings, out_of_fold: ChoiceData | None) -> dict[str, Any]:
        """Returns the entry of the model with the chosen settings, trained on the whole training set."""
        config = self._config
        if found.chosen is None:
            error = {"status": "failed", "error": found.error, "sets": {}}
            return described(planned, config.training) | error
        chosen = replan(planned, found.chosen, config, len(self._sets["train"].data.classes))
        if not self._plan.settings.refit:
            return described(chosen, config.training) | {"status": "done", "seconds": {}, "epoch": [], "sets": {}}
        return run_all_seeds(chosen, config, self._sets, self._setting, self._run, out_of_fold)


def _check_finished(found: FoundSettings) -> None:
    """Refuses to choose where trials are missing for no fault of their settings."""
    lost = [one.error for row in found.outcomes for one in row if one.is_passing]
    if lost:
        raise UnfinishedError(
            f"{len(lost)} trials of {found.model.id} could not run ({lost[0]}), so nothing is chosen yet. All others "
            "are kept: mend that, and the same command runs these."
        )


def search_entry(plan: SearchPlan) -> dict[str, Any]:
    """Returns what results.json says of the search of all models."""
    settings = plan.settings
    return {
        "score": settings.score,
        "folds": settings.folds,
        "repeats": settings.repeats,
        "select": settings.select,
        "refit": settings.refit,
        "keys": list(settings.keys),
        "num_trials": plan.num_trials,
        "notes": list(plan.notes),
    }

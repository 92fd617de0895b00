"""All that is known of an experiment before it runs; what takes long is computed when it is asked for."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.data.bad_images_named import refuse_bad_images
from kbin.data.sets import LoadedSets, load_sets
from kbin.engine.features import FeatureEngine
from kbin.errors import TrainingError
from kbin.experiment_inputs import augmentation, images_of_sets, num_stored_views, open_engine
from kbin.memory_plan import check_memory, needed_bytes
from kbin.model_inputs import Augmentation, SetImages
from kbin.planned_costs import StageCost, stage_costs
from kbin.planned_models import PlannedModel, plan_models
from kbin.progress import Progress
from kbin.search.plan import SearchPlan, plan_search, searched_models
from kbin.search.stacks import is_stackable


class ExperimentPlan:
    """The plan of one experiment.

    Args:
        config: Every setting resolved.
        progress: Where it is shown what takes long.

    Raises:
        KbinError: The data, or later the weights, are wrong.
    """

    def __init__(self, config: ExperimentConfig, progress: Progress):
        refuse_bad_images(config.data, progress)
        self._config, self._progress = config, progress
        self.loaded: LoadedSets = load_sets(config.data, progress)

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """Set name -> shape (n,), class indices."""
        return {name: data.labels for name, data in self.loaded.sets.items()}

    @cached_property
    def search(self) -> SearchPlan | None:
        """What is searched; None where nothing is."""
        return plan_search(self._config, self.loaded.sets)

    @cached_property
    def models(self) -> list[PlannedModel]:
        """Every model, built once."""
        models = plan_models(self._config, self.loaded, self.search)
        # Opened here, so that a fault of theirs shows before anything is said of a model.
        _ = self._engine, self._augmented
        return models

    def num_heads(self, model: ModelConfig) -> int:
        """Returns the number of a model's trials that train a head alone, on stored features."""
        if self.search is None:
            return 0
        return sum(is_stackable(one, self._config) for one in self.search.variants(model)) * len(self.search.folds)

    def needed_bytes(self, model: PlannedModel) -> float:
        """Returns the memory that a training step needs."""
        return needed_bytes(model.stage_memory, model.config, self._config)

    def too_large(self, model: PlannedModel) -> str | None:
        """Returns why a model does not fit into memory; in a run it fails, and the others go on. None where it fits."""
        try:
            check_memory(model.stage_memory, model.config, self._config)
        except TrainingError as error:
            return str(error)
        return None

    def stage_costs(self, model: PlannedModel) -> Iterator[StageCost]:
        """Yields what each stage of a model costs; measuring one takes seconds."""
        yield from stage_costs(model.config, self._config, self._sets, self._engine, self._augmented)

    @cached_property
    def _sets(self) -> dict[str, SetImages]:
        return images_of_sets(self.loaded, self._config)

    @cached_property
    def _engine(self) -> FeatureEngine | None:
        return open_engine(self._config, self._progress)

    @cached_property
    def _augmented(self) -> Augmentation | None:
        views = num_stored_views(self._config, searched_models(self._config, self.search))
        return augmentation(self._config, self._sets["train"], views)

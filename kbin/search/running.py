"""The trials of one model: those that are not finished yet are run, here or on a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from kbin.catalogue import NONE
from kbin.config.experiment import ExperimentConfig
from kbin.config.models import ModelConfig
from kbin.engine.features import FeatureEngine, HashedImages
from kbin.engine.prefix import cut
from kbin.errors import StoreFullError
from kbin.execution import Execution
from kbin.feature_shards import distinct_networks, frozen_prefixes
from kbin.model_inputs import Augmentation, NetworkInputs, SetImages, stored_inputs
from kbin.model_run import build_configured
from kbin.progress import Progress
from kbin.search.leaders import leader_lines
from kbin.search.network_trials import NetworkTrial, SharedImages
from kbin.search.pieces import Piece, id_of, run_piece
from kbin.search.plan import SearchPlan
from kbin.search.stacks import SharedFeatures, is_stackable, make_stacks
from kbin.search.trials import Scoring, TrialIds, TrialOutcome
from kbin.search_files import SearchFiles, StoredTrial

Outcomes = list[list[TrialOutcome]]  # of each combination, a fold each


@dataclass(frozen=True, eq=False)
class TrialRunner:
    """Runs the trials of the models of an experiment.

    Attributes:
        config: Every setting resolved, the runtime too.
        plan: Combinations and folds.
        sets: The images by set name.
        engine: Gives the features of frozen parts; None trains uncut models.
        augmentation: How training images are augmented; None where they are not.
        execution: Where trials run.
        files: Where finished ones are kept.
        progress: Where the best so far is shown.
    """

    config: ExperimentConfig
    plan: SearchPlan
    sets: Mapping[str, SetImages]
    engine: FeatureEngine | None
    augmentation: Augmentation | None
    execution: Execution
    files: SearchFiles
    progress: Progress

    def run(self, model: ModelConfig) -> Outcomes:
        """Returns what came of every trial of a model; finished ones are read and not run again.

        Args:
            model: An entry of `models`.
        """
        variants = self.plan.variants(model)
        found: list[list[TrialOutcome | None]] = [[None] * len(self.plan.folds) for _ in variants]
        finished = self.files.finished()
        work = []
        for pieces, shared in self._work(model, variants):
            waiting = []
            for piece in pieces:
                if all(name in finished for name in piece.trial_ids):
                    self._enter(found, piece, [_outcome(finished[name]) for name in piece.trial_ids])
                else:
                    waiting.append(piece)
            work.append((waiting, shared))
        num_waiting = sum(len(piece.trial_ids) for pieces, _ in work for piece in pieces)
        if num_waiting < self.plan.num_trials:
            done = self.plan.num_trials - num_waiting
            self.progress.say(f"  {done:,} of {self.plan.num_trials:,} trials are finished already")
        if num_waiting:
            with self.progress.board(f"{model.id}: search", num_waiting, "trials") as update:
                for piece, outcomes in self._run(work):
                    if not any(one.is_passing for one in outcomes):
                        self.files.save_piece(id_of(piece), [_stored(one) for one in outcomes])
                    self._enter(found, piece, outcomes)
                    update(len(outcomes), leader_lines(self.plan, found))
        return [[one for one in row if one is not None] for row in found]

    def _run(
        self, work: Sequence[tuple[list[Piece], SharedFeatures | SharedImages]]
    ) -> Iterator[tuple[Piece, list[TrialOutcome]]]:
        for pieces, shared in work:
            if pieces:
                for place, outcomes in self.execution.run(run_piece, pieces, shared):
                    yield pieces[place], outcomes

    def _work(
        self, model: ModelConfig, variants: Sequence[ModelConfig]
    ) -> list[tuple[list[Piece], SharedFeatures | SharedImages]]:
        """Returns all trials as pieces, each kind with what its pieces share."""
        train = self.sets["train"].data
        scoring = Scoring(train.labels, train.classes, self.config.evaluation)
        num_views = 0 if self.augmentation is None else self.augmentation.num_views
        ids = TrialIds(self.config, train, num_views)
        of_fold = [ids.of_fold(fold) for fold in self.plan.folds]
        of_variant = [ids.of_model(variant) for variant in variants]
        names = [[ids.joined(own, fold) for fold in of_fold] for own in of_variant]
        heads = [(place, one) for place, one in enumerate(variants) if is_stackable(one, self.config)]
        inputs = self._head_inputs(heads[0][1]) if heads else None
        stacks: list[Piece] = []
        work: list[tuple[list[Piece], SharedFeatures | SharedImages]] = []
        if inputs is not None:
            shared = SharedFeatures.of(inputs, scoring, travels=self.execution.is_remote)
            stacks += make_stacks(heads, names, self.config, self.plan.folds, shared)
            work.append((stacks, shared))
        stacked = {place for place, _ in heads} if stacks else set()
        networks: list[Piece] = [
            NetworkTrial(place, names[place][number], variant, fold)
            for place, variant in enumerate(variants)
            if place not in stacked
            for number, fold in enumerate(self.plan.folds)
        ]
        if networks:
            self._store_features([one.model for one in networks if isinstance(one, NetworkTrial)])
            work.append((networks, SharedImages(scoring, self.config, train, num_views, torch.get_num_threads())))
        return work

    def _head_inputs(self, model: ModelConfig) -> NetworkInputs | None:
        """Returns the features of all sets for the head of a frozen backbone; None where the store has no room."""
        classes = self.sets["train"].data.classes
        built = build_configured(model, len(classes), self.config.data.image_size, self.config.training.seeds[0])
        return stored_inputs(cut(built), self.sets, self.engine, self.augmentation, self.progress)

    def _store_features(self, models: Sequence[ModelConfig]) -> None:
        """Computes what trials will find stored, where a person sees it: trials themselves show nothing."""
        if self.engine is None or (self.augmentation is not None and self.augmentation.views is None):
            return
        train = self.sets["train"]
        hashed = {name: HashedImages(one.data.content_hashes(), one.images) for name, one in self.sets.items()}
        for model in distinct_networks(models):
            if model.weights == NONE:  # random ones, that differ from trial to trial
                continue
            built = build_configured(model, len(train.data.classes), train.images.image_size, 0)
            try:
                for parts, _ in frozen_prefixes(built, model):
                    self.engine.features(parts, hashed)
            except StoreFullError:
                self.progress.say(f"  the store has no room for the features of {model.id}: trials are trained uncut.")

    def _enter(self, found: list[list[TrialOutcome | None]], piece: Piece, outcomes: Sequence[TrialOutcome]) -> None:
        number = self.plan.folds.index(piece.fold)
        places = (piece.combination,) if isinstance(piece, NetworkTrial) else piece.combinations
        for place, outcome in zip(places, outcomes, strict=True):
            found[place][number] = outcome


def _stored(outcome: TrialOutcome) -> StoredTrial:
    values = {name: value for name, value in vars(outcome).items() if name != "held_out"}
    return StoredTrial(values, outcome.held_out)


def _outcome(stored: StoredTrial) -> TrialOutcome:
    return TrialOutcome(**stored.values, held_out=stored.held_out)

"""Heads that train together, against the same heads trained by Keras one after the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import keras
import numpy as np
import pytest
import torch

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.batches import Batches, epoch_positions
from kbin.engine.inputs import ArrayInputs
from kbin.errors import DataError
from kbin.models.classifiers import STANDARDIZE, build_head
from kbin.models.standardization import standardize_on
from kbin.training import head_samples
from kbin.training.head_dropout import HeadDropout
from kbin.training.head_stack import Stack, gradients_of
from kbin.training.heads import (
    HeadData,
    HeadOutcome,
    HeadSettings,
    HeadShape,
    can_be_stacked,
    heads_at_once,
    together_key,
    train_heads,
)
from kbin.training.trainer import Labelled, Trained, train
from tests.float64 import float64

__all__ = ["float64"]

COUNT, NUM_FEATURES = 240, 24
SIGMOID = HeadShape((), "sigmoid", 2, standardize=False)
NAMES = ("a", "b", "c")


def made(num_classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns features, shape (COUNT, NUM_FEATURES), of unequal means and scales, and labels of unequal numbers."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(num_classes, COUNT, p=np.arange(1, num_classes + 1) / np.arange(1, num_classes + 1).sum())
    directions = generator.normal(0, 0.6, (num_classes, NUM_FEATURES))
    features = directions[labels] + generator.normal(0, 1, (COUNT, NUM_FEATURES))
    scales = generator.uniform(0.3, 2, NUM_FEATURES)
    return (features * scales + generator.uniform(0, 1, NUM_FEATURES)).astype(np.float32), labels


FEATURES, LABELS = made()
ORDER = np.random.default_rng(3).permutation(COUNT)
# 160 and 150 training samples: the last batch of the second part is smaller, and its epochs have as many steps.
PARTS = (
    HeadData(ORDER[:160], ORDER[160:210], ORDER[210:], seed=1),
    HeadData(ORDER[90:], ORDER[:60], ORDER[60:90], seed=2),
)


def settings(dropout: float = 0.0, **changes) -> HeadSettings:
    return HeadSettings(TrainingConfig(**{"learning_rate": 1e-2, "epochs": 3, **changes}), dropout)


def by_keras(
    shape: HeadShape,
    head: HeadSettings,
    part: HeadData,
    features: np.ndarray = FEATURES,
    labels: np.ndarray = LABELS,
    class_weights: np.ndarray | None = None,
    views: np.ndarray | None = None,
    num_views: int = 1,
) -> tuple[Trained, np.ndarray, np.ndarray]:
    """Returns what training was, and the probabilities of the part's held-out and validation samples."""
    model = build_head(
        features.shape[1],
        seed=part.seed,
        hidden_units=shape.hidden_units,
        dropout=head.dropout,
        standardize=shape.standardize,
        num_classes=shape.num_classes,
        output=shape.output,
    )
    if shape.standardize:
        standardize_on(model.get_layer(STANDARDIZE), [features[part.train]])
    inputs = ArrayInputs(features[part.train])
    if views is not None:
        rows = np.concatenate([view * len(features) + part.train for view in range(num_views)])
        inputs = ArrayInputs(views[rows])
    watched = Labelled(ArrayInputs(features[part.validation]), labels[part.validation])
    trained = train(
        model,
        Labelled(inputs, labels[part.train], num_views),
        watched,
        head.training,
        seed=part.seed,
        class_weights=class_weights,
    )
    answers = [model.predict(features[places], verbose=0) for places in (part.held_out, part.validation)]
    return trained, *(values[:, 0] if values.shape[1] == 1 else values for values in answers)


def together(
    shape: HeadShape, heads: Sequence[HeadSettings], parts: Sequence[HeadData] = PARTS, **changes
) -> list[list[HeadOutcome]]:
    features, labels = changes.pop("features", FEATURES), changes.pop("labels", LABELS)
    return train_heads(ArrayInputs(features), labels, NAMES[: shape.num_classes], shape, heads, parts, **changes)


def assert_as_by_keras(
    shape: HeadShape,
    heads: Sequence[HeadSettings],
    tolerance: float = 1e-4,
    class_weights: Callable[[HeadSettings, HeadData], np.ndarray | None] = lambda head, part: None,
    parts: Sequence[HeadData] = PARTS,
    **data,
) -> None:
    named = {name: data[name] for name in ("features", "labels") if name in data}
    views = {"views": ArrayInputs(data["views"]), "num_views": data["num_views"]} if "views" in data else {}
    for part, outcomes in zip(parts, together(shape, heads, parts, **named, **views), strict=True):
        for head, outcome in zip(heads, outcomes, strict=True):
            trained, held_out, validation = by_keras(shape, head, part, class_weights=class_weights(head, part), **data)
            assert np.ptp(held_out, axis=0).max() > 0.01
            assert outcome.error is None
            assert outcome.epoch == trained.epoch
            np.testing.assert_allclose(outcome.held_out, held_out, atol=tolerance, rtol=0)
            np.testing.assert_allclose(outcome.validation, validation, atol=tolerance, rtol=0)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_heads_without_hidden_layers_come_out_as_by_keras(optimizer, output):
    shape = HeadShape((), output, 2, standardize=True)
    heads = [settings(optimizer=optimizer, learning_rate=rate, weight_decay=0.02) for rate in (1e-4, 1e-3, 1e-2)]
    assert_as_by_keras(shape, heads)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_heads_with_hidden_layers_come_out_as_by_keras(optimizer):
    shape = HeadShape((8, 5), "sigmoid", 2, standardize=False)
    assert_as_by_keras(shape, [settings(optimizer=optimizer, learning_rate=rate) for rate in (1e-4, 1e-3)])


class TestEqualToKeras:
    """Within 1e-8 in float64, where no rounding hides a difference; at rates at which float32 training is chaotic."""

    pytestmark = pytest.mark.usefixtures("float64")

    @pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
    @pytest.mark.parametrize("num_classes", [2, 3])
    @pytest.mark.parametrize("hidden_units", [(), (6, 4)])
    def test_optimizers_outputs_and_hidden_layers(self, optimizer, num_classes, hidden_units):
        features, labels = made(num_classes)
        shape = HeadShape(hidden_units, "sigmoid" if num_classes == 2 else "softmax", num_classes, standardize=True)
        heads = [settings(optimizer=optimizer, learning_rate=rate) for rate in (1e-3, 1e-1)]
        assert_as_by_keras(shape, heads, 1e-8, features=features, labels=labels)

    @pytest.mark.parametrize("loss", [{"loss": "squared_error"}, {"loss": "focal", "focal_gamma": 1.5}])
    @pytest.mark.parametrize("num_classes", [2, 3])
    def test_other_losses(self, loss, num_classes):
        features, labels = made(num_classes)
        shape = HeadShape((), "sigmoid" if num_classes == 2 else "softmax", num_classes, standardize=False)
        heads = [settings(learning_rate=rate, **loss) for rate in (1e-2, 1e-1)]
        assert_as_by_keras(shape, heads, 1e-8, features=features, labels=labels)

    @pytest.mark.parametrize("output", ["sigmoid", "softmax"])
    def test_probabilities_that_keras_clips(self, output):
        """Features so large that many samples are answered with certainty, and wrongly."""
        heads = [settings(learning_rate=rate, optimizer="sgd", epochs=2) for rate in (1e-2, 1e-1)]
        shape = HeadShape((), output, 2, standardize=False)
        certain = np.concatenate([one.held_out for one in together(shape, heads, features=60 * FEATURES)[0]])
        assert ((certain < 1e-7) | (certain > 1 - 1e-7)).mean() > 0.5
        assert_as_by_keras(shape, heads, 1e-8, features=60 * FEATURES)

    def test_schedules_of_different_lengths(self):
        heads = [
            settings(schedule="cosine", warmup_epochs=1, learning_rate=0.05),
            settings(schedule="cosine", learning_rate=0.1, epochs=2),
            settings(schedule="cosine", learning_rate=0.1, epochs=4),
            settings(schedule="cosine", warmup_epochs=3, learning_rate=0.1, epochs=2),
            settings(warmup_epochs=2, learning_rate=0.1, epochs=3),
            settings(warmup_epochs=2, learning_rate=0.1, epochs=1),
        ]
        assert_as_by_keras(SIGMOID, heads, 1e-8)

    @pytest.mark.parametrize("sampling", ["oversample", "undersample"])
    def test_sampling(self, sampling):
        assert_as_by_keras(SIGMOID, [settings(sampling=sampling)], 1e-8)

    def test_views_of_the_training_features(self):
        views = np.concatenate([FEATURES, FEATURES + 1, 2 * FEATURES])
        shape = HeadShape((5,), "sigmoid", 2, standardize=True)
        heads = [settings(epochs=4)]
        assert_as_by_keras(shape, heads, 1e-8, views=views, num_views=3)
        plain, viewed = (
            together(shape, heads, **changes)[0][0].held_out
            for changes in ({}, {"views": ArrayInputs(views), "num_views": 3})
        )
        assert np.abs(plain - viewed).max() > 1e-3

    def test_class_weights(self):
        """Of the part's own training labels, counted here by hand."""

        def weights(head: HeadSettings, part: HeadData) -> np.ndarray | None:
            if head.training.class_weight == "balanced":
                return len(part.train) / (2 * np.array([(LABELS[part.train] == label).sum() for label in (0, 1)]))
            return None if head.training.class_weight is None else np.array([1.0, 4.0])

        heads = [settings(), settings(class_weight="balanced"), settings(class_weight={"b": 4.0})]
        assert_as_by_keras(SIGMOID, heads, 1e-8, weights)
        outcomes = together(SIGMOID, heads)[0]
        assert np.abs(outcomes[0].held_out - outcomes[1].held_out).max() > 1e-2

    @pytest.mark.parametrize(
        ("monitor", "output"),
        [("loss", "sigmoid"), ("loss", "softmax"), ("accuracy", "softmax"), ("f1", "sigmoid"), ("roc_auc", "softmax")],
    )
    def test_early_stopping(self, monitor, output):
        """Some stop by themselves, and some are at their last epoch before patience ends."""
        stopping = EarlyStoppingConfig(patience=2, monitor=monitor)
        heads = [
            settings(learning_rate=rate, epochs=epochs, early_stopping=stopping)
            for rate, epochs in ((1e-4, 3), (5e-2, 9), (1e-1, 4))
        ]
        shape = HeadShape((6,), output, 2, standardize=True)
        assert_as_by_keras(shape, heads, 1e-8)
        assert len({outcome.epoch for outcomes in together(shape, heads) for outcome in outcomes}) > 1

    @pytest.mark.filterwarnings("ignore:Early stopping conditioned on metric")  # Keras's, where it passes over an epoch
    def test_early_stopping_on_a_metric_that_some_epochs_lack(self):
        labels = np.zeros(COUNT, int)
        labels[ORDER[[0, 50, 100, 170, 215, 220]]] = 1  # too few of them to be answered for long
        stopping = EarlyStoppingConfig(patience=2, monitor="precision")
        shape = HeadShape((), "sigmoid", 2, standardize=True)
        heads = [settings(learning_rate=rate, epochs=8, early_stopping=stopping) for rate in (1e-4, 2e-3, 3e-2)]
        histories = [by_keras(shape, head, PARTS[0], labels=labels)[0].history for head in heads]
        assert any("val_precision" not in row for rows in histories for row in rows)
        assert_as_by_keras(shape, heads, 1e-8, parts=PARTS[:1], labels=labels)

    def test_parts_of_different_sizes_and_batches(self):
        parts = [
            HeadData(ORDER[:count], ORDER[150:], ORDER[100:150], seed) for seed, count in enumerate((33, 64, 70, 7))
        ]
        assert_as_by_keras(SIGMOID, [settings(batch_size=32, learning_rate=0.05)], 1e-8, parts=parts)


def assert_same(first: HeadOutcome, second: HeadOutcome) -> None:
    """To the bit, but for a machine whose matrix products depend on their number of rows."""
    assert (first.epoch, first.error) == (second.epoch, second.error)
    np.testing.assert_allclose(first.held_out, second.held_out, atol=1e-6, rtol=0)
    np.testing.assert_allclose(first.validation, second.validation, atol=1e-6, rtol=0)


class _OnlyTake:
    """Inputs that can do nothing else, and note what they are asked for."""

    def __init__(self, array: np.ndarray):
        self._array, self.asked = array, []

    def __len__(self) -> int:
        return len(self._array)

    def take(self, positions: np.ndarray) -> np.ndarray:
        self.asked.append(positions)
        return self._array[positions]


def test_snapshots_of_one_run_equal_separate_runs():
    heads = [settings(epochs=epochs, warmup_epochs=2, class_weight="balanced") for epochs in (5, 2, 3, 5)]
    for part, outcomes in zip(PARTS, together(SIGMOID, heads), strict=True):
        assert [outcome.epoch for outcome in outcomes] == [5, 2, 3, 5]
        for head, outcome in zip(heads, outcomes, strict=True):
            assert_same(outcome, together(SIGMOID, [head], [part])[0][0])


def test_epochs_of_one_run_cost_no_more_than_its_longest(monkeypatch):
    monkeypatch.setattr(head_samples, "_KEPT_BYTES", 0)
    inputs, longest = _OnlyTake(FEATURES), _OnlyTake(FEATURES)
    part = HeadData(ORDER[:160], ORDER[160:170], None, seed=0)
    train_heads(inputs, LABELS, NAMES[:2], SIGMOID, [settings(epochs=epochs) for epochs in (2, 5, 9)], [part])
    train_heads(longest, LABELS, NAMES[:2], SIGMOID, [settings(epochs=9)], [part])
    assert len(longest.asked) <= len(inputs.asked) <= len(longest.asked) + 2  # to predict for the shorter ones


@pytest.mark.parametrize("hidden_units", [(), (6, 4)])
def test_the_outcome_of_a_head_does_not_depend_on_its_companions(hidden_units):
    shape = HeadShape(hidden_units, "sigmoid", 2, standardize=True)
    stopping = EarlyStoppingConfig(patience=1)
    heads = [
        settings(dropout, learning_rate=rate, epochs=epochs, class_weight=weight, early_stopping=stopping)
        for dropout, rate, epochs, weight in (
            (0.5, 1e-3, 4, None),
            (0.0, 1e-2, 6, "balanced"),
            (0.2, 3e-2, 9, None),
            (0.5, 1e-2, 5, {"a": 3.0}),
            (0.0, 1e-3, 3, None),
        )
    ]
    alone = [together(shape, [head])[1][0] for head in heads]
    for chosen in ([0, 1, 2, 3, 4], [4, 2, 0], [3, 1]):
        outcomes = together(shape, [heads[place] for place in chosen])[1]
        for place, outcome in zip(chosen, outcomes, strict=True):
            assert_same(outcome, alone[place])


def test_a_head_that_diverges_says_so_and_leaves_its_neighbours_alone():
    """Weight decay takes the rate's share of the weights away: at rate 1e6, four thousand times what there is."""
    wild, calm = settings(learning_rate=1e6), [settings(learning_rate=1e-3), settings(learning_rate=1e-2)]
    outcomes = together(SIGMOID, [calm[0], wild, calm[1]])[0]
    assert outcomes[1].error == "training diverged at learning rate 1e+06: the head's outputs are not numbers any more."
    for head, outcome in zip(calm, (outcomes[0], outcomes[2]), strict=True):
        assert outcome.error is None
        assert_same(outcome, together(SIGMOID, [head])[0][0])


def test_a_head_that_diverges_under_early_stopping_says_so_and_ends():
    stopping = EarlyStoppingConfig(patience=5)
    heads = [settings(learning_rate=rate, epochs=9, early_stopping=stopping) for rate in (1e6, 1e-3)]
    wild, calm = together(SIGMOID, heads)[0]
    assert "diverged at learning rate 1e+06" in wild.error
    assert wild.epoch < 9
    assert (calm.epoch, calm.error) == (9, None)


def test_features_on_disk_are_read_once_where_they_are_few_and_batch_by_batch_where_they_are_many(
    tmp_path, monkeypatch
):
    np.save(tmp_path / "features.npy", FEATURES)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    shape, heads = HeadShape((), "sigmoid", 2, standardize=True), [settings()]
    expected = together(shape, heads)
    for kept_bytes, largest in ((FEATURES.nbytes, COUNT), (FEATURES.nbytes - 1, 160)):
        monkeypatch.setattr(head_samples, "_KEPT_BYTES", kept_bytes)
        inputs = _OnlyTake(mapped)
        outcomes = train_heads(inputs, LABELS, NAMES[:2], shape, heads, PARTS)
        assert max(map(len, inputs.asked)) == largest
        for (given,), (in_memory,) in zip(outcomes, expected, strict=True):
            np.testing.assert_array_equal(given.held_out, in_memory.held_out)


def test_nothing_but_the_training_samples_of_a_part_reaches_its_heads():
    """Neither standardisation nor class weights nor training: every other feature and label is another one."""
    shape = HeadShape((4,), "sigmoid", 2, standardize=True)
    heads = [settings(class_weight="balanced"), settings(0.3, sampling="none")]
    part = HeadData(ORDER[:100], ORDER[:40], ORDER[40:60], seed=0)
    features, labels = FEATURES.copy(), LABELS.copy()
    features[ORDER[100:]], labels[ORDER[100:]] = 1e4, 1
    for clean, poisoned in zip(
        together(shape, heads, [part])[0],
        together(shape, heads, [part], features=features, labels=labels)[0],
        strict=True,
    ):
        np.testing.assert_array_equal(clean.held_out, poisoned.held_out)
        np.testing.assert_array_equal(clean.validation, poisoned.validation)


def test_threads_get_what_one_call_after_the_other_gets():
    shapes = [HeadShape(units, "sigmoid", 2, standardize=True) for units in ((), (3,), (5, 4), (7,))]
    parts = [HeadData(part.train, part.held_out, part.validation, part.seed + 100) for part in PARTS]
    heads = [settings(0.3), settings(learning_rate=1e-3)]
    with ThreadPoolExecutor(4) as executor:
        at_once = list(executor.map(lambda shape: together(shape, heads, parts), shapes))
    for shape, outcomes in zip(shapes, at_once, strict=True):
        for expected, given in zip(chain(*together(shape, heads, parts)), chain(*outcomes), strict=True):
            np.testing.assert_array_equal(expected.held_out, given.held_out)


def test_heads_train_on_the_batches_that_fit_trains_on():
    seen: list[list[int]] = []

    class _Model(keras.Model):
        def call(self, samples):
            return samples

        def train_step(self, data):
            seen.append(keras.ops.convert_to_numpy(data[0]).astype(int).tolist())
            return {}

    labels = LABELS[:50]
    model = _Model()
    model.compile()
    for sampling, num_views in (("none", 3), ("oversample", 2), ("undersample", 1)):
        seen.clear()
        batches = Batches(
            ArrayInputs(np.arange(50 * num_views)), labels, 1000, seed=7, num_views=num_views, sampling=sampling
        )
        model.fit(batches, epochs=3, shuffle=False, verbose=0)
        assert seen == [epoch_positions(labels, 7, epoch, num_views, sampling).tolist() for epoch in (1, 2, 3)]


class TestDropout:
    NUM_STEPS, RATES = 4000, (0.0, 0.2, 0.6)

    @pytest.mark.parametrize("hidden_units", [(), (8,)])
    def test_logits_have_the_mean_of_inference_and_the_variance_of_inverted_dropout(self, hidden_units):
        """Of a sum of x w where x is kept at 1 / (1 - rate): the squares of x w times rate / (1 - rate)."""
        head = build_head(NUM_FEATURES, seed=0, hidden_units=hidden_units)
        weights = Stack.of_weights([head.get_weights()] * 3, torch.float32)
        features, dropout = torch.from_numpy(FEATURES[:2]), HeadDropout(self.RATES, 0, torch.float32)
        drawn: list[np.ndarray] = []

        def note(logits: torch.Tensor) -> torch.Tensor:
            drawn.append(logits[:, 0].numpy().copy())
            return torch.zeros_like(logits)

        for step in range(self.NUM_STEPS):
            gradients_of(weights, features, dropout, step, note, into=weights.zeros())
        entering = features.numpy()
        if hidden_units:
            kernel, bias = head.get_weights()[:2]
            entering = np.maximum(entering @ kernel + bias, 0)
        terms = entering * head.get_weights()[-2][:, 0]
        for row, rate in enumerate(self.RATES):
            expected = np.sqrt((terms**2).sum(axis=1) * rate / (1 - rate))
            logits = np.array(drawn, np.float64)[:, row]
            np.testing.assert_allclose(logits.std(axis=0), expected, rtol=0.05, atol=1e-5)
            error = 4 * expected / np.sqrt(self.NUM_STEPS) + 1e-5
            assert (np.abs(logits.mean(axis=0) - terms.sum(axis=1)) < error).all()

    def test_a_higher_rate_drops_what_a_lower_one_drops_and_more(self):
        low, high = HeadDropout([0.3, 0.6], 0, torch.float32).factors(0, 0, 50, 40).numpy()
        assert np.unique(low) == pytest.approx([0, 1 / 0.7])
        assert np.unique(high) == pytest.approx([0, 1 / 0.4])
        assert ((high == 0) >= (low == 0)).all()
        assert (low == 0).mean() == pytest.approx(0.3, abs=0.03)  # 2,000 draws: standard error .01

    def test_every_step_layer_and_seed_draws_anew_and_can_be_repeated(self):
        def drawn(seed: int, step: int, layer: int) -> np.ndarray:
            return HeadDropout([0.5], seed, torch.float32).factors(step, layer, 6, 7).numpy()

        first = drawn(0, 0, 0)
        np.testing.assert_array_equal(drawn(0, 0, 0), first)
        assert all((drawn(*other) != first).any() for other in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))

    def test_outcomes_are_keras_s_on_average(self):
        """How sure heads are: with the same initial weights and batches for each seed, noise alone makes a difference.

        Without dropout they are much surer.
        """
        shape = HeadShape((16,), "sigmoid", 2, standardize=True)
        parts = [HeadData(PARTS[0].train, PARTS[0].held_out, PARTS[0].validation, seed) for seed in range(20, 32)]
        head, undropped = (settings(rate, optimizer="sgd", learning_rate=0.03) for rate in (0.7, 0.0))
        ours = np.array([outcome.held_out for (outcome,) in together(shape, [head], parts)])
        without = np.array([outcome.held_out for (outcome,) in together(shape, [undropped], parts)])
        keras_s = np.array([by_keras(shape, head, part)[1] for part in parts])

        def sureness(probabilities: np.ndarray) -> np.ndarray:
            return np.abs(probabilities - 0.5).mean(axis=1)

        error = (sureness(ours) - sureness(keras_s)).std() / np.sqrt(len(parts))
        assert abs(sureness(ours).mean() - sureness(keras_s).mean()) < 3 * error
        assert abs(sureness(without).mean() - sureness(keras_s).mean()) > 6 * error


def test_progress_is_told_of_every_outcome():
    told: list[int] = []
    together(SIGMOID, [settings(epochs=epochs) for epochs in (1, 2, 2)], advance=told.append)
    assert sum(told) == 3 * len(PARTS)


def test_labels_of_one_byte_are_labels():
    for given, expected in zip(
        together(SIGMOID, [settings()], labels=LABELS.astype(np.uint8)), together(SIGMOID, [settings()]), strict=True
    ):
        np.testing.assert_array_equal(given[0].held_out, expected[0].held_out)


@pytest.mark.parametrize("hidden_units", [(), (64, 8)])
def test_outcomes_do_not_depend_on_the_number_of_threads(hidden_units):
    features = np.random.default_rng(0).normal(0, 1, (COUNT, 1280)).astype(np.float32)
    shape = HeadShape(hidden_units, "sigmoid", 2, standardize=True)
    heads = [settings(learning_rate=rate) for rate in np.linspace(1e-4, 1e-2, 40)]
    before, outcomes = torch.get_num_threads(), {}
    try:
        for num_threads in (1, 2):
            torch.set_num_threads(num_threads)
            outcomes[num_threads] = together(shape, heads, PARTS[:1], features=features)[0]
    finally:
        torch.set_num_threads(before)
    for one, two in zip(outcomes[1], outcomes[2], strict=True):
        assert_same(one, two)


def test_no_heads_give_no_outcomes():
    assert together(SIGMOID, []) == [[], []]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd"},
        {"loss": "squared_error"},
        {"loss": "focal"},
        {"batch_size": 16},
        {"sampling": "oversample"},
        {"early_stopping": 2},
        {"early_stopping": {"monitor": "f1"}},
    ],
)
def test_what_heads_must_have_in_common_is_in_their_key(changes):
    assert together_key(settings(**changes)) != together_key(settings())
    with pytest.raises(ValueError, match="these heads cannot train together"):
        together(SIGMOID, [settings(), settings(**changes)])


def test_what_heads_may_have_of_their_own_is_not_in_their_key():
    own = {
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "epochs": 9,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "class_weight": "balanced",
        "focal_gamma": 1.0,
        "seeds": (5,),
    }
    assert together_key(settings(0.5, **own)) == together_key(settings())


def test_arithmetic_in_bfloat16_is_left_to_keras():
    assert can_be_stacked(settings())
    assert not can_be_stacked(settings(precision="bfloat16"))


def test_early_stopping_without_what_it_watches_is_refused():
    part = HeadData(ORDER[:160], ORDER[160:], None, seed=0)
    with pytest.raises(DataError, match="early stopping needs a validation set"):
        together(SIGMOID, [settings(early_stopping=2)], [part])
    negatives = HeadData(ORDER[:160], ORDER[160:], np.flatnonzero(LABELS == 0)[:9], seed=0)
    with pytest.raises(DataError, match="the validation set has none of class 1"):
        together(SIGMOID, [settings(early_stopping={"monitor": "f1"})], [negatives])


@pytest.mark.parametrize("hidden_units", [(), (64,), (4096,)])
def test_some_heads_are_always_trained_at_once_and_their_weights_stay_small(hidden_units):
    shape = HeadShape(hidden_units, "sigmoid", 2, standardize=True)
    count = heads_at_once(shape, 1280, 5)
    assert count >= 4
    # Weights, gradients, two moments, the update and the best so far: 4 bytes each.
    assert count * shape.num_parameters(1280) * 6 * 4 < 2**30
    assert shape.num_parameters(1280) == build_head(1280, seed=0, hidden_units=hidden_units).count_params()

"""`kbin.ImageClassifier` where scikit-learn's people use it."""

import copy
import pickle
import random
import sys

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import kbin
from kbin.engine.feature_store import FeatureStore
from kbin.engine.features import FeatureEngine
from kbin.errors import EstimatorInputError, TrainingError
from kbin.training.trainer import train


def shades(count: int = 24, kinds: tuple[str, ...] = ("dark", "bright")) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of 32 px whose brightness is their class, but for noise, and the labels."""
    levels = {"dark": 60, "bright": 180, "grey": 120}
    labels = np.array(kinds)[np.arange(count) % len(kinds)]
    means = np.array([levels[label] for label in labels.tolist()])[:, None, None, None]
    pixels = np.random.default_rng(0).normal(means, 30, (count, 32, 32, 3))
    return pixels.clip(0, 255).astype(np.uint8), labels


def small(**settings: object) -> kbin.ImageClassifier:
    # A head on the random convolutions of a small network, which tell shades apart.
    given = {"backbone": "SmallCNN", "train_blocks": 0, "standardize": True, "image_size": 32, "random_state": 0}
    given |= {"epochs": 4, "learning_rate": 1e-2, "batch_size": 8, "runtime": "torch"}
    return kbin.ImageClassifier(**(given | settings))


def pretrained(**settings: object) -> kbin.ImageClassifier:
    return small(**({"backbone": "EfficientNetLite0"} | settings))


@pytest.fixture(scope="module")
def fitted():
    return small().fit(*shades())


class TestPredictions:
    def test_it_learns_and_its_probabilities_stand_in_the_order_of_the_sorted_labels(self, fitted):
        images, labels = shades()
        probabilities = fitted.predict_proba(images)
        assert fitted.classes_.tolist() == ["bright", "dark"]
        assert fitted.score(images, labels) == 1.0
        assert probabilities.shape == (24, 2)
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(24))
        assert (probabilities[labels == "dark", 1] > 0.5).all()

    @pytest.mark.parametrize("seed", [0, 3])  # a network without weights draws other ones from another
    def test_the_keras_model_says_the_same(self, seed):
        images, labels = shades()
        one = small(random_state=seed, epochs=1).fit(images, labels)
        said = one.predict_proba(images)[:, 1]
        assert np.ptp(said) > 0.01
        assert said == pytest.approx(one.model_.predict(images, verbose=0)[:, 0], abs=1e-5)

    def test_the_decision_function_is_the_log_odds_of_the_second_label(self, fitted):
        images, _ = shades()
        probability = fitted.predict_proba(images)[:, 1].clip(1e-7, 1 - 1e-7)
        assert fitted.decision_function(images) == pytest.approx(np.log(probability / (1 - probability)), rel=1e-6)

    @pytest.mark.parametrize(
        "of", [lambda text: text, lambda text: text == "dark", lambda text: np.where(text == "dark", 7, -3)]
    )
    def test_labels_of_any_type_come_back_as_they_were_given(self, of):
        images, labels = shades()
        predicted = small().fit(images, of(labels)).predict(images)
        assert predicted.dtype == of(labels).dtype
        assert (predicted == of(labels)).all()

    def test_more_than_two_classes_have_a_column_each(self):
        images, labels = shades(30, ("dark", "bright", "grey"))
        several = small().fit(images, labels)
        assert several.predict_proba(images).shape == several.decision_function(images).shape == (30, 3)
        assert several.score(images, labels) == 1.0

    def test_paths_are_read_as_the_arrays_that_they_hold(self, tmp_path, fitted):
        images, labels = shades(6)
        paths = [tmp_path / f"{number}.png" for number in range(6)]
        for path, pixels in zip(paths, images, strict=True):
            Image.fromarray(pixels).save(path)
        assert fitted.predict_proba(paths) == pytest.approx(fitted.predict_proba(images), abs=1e-6)
        assert small(epochs=1).fit(paths, labels).classes_.tolist() == ["bright", "dark"]

    def test_parameters_set_after_the_fit_change_nothing_before_the_next(self):
        images, labels = shades(8)
        one = small(epochs=1).fit(images, labels)
        before = one.predict_proba(images)
        one.set_params(image_size=64, backbone="ResNet18", store=False)
        assert (one.predict_proba(images) == before).all()


class TestModel:
    def test_the_model_is_assembled_only_where_somebody_asks_for_it(self, monkeypatch):
        images, labels = shades(8)
        one = small(epochs=1).fit(images, labels)
        monkeypatch.setattr("kbin.deploy.estimator_network.build_configured", lambda *given, **named: 1 / 0)
        one.predict(images)
        with pytest.raises(ZeroDivisionError):
            _ = one.model_

    def test_models_of_two_fits_share_no_weights(self, fitted):
        images, labels = shades()
        other = clone(fitted).fit(images, labels)
        before = fitted.predict_proba(images)
        for weight in other.model_.weights:
            weight.assign(weight * 0)
        assert (fitted.predict_proba(images) == before).all()
        assert np.abs(fitted.model_.get_weights()[0]).max() > 0


class TestSameAgain:
    def test_two_fits_with_one_seed_are_alike_to_the_bit_and_another_seed_is_not(self, fitted):
        images, labels = shades()
        again, other = clone(fitted).fit(images, labels), small(random_state=1).fit(images, labels)
        assert (again.predict_proba(images) == fitted.predict_proba(images)).all()
        assert not np.allclose(other.predict_proba(images), fitted.predict_proba(images), atol=1e-4)

    def test_a_fit_leaves_the_random_numbers_of_everybody_else_alone(self):
        images, labels = shades(8)
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        expected = random.random(), np.random.random()  # noqa: NPY002
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        small(epochs=1).fit(images, labels)
        assert (random.random(), np.random.random()) == expected  # noqa: NPY002

    @pytest.mark.parametrize("trip", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
    def test_pickled_and_copied_it_predicts_the_same(self, fitted, trip):
        images, _ = shades()
        assert (trip(fitted).predict_proba(images) == fitted.predict_proba(images)).all()

    def test_joblib_keeps_it_in_a_file(self, fitted, tmp_path):
        images, _ = shades()
        joblib.dump(fitted, tmp_path / "model.joblib")
        assert (joblib.load(tmp_path / "model.joblib").predict(images) == fitted.predict(images)).all()

    def test_a_pickle_holds_the_model_as_the_bytes_of_its_keras_file(self, fitted):
        assert fitted.__getstate__()["model.keras"][:2] == b"PK"

    def test_a_pickle_whose_model_holds_code_is_refused(self, fitted, tmp_path):
        import keras

        evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
        evil.save(tmp_path / "evil.keras")
        state = fitted.__getstate__() | {"model.keras": (tmp_path / "evil.keras").read_bytes()}
        with pytest.raises(kbin.errors.ModelFileError, match="Lambda"):
            kbin.ImageClassifier().__setstate__(state)

    def test_before_a_fit_it_is_pickled_too_and_says_that_it_is_not_fitted(self):
        with pytest.raises(NotFittedError):
            pickle.loads(pickle.dumps(small())).predict(shades(2)[0])


class TestInScikitLearn:
    def test_cross_validation_in_two_processes_scores_as_in_one(self):
        images, labels = shades()
        alone = cross_val_score(small(), images, labels, cv=3)
        together = cross_val_score(small(), images, labels, cv=3, n_jobs=2)
        assert alone.tolist() == together.tolist() == [1.0, 1.0, 1.0]

    def test_a_grid_search_computes_each_image_once(self, monkeypatch):
        images, labels = shades()
        passed = []
        fill = FeatureEngine._fill

        def counted(self, table, parts, hashes, images, shards):
            passed.append(sum(map(len, shards)))
            return fill(self, table, parts, hashes, images, shards)

        monkeypatch.setattr(FeatureEngine, "_fill", counted)
        search = GridSearchCV(small(), {"learning_rate": [1e-6, 1e-2], "hidden_units": [(), (4,)]}, cv=3)
        search.fit(images, labels)
        assert search.best_params_["learning_rate"] == 1e-2
        assert search.score(images, labels) == 1.0
        # The first fold's training images, then those that it held out.
        assert passed == [16, 8]

    def test_a_calibrated_classifier_takes_it(self):
        images, labels = shades()
        calibrated = CalibratedClassifierCV(small(epochs=2), cv=2).fit(images, labels)
        assert calibrated.predict(images).tolist() == labels.tolist()

    def test_a_pipeline_takes_it_and_names_its_parameters(self):
        images, labels = shades()
        pipeline = Pipeline([("invert", FunctionTransformer(lambda pixels: 255 - pixels)), ("classify", small())])
        pipeline.set_params(classify__epochs=3).fit(images, labels)
        assert pipeline.score(images, labels) == 1.0
        assert len(pipeline["classify"].history_) == 3

    def test_numbers_of_numpy_are_taken_as_parameters(self):
        images, labels = shades(8)
        one = small(epochs=np.int64(2), learning_rate=np.float64(0.01), hidden_units=np.array([3])).fit(images, labels)
        assert len(one.history_) == 2
        assert one.model_.get_layer("head_dense_1").units == 3


class TestTraining:
    def test_images_of_weight_zero_may_have_any_label(self):
        images, labels = shades()
        weights = np.where(np.arange(24) < 16, 1.5, 0.0)
        turned = np.where(weights > 0, labels, np.where(labels == "dark", "bright", "dark"))
        asked = [small().fit(images, given, weights).predict_proba(images) for given in (labels, turned)]
        assert (asked[0] == asked[1]).all()
        assert not np.allclose(asked[0], small().fit(images, turned).predict_proba(images), atol=1e-3)

    def test_a_heavier_class_is_answered_more_often(self):
        images, labels = shades()
        noise = np.random.default_rng(1).permutation(labels)
        plain, weighted = (
            small(class_weight=weights, standardize=False).fit(images, noise).predict_proba(images)[:, 0].mean()
            for weights in (None, {"bright": 50.0})
        )
        assert weighted > plain + 0.1

    def test_early_stopping_holds_a_stratified_share_out_and_keeps_the_best_epoch(self, monkeypatch):
        images, labels = shades(40)
        seen = {}

        def watched(model, data, validation, *arguments, **settings):
            seen.update(train=np.bincount(data.labels).tolist(), validation=np.bincount(validation.labels).tolist())
            return train(model, data, validation, *arguments, **settings)

        monkeypatch.setattr("kbin.deploy.estimator_training.train", watched)
        one = small(epochs=8, early_stopping=1, validation_fraction=0.2).fit(images, labels)
        assert seen == {"train": [16, 16], "validation": [4, 4]}
        losses = [row["val_loss"] for row in one.history_]
        assert one.n_iter_ == 1 + int(np.argmin(losses))

    def test_a_block_of_the_backbone_trains_and_the_rest_stays(self):
        images, labels = shades(8)
        one = pretrained(train_blocks=1, epochs=1, standardize=False).fit(images, labels)
        untouched = kbin.build_classifier("EfficientNetLite0", image_size=32)
        weights, before = one.model_.weights, untouched.weights
        moved = [not np.array_equal(a.numpy(), b.numpy()) for a, b in zip(weights, before, strict=True)]
        top = ["top" in weight.path or "head" in weight.path for weight in weights]
        assert moved[0] is False
        assert all(is_top for is_top, has_moved in zip(top, moved, strict=True) if has_moved)
        assert any("top" in weight.path for weight, has_moved in zip(weights, moved, strict=True) if has_moved)

    def test_without_the_store_nothing_is_stored(self):
        images, labels = shades(8)
        one = small(store=False, epochs=1).fit(images, labels)
        one.predict(images)
        assert FeatureStore.of_this_machine().entries() == []

    def test_training_that_diverges_is_an_error(self):
        with pytest.raises(TrainingError, match="diverged"):
            small(learning_rate=1e30, optimizer="sgd", hidden_units=(4,), epochs=3).fit(*shades())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "ResNet5"}, "unknown backbone 'ResNet5'. Did you mean 'ResNet50'"),
        ({"weights": "imagenett"}, "weights"),
        ({"epochs": 0}, "epochs is 0: Input should be greater than or equal to 1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"optimizer": "adamx"}, "unknown optimizer 'adamx'"),
        ({"resize": "squash"}, "unknown value 'squash'.*Known: .*stretch"),
        ({"runtime": "cuda"}, "runtime: unknown value 'cuda'"),
        ({"image_size": 8}, "image_size is 8, but SmallCNN needs at least 32"),
        ({"image_size": "224"}, "image_size is '224'; allowed: a side in pixels"),
        ({"store": "yes"}, "store is 'yes'; allowed: True, False"),
        ({"train_blocks": (0, 1)}, "give one depth"),
        ({"class_weight": {"blue": 2.0}}, "class_weight has the label 'blue'; y has bright, dark"),
        ({"early_stopping": 2, "validation_fraction": 0.01}, "validation_fraction 0.01 of 8 images"),
    ],
)
def test_a_wrong_parameter_is_told_at_the_fit(settings, message):
    with pytest.raises(EstimatorInputError, match=message):
        small(**settings).fit(*shades(8))


@pytest.mark.parametrize(
    ("labels", "weights", "message"),
    [
        (["dark"] * 8, None, "y has one class only, .*dark"),
        (["dark", "bright"], None, "inconsistent numbers of samples"),
        (None, None, "the target y is None"),
        (np.linspace(0, 1, 8), None, "Unknown label type: continuous"),
        (["dark", None] * 4, None, "y contains None"),
        (["dark", "bright"] * 4, np.ones(7), r"sample_weight has shape \(7,\); allowed for 8 images: \(8,\)"),
        (["dark", "bright"] * 4, -np.ones(8), "must|not negative"),
    ],
)
def test_wrong_labels_and_weights_are_value_errors(labels, weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit(shades(8)[0], labels, weights)


def test_a_damaged_image_file_is_named(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(EstimatorInputError, match=r"bad\.png"):
        small().fit([tmp_path / "bad.png"] * 4, ["dark", "bright"] * 2)


def test_the_public_name_is_the_estimator():
    assert kbin.ImageClassifier is sys.modules["kbin.deploy.estimator"].ImageClassifier

"""A scikit-learn classifier of images: a pretrained backbone with a head, whose frozen part is computed once."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from kbin.deploy.estimator_images import estimator_images
from kbin.deploy.estimator_labels import checked_weights, class_indices, drawn_seed, held_out
from kbin.deploy.estimator_network import EstimatorNetwork
from kbin.deploy.estimator_settings import fitted_settings, training_settings
from kbin.deploy.estimator_training import LabelledImages, train_network
from kbin.deploy.random_states import global_generators_kept
from kbin.errors import ConfigError, DataError, EstimatorInputError
from kbin.models.model_files import load_model

if TYPE_CHECKING:
    import keras

_SMALLEST = 1e-7  # a probability; beyond it float32 says 0 or 1, whose logits are no numbers
_NETWORK, _MODEL = "_network", "model.keras"  # what is kept in memory, and in a pickle


class ImageClassifier(ClassifierMixin, BaseEstimator):
    """Classifies images with a pretrained backbone and a head; two classes or more.

    What is frozen is computed once for each image on this machine and stored by the image's content (`kbin store`), so
    that another fold, another head or another seed costs what training the rest costs.

    `X` is an array of shape (n, height, width, 3) with RGB values from 0 to 255 (uint8, other whole numbers, or floats,
    which are rounded; grey images of shape (n, height, width) too), or a list or array of paths, or a list of Pillow
    images. `y` are any labels: text, integers, flags.

    Args:
        backbone: A name that `kbin backbones` lists.
        weights: "packaged", "imagenet", "none" or a file; None takes what the backbone has.
        train_blocks: How many of the top blocks are trained beside the head, or "all"; None trains the head alone, or
            a backbone without pretrained weights as a whole.
        hidden_units: Sizes of the head's hidden layers.
        dropout: Rate in the head.
        standardize: Standardise features on the training images.
        image_size: Side in pixels to which images are brought.
        resize: How: "stretch", "crop" or "pad".
        epochs: Passes over the training images.
        learning_rate: None is 1e-3 for a head alone and 1e-4 where blocks train.
        batch_size: Images of a step.
        optimizer: "adamw", "adam" or another that an experiment file can name.
        weight_decay: Of the optimizer.
        class_weight: "balanced", or weights by label; None weighs all alike.
        early_stopping: Epochs without a smaller loss on held-out images after which training stops, with the weights of
            the best epoch; None trains all epochs on all images.
        validation_fraction: Share of the training images that is held out for it, stratified.
        random_state: Of initial weights, order, dropout and what is held out.
        runtime: What computes the frozen part: "auto", "torch" or "openvino".
        precision: Of the frozen part: "float32" or "bfloat16".
        store: Keep features on this machine; False trains and asks the uncut model, and stores nothing.

    Attributes:
        classes_: shape (num_classes,), the labels in order; of two, the second is the positive one.
        model_: The trained `keras.Model`: raw RGB 0-255 in, probabilities out.
        history_: A row an epoch: epoch, loss, accuracy, and those of held-out images where there are any.
        n_iter_: The epoch, from 1, whose weights the model has.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn takes every setting as a named argument
        self,
        backbone: str = "EfficientNetLite0",
        *,
        weights: str | None = None,
        train_blocks: int | str | None = None,
        hidden_units: Sequence[int] = (),
        dropout: float = 0.0,
        standardize: bool = False,
        image_size: int = 224,
        resize: str = "stretch",
        epochs: int = 10,
        learning_rate: float | None = None,
        batch_size: int = 32,
        optimizer: str = "adamw",
        weight_decay: float = 0.004,
        class_weight: str | Mapping[Any, float] | None = None,
        early_stopping: int | None = None,
        validation_fraction: float = 0.15,
        random_state: int | np.random.RandomState | None = None,
        runtime: str = "auto",
        precision: str = "float32",
        store: bool = True,
    ):
        self.backbone = backbone
        self.weights = weights
        self.train_blocks = train_blocks
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.standardize = standardize
        self.image_size = image_size
        self.resize = resize
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.runtime = runtime
        self.precision = precision
        self.store = store

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains a new model.

        Args:
            X: n images; see the class.
            y: shape (n,), labels of two classes or more.
            sample_weight: shape (n,), how much each image counts in the loss; not in held-out images' loss.

        Raises:
            ValueError: A parameter, an image or a label is wrong.
            KbinError: Weights cannot be had, or training diverged.
        """
        if y is None:
            raise EstimatorInputError("requires y to be passed, but the target y is None: give a label of each image.")
        with _as_value_errors():
            images = estimator_images(X)
            labels, self.classes_ = class_indices(y)
            check_consistent_length(images, labels)
            weights = checked_weights(sample_weight, len(labels))
            settings = fitted_settings(self.get_params(deep=False))
            training = training_settings(self.get_params(deep=False), self.classes_.tolist())
            seed = drawn_seed(self.random_state)
            data, validation = LabelledImages(images, labels, weights), None
            if self.early_stopping is not None:
                data, validation = held_out(data, self.validation_fraction, seed)
            names = tuple(map(str, self.classes_))
            with global_generators_kept():
                self._network, trained = train_network(data, validation, names, settings, training, seed)
        self.history_, self.n_iter_ = trained.history, trained.epoch
        self._fitted = settings
        return self

    @property
    def model_(self) -> "keras.Model":
        """The trained model, assembled the first time that it is asked for: a search asks for none."""
        check_is_fitted(self)
        with global_generators_kept():
            return self._network.whole

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probability of each class, shape (n, num_classes), in the order of `classes_`.

        Args:
            X: n images; see the class.
        """
        outputs = self._outputs(X)
        if outputs.shape[1] == 1:
            return np.hstack([1 - outputs, outputs])
        return outputs / outputs.sum(axis=1, keepdims=True)

    def decision_function(self, X: Any) -> np.ndarray:
        """Returns log odds of the second of two classes, shape (n,), or of more the log probabilities, shape (n, k).

        Args:
            X: n images; see the class.
        """
        outputs = self._outputs(X).clip(_SMALLEST, 1 - _SMALLEST)
        return np.log(outputs / (1 - outputs))[:, 0] if outputs.shape[1] == 1 else np.log(outputs)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the most probable label of each image, shape (n,).

        Args:
            X: n images; see the class.
        """
        most_probable = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[most_probable]

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        with _as_value_errors():
            return self._network.probabilities(estimator_images(X)).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # grey images; there is no tag for four dimensions
        tags.input_tags.one_d_array = True  # paths
        tags.input_tags.string = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is pickled: the model as the bytes of its `.keras` file."""
        state = {name: value for name, value in super().__getstate__().items() if name != _NETWORK}
        if _NETWORK in vars(self):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.keras"
                self.model_.save(path)
                state[_MODEL] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes what was pickled; the model's file may hold nothing but a plain model."""
        state = dict(state)
        content = state.pop(_MODEL, None)
        super().__setstate__(state)
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.keras"
                path.write_bytes(content)
                self._network = EstimatorNetwork.of_whole(load_model(path), self._fitted)


@contextmanager
def _as_value_errors() -> Iterator[None]:
    """Raises what a person gave wrongly as scikit-learn expects it."""
    try:
        yield
    except EstimatorInputError:
        raise
    except (ConfigError, DataError) as error:
        raise EstimatorInputError(str(error)) from error

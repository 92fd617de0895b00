import keras
import numpy as np
import pytest
import torch

from kbin.errors import DataError
from kbin.training.predictions import check_labelled, compiled_loss, shared_predictions
from tests.training.conftest import Images, make_images


class _Batches(keras.utils.PyDataset):
    def __init__(self, data: Images, batch_size: int):
        super().__init__()
        self._data, self._batch_size = data, batch_size

    def __len__(self) -> int:
        return -(-len(self._data.labels) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return self._data.images[rows], self._data.labels[rows]


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """The sizes of all batches that a model has predicted."""
    sizes: list[int] = []
    predict = keras.Model.predict_on_batch

    def counting(self, batch):
        sizes.append(len(batch))
        return predict(self, batch)

    monkeypatch.setattr(keras.Model, "predict_on_batch", counting)
    return sizes


def test_labels_and_outputs_come_in_the_order_of_the_images(make_model):
    data, model = make_images(70), make_model()
    labels, outputs = shared_predictions(model, data.images, data.labels)
    np.testing.assert_array_equal(labels, data.labels)
    np.testing.assert_allclose(outputs, model.predict(data.images, verbose=0), atol=1e-6)
    assert outputs.shape == (70, 1)
    assert np.ptp(outputs) > 0.01


def test_the_last_batch_may_be_smaller(make_model, passes):
    data = make_images(70)
    shared_predictions(make_model(), data.images, data.labels)
    assert passes == [32, 32, 6]


def test_the_same_data_is_predicted_once_while_the_weights_stay(make_model, passes):
    data, model = make_images(8), make_model()
    first = shared_predictions(model, data.images, data.labels)
    assert shared_predictions(model, data.images, data.labels)[1] is first[1]
    assert passes == [8]


def test_other_data_and_other_models_are_predicted_on_their_own(make_model, passes):
    data, other, model = make_images(8), make_images(8, seed=1), make_model()
    _, outputs = shared_predictions(model, data.images, data.labels)
    _, of_other_data = shared_predictions(model, other.images, other.labels)
    _, of_other_model = shared_predictions(make_model(seed=1), data.images, data.labels)
    assert passes == [8, 8, 8]
    assert not np.allclose(outputs, of_other_data)
    assert not np.allclose(outputs, of_other_model)


@pytest.mark.parametrize("num_outputs", [1, 2])
def test_every_step_of_plain_sgd_makes_a_new_pass(make_model, num_outputs):
    """A step of plain SGD leaves the sums of a softmax layer's weights as they are: those cannot tell states apart."""
    data, model = make_images(8), make_model(num_outputs)
    loss = "binary_crossentropy" if num_outputs == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    for _ in range(30):
        model.train_on_batch(data.images, data.labels)
        _, outputs = shared_predictions(model, data.images, data.labels)
        np.testing.assert_array_equal(outputs, model.predict_on_batch(data.images))


def test_weights_that_are_put_back_make_a_new_pass(make_model):
    data, model = make_images(8), make_model()
    before, weights = shared_predictions(model, data.images, data.labels)[1], model.get_weights()
    model.set_weights([values + 1 for values in weights])
    changed = shared_predictions(model, data.images, data.labels)[1]
    model.set_weights(weights)
    np.testing.assert_array_equal(shared_predictions(model, data.images, data.labels)[1], before)
    assert not np.allclose(changed, before)


@pytest.mark.parametrize("kind", ["PyDataset", "DataLoader", "float labels", "column of labels", "one-hot labels"])
def test_every_kind_of_data_gives_the_same_labels_and_outputs(kind, make_model):
    data, model = make_images(20), make_model()
    expected = shared_predictions(model, data.images, data.labels)
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(data.images), torch.from_numpy(data.labels))
    images, labels = {
        "PyDataset": (_Batches(data, 7), None),
        "DataLoader": (torch.utils.data.DataLoader(tensors, batch_size=7), None),
        "float labels": (data.images, data.labels.astype(np.float32)),
        "column of labels": (data.images, data.labels[:, None]),
        "one-hot labels": (data.images, np.eye(2)[data.labels]),
    }[kind]
    found = shared_predictions(model, images, labels)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


def test_an_array_without_labels_is_refused():
    with pytest.raises(DataError, match=r"images are an array, so the labels must be given"):
        check_labelled(np.zeros((3, 4, 4, 3)), None)


def test_another_number_of_labels_is_refused():
    with pytest.raises(DataError, match=r"there are 3 images but 2 labels"):
        check_labelled(np.zeros((3, 4, 4, 3)), np.zeros(2))


def test_batches_without_labels_are_refused(make_model):
    loader = torch.utils.data.DataLoader(torch.from_numpy(make_images(4).images), batch_size=2)
    with pytest.raises(DataError, match=r"must yield \(inputs, labels\) batches; these batches have no labels"):
        shared_predictions(make_model(), loader)


def test_data_without_any_image_is_refused(make_model):
    with pytest.raises(DataError, match=r"there is no image to predict"):
        shared_predictions(make_model(), np.zeros((0, 4, 4, 3)), np.zeros(0))


def test_labels_between_two_classes_are_refused(make_model):
    data = make_images(4)
    with pytest.raises(DataError, match=r"labels must be class indices or one-hot rows, got 0\.3"):
        shared_predictions(make_model(), data.images, np.array([0.0, 1.0, 0.3, 1.0]))


def test_a_binary_loss_is_that_of_the_formula(make_model):
    model = make_model()
    model.compile(loss="binary_crossentropy")
    loss = compiled_loss(model, np.array([1, 0]), np.array([[0.8], [0.4]]))
    assert loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2, rel=1e-5)


# The right class has probability 0.7 and 0.2; squares: (0.3, 0.2, 0.1) and (0.5, 0.8, 0.3) off.
_THREE_CLASSES = np.array([[0.7, 0.2, 0.1], [0.5, 0.2, 0.3]])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("sparse_categorical_crossentropy", -(np.log(0.7) + np.log(0.2)) / 2),
        (keras.losses.SparseCategoricalCrossentropy(name="mine"), -(np.log(0.7) + np.log(0.2)) / 2),
        ("categorical_crossentropy", -(np.log(0.7) + np.log(0.2)) / 2),
        ("mean_squared_error", (0.09 + 0.04 + 0.01 + 0.25 + 0.64 + 0.09) / 6),
    ],
)
def test_a_loss_of_several_outputs_gets_the_labels_that_it_takes(make_model, loss, expected):
    model = make_model(3)
    model.compile(loss=loss)
    assert compiled_loss(model, np.array([0, 1]), _THREE_CLASSES) == pytest.approx(expected, rel=1e-5)


def test_a_model_without_one_loss_has_none(make_model):
    model = make_model()
    model.compile(loss=None)
    assert compiled_loss(model, np.array([1]), np.array([[0.8]])) is None

import numpy as np
import pytest

from kbin.audit.swapped_colours import swapped_colours
from tests.audit.audited import SIDE, audit_inputs, audited_set


def pictures(number: int, seed: int, colour=(180, 120, 90)) -> np.ndarray:
    """Images of one warm colour on average, brighter above than below, each with noise of its own."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(30, -30, SIDE)[:, None, None]
    means = np.asarray(colour) + rng.normal(0, 12, (number, 1, 1, 3))
    return (means + slope + rng.normal(0, 15, (number, SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)


def inputs(train, test, **more):
    sets = [
        audited_set(name, np.zeros(len(some), int), miniatures=some)
        for name, some in (("train", train), ("test", test))
    ]
    return audit_inputs(*sets, **more)


@pytest.mark.parametrize("seed", range(20))
def test_sets_of_one_kind_are_clean(seed):
    ended = swapped_colours(inputs(pictures(60, 2 * seed), pictures(40, 2 * seed + 1)))
    assert ended.outcome == "clean"
    assert ended.summary == "No set looks more like the training set with swapped or inverted colours (1 set)."


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("change", "name"),
    [(lambda one: one[..., ::-1], "red and blue swapped"), (lambda one: 255 - one, "black and white swapped")],
)
def test_a_set_that_was_read_another_way_is_found_and_named(change, name, seed):
    ended = swapped_colours(inputs(pictures(60, 2 * seed), change(pictures(40, 2 * seed + 1))))
    assert ended.outcome == "found"
    assert ended.values["swapped"] == {"test": name}
    assert f"the 40 images of 'test' look far more like the training images with {name}" in ended.summary
    assert "'test'" in ended.next_step


def test_a_darker_set_is_not_called_swapped():
    assert swapped_colours(inputs(pictures(60, 0), pictures(60, 1) // 2)).outcome == "clean"


def test_grey_images_have_no_order_of_channels():
    def grey(seed):
        return pictures(60, seed)[..., :1].repeat(3, axis=-1)

    ended = swapped_colours(inputs(grey(0), grey(1) // 2))
    assert ended.outcome == "clean"
    distances = ended.values["distances"]["test"]
    assert distances["red and blue swapped"] == pytest.approx(distances["as they are"])


@pytest.mark.parametrize(("num_train", "num_test"), [(60, 5), (5, 60), (1, 1)])
def test_few_images_say_nothing(num_train, num_test):
    assert swapped_colours(inputs(pictures(num_train, 0), pictures(num_test, 1))).outcome == "not_applicable"


def test_images_that_are_all_alike_are_no_fault():
    same = np.full((40, SIDE, SIDE, 3), 100, np.uint8)
    ended = swapped_colours(inputs(same, same))
    assert ended.outcome == "clean"
    assert np.isfinite(list(ended.values["distances"]["test"].values())).all()

from dataclasses import replace

import numpy as np
import pytest

from kbin.audit.neighbouring_frames import CHECK
from tests.audit.audited import audit_inputs, audited_set


def clips(rng, num_clips=20, length=20, drift=0.3):
    """Miniatures of clips, each a random walk from a picture of its own; shape (num_clips * length, 48, 48, 3)."""
    frames = []
    for _ in range(num_clips):
        picture = rng.normal(size=(6, 6))
        for _ in range(length):
            picture = picture + drift * rng.normal(size=(6, 6))
            frames.append(np.kron(picture, np.ones((8, 8))))
    grey = np.clip(128 + 30 * np.array(frames), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3)


def split(rng, miniatures, names, held_out=None):
    number = len(names)
    is_test = rng.random(number) < 0.25 if held_out is None else held_out
    labels = rng.integers(0, 2, number)
    labels[:] = np.arange(number) // 20 % 2
    sets = [
        audited_set(
            name,
            labels[chosen],
            miniatures=miniatures[chosen],
            paths=[f"{name}/c{label}/{stem}.png" for stem, label in zip(names[chosen], labels[chosen], strict=True)],
        )
        for name, chosen in (("train", ~is_test), ("test", is_test))
    ]
    return audit_inputs(*sets)


FRAMES = np.array([f"clip{clip}_{frame:06d}" for clip in range(20) for frame in range(20)])


@pytest.mark.parametrize("seed", range(20))
def test_frames_dealt_at_random_are_found_whether_clips_have_names_or_run_on(seed):
    rng = np.random.default_rng(seed)
    images = clips(rng)
    for names in (FRAMES, np.array([f"{number:05d}" for number in range(400)])):
        ended = CHECK.run(split(rng, images, names))
        assert (ended.outcome, ended.severity) == ("found", "high")
        first = ended.strips[0].images
        stems = [int(shown.caption.split("_")[-1].split(" ")[-1].removesuffix(".png")) for shown in first]
        assert abs(stems[0] - stems[1]) == 1


@pytest.mark.parametrize("seed", range(20))
def test_images_that_are_merely_numbered_are_clean(seed):
    rng = np.random.default_rng(seed)
    images = clips(rng, num_clips=400, length=1)
    ended = CHECK.run(split(rng, images, np.array([f"{number:05d}" for number in range(400)])))
    assert ended.outcome == "clean"


@pytest.mark.parametrize("seed", range(5))
def test_numbers_that_start_anew_in_each_set_are_clean(seed):
    rng = np.random.default_rng(seed)
    names = np.array([f"{number:05d}" for number in [*range(200), *range(200)]])
    ended = CHECK.run(split(rng, clips(rng, num_clips=400, length=1), names, np.arange(400) >= 200))
    assert ended.outcome == "clean"
    assert ended.values["sets"][0]["images"] == 200


def test_whole_clips_on_one_side_have_no_neighbours_across():
    rng = np.random.default_rng(0)
    ended = CHECK.run(split(rng, clips(rng), FRAMES, np.arange(400) >= 300))
    assert ended.outcome == "not_applicable"
    assert "No image of a set has a number next to" in ended.summary


def test_names_without_numbers_and_a_single_set_are_not_judged():
    unnumbered = audited_set("train", np.zeros(3), paths=["a.png", "b.png", "c.png"])
    assert CHECK.run(audit_inputs(unnumbered, audited_set("test", np.zeros(1)))).outcome == "not_applicable"
    assert CHECK.run(audit_inputs(unnumbered)).outcome == "not_applicable"


def test_flat_images_are_alike_in_nothing_and_raise_no_alarm():
    rng = np.random.default_rng(0)
    ended = CHECK.run(split(rng, np.full((400, 48, 48, 3), 7, np.uint8), FRAMES))
    assert ended.outcome == "clean"


def test_a_validation_set_taken_out_of_the_folder_train_is_compared_too():
    rng = np.random.default_rng(0)
    inputs = split(rng, clips(rng), FRAMES)
    test = inputs.sets["test"]
    paths = np.array([path.replace("test/", "train/") for path in test.paths])
    ended = CHECK.run(audit_inputs(inputs.train, replace(test, name="validation", paths=paths)))
    assert (ended.outcome, ended.severity) == ("found", "medium")

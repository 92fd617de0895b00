import numpy as np
from sklearn.decomposition import PCA

from kbin.audit import reduction
from kbin.audit.reduction import reduced


def features(number: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(number, 6)) @ rng.normal(size=(6, 20)) + 5).astype(np.float32)


def test_the_components_are_those_of_all_sets_together():
    whole = features(90)
    parts = reduced({"train": whole[:60], "test": whole[60:]})
    expected = PCA(6, whiten=True).fit_transform(whole.astype(np.float64))
    found = np.concatenate([parts["train"], parts["test"]])
    assert found.shape == (90, 6)  # the other directions have no variance
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-3)


def test_at_most_128_components_and_fewer_than_images_are_kept():
    rng = np.random.default_rng(1)
    assert reduced({"train": rng.normal(size=(400, 300))})["train"].shape == (400, 128)
    assert reduced({"train": rng.normal(size=(10, 300))})["train"].shape == (10, 9)


def test_of_many_images_a_sample_gives_the_directions(monkeypatch):
    monkeypatch.setattr(reduction, "_FITTED_ON", 500)
    whole = features(3000)
    sampled = reduced({"train": whole[:2000], "test": whole[2000:]})
    covariance = np.cov(np.concatenate([sampled["train"], sampled["test"]]).T)
    np.testing.assert_allclose(covariance, np.eye(6), atol=0.3)  # 500 images say what 3,000 would, roughly


def test_features_that_are_all_alike_have_one_component_that_says_nothing():
    parts = reduced({"train": np.ones((5, 8)), "test": np.ones((2, 8))})
    assert np.isfinite(parts["train"]).all()
    assert not parts["test"].any()


def test_an_empty_set_stays_empty():
    assert reduced({"train": features(30), "test": features(30)[:0]})["test"].shape == (0, 6)

"""Whatever becomes of the files of a store: the features that it gives are right, and what is damaged is made again."""

import os
import shutil
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kbin.engine.feature_store import FeatureStore
from kbin.engine.store_listing import store_lines
from tests.fuzz.forms import damaged, forms, fuzz

KEYS = ({"weights": "1"}, {"weights": "2"})
SHARDS = (["a", "b", "c"], ["d", "e"])
HASHES = [name for shard in SHARDS for name in shard]


def truth(key: int, names: list[str]) -> np.ndarray:
    """The features of images: another number for each table, image and place."""
    return np.array([[1_000 * key + 10 * ord(name) + place for place in range(4)] for name in names], np.float32)


def fill(store: FeatureStore, key: int) -> None:
    table = store.table(KEYS[key])
    with table.filling():
        for shard in SHARDS:
            missing = [shard[place] for place in table.missing(shard)]
            if missing:
                table.add(missing, truth(key, missing))
    np.testing.assert_array_equal(table.stored(HASHES).take(np.arange(5)), truth(key, HASHES))


def files(store: FeatureStore) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file() and path.suffix != ".lock")


def harm(data: st.DataObject, store: FeatureStore) -> None:
    """Does one thing to one file of the store."""
    path = data.draw(st.sampled_from(files(store)))
    other = data.draw(st.sampled_from(files(store)))
    kind = data.draw(
        st.sampled_from(["damage", "damage", "remove", "swap", "copy", "rename", "folder", "fifo", "json"])
    )
    content = path.read_bytes()
    if kind == "damage":
        path.write_bytes(data.draw(damaged(content)))
    elif kind == "swap":
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
    elif kind == "copy":  # a whole shard, as somebody would who gathers stores
        for suffix in (".npy", ".json"):
            source = other.with_suffix(suffix)
            target = path.parent / source.name
            if source.is_file() and path.parent != other.parent and (target.is_file() or not target.exists()):
                shutil.copy(source, target)
    elif kind == "json":
        path.write_text(
            data.draw(st.sampled_from(["[]", "{}", "null", '{"hashes": 3}', "[" * 5_000, '{"hashes": [1]}']))
        )
    else:
        path.unlink()
        if kind == "rename":
            path.with_name("0" * 24 + path.suffix).write_bytes(content)
        elif kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)


@forms(short=60, long=1_500)
def test_a_store_gives_right_features_after_any_harm(tmp_path, cases):
    @fuzz(cases)
    @given(data=st.data())
    def check(data):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        store = FeatureStore(tmp_path / "store", 10**6)
        for key in (0, 1):
            fill(store, key)
        for _ in range(data.draw(st.integers(1, 3))):
            if files(store):
                harm(data, store)
        again = FeatureStore(store.root, 10**6)
        assert store_lines(again)
        for key in (0, 1):
            fill(again, key)

    check()

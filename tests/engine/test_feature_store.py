import json
import os
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from kbin.engine.feature_store import FeatureStore, FeatureTable, shard_size
from kbin.errors import ConfigError, StoreFullError

KEY = {"backbone": "a", "weights": "1"}


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store", limit_bytes=10**6)


def numbers(count: int, width: int = 3, start: int = 0) -> np.ndarray:
    return np.arange(start, start + count * width, dtype=np.float32).reshape(count, width)


def filled(store: FeatureStore, key: dict[str, str] = KEY, hashes: str = "abc") -> FeatureTable:
    table = store.table(key)
    table.add(list(hashes), numbers(len(hashes)))
    return table


def test_features_come_back_in_the_order_that_is_asked_for(store: FeatureStore) -> None:
    table = filled(store)
    table.add(["d"], numbers(1, start=100))
    stored = store.table(KEY).stored(["d", "a", "c", "a"])
    np.testing.assert_array_equal(
        stored.take(np.array([3, 0, 2])), np.array([[0, 1, 2], [100, 101, 102], [6, 7, 8]], np.float32)
    )


def test_features_are_memory_mapped(store: FeatureStore) -> None:
    filled(store)
    assert all(isinstance(shard, np.memmap) for shard in store.table(KEY).stored(["a"]).shards)


def test_an_image_is_missing_once_even_if_it_is_asked_for_twice(store: FeatureStore) -> None:
    assert filled(store).missing(["x", "a", "x", "y"]) == [0, 3]


def test_another_key_is_another_table(store: FeatureStore) -> None:
    filled(store)
    assert store.table({"backbone": "a", "weights": "2"}).missing(["a"]) == [0]


@pytest.mark.parametrize(
    "damage", ["flip a byte", "truncate", "remove the array", "empty the description", "no hashes"]
)
def test_a_damaged_shard_is_made_again_not_trusted(store: FeatureStore, damage: str) -> None:
    folder = filled(store).folder
    array = next(folder.glob("*.npy"))
    description = array.with_suffix(".json")
    content = array.read_bytes()
    if damage == "flip a byte":
        array.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncate":
        array.write_bytes(content[:-5])
    elif damage == "remove the array":
        array.unlink()
    elif damage == "empty the description":
        description.write_text("")
    else:
        description.write_text("[1]")
    assert store.table(KEY).missing(["a", "b", "c"]) == [0, 1, 2]


def test_a_table_with_a_pickled_array_is_refused_and_nothing_runs(store: FeatureStore, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    folder = filled(store).folder
    np.save(next(folder.glob("*.npy")), np.array([Payload(), Payload(), Payload()], dtype=object), allow_pickle=True)
    assert store.table(KEY).missing(["a"]) == [0]
    assert not (tmp_path / "ran").exists()


def test_what_was_not_used_for_longest_goes_first(store: FeatureStore) -> None:
    for age, weights in enumerate(["new", "middle", "old"]):
        table = filled(store, {"weights": weights})
        os.utime(table.folder / "table.json", (1e9 - age, 1e9 - age))
    used = sum(entry.bytes for entry in store.entries())
    bounded = FeatureStore(store.root, limit_bytes=used)
    bounded.make_room(1, keep=bounded.peek({"weights": "new"}))
    assert [entry.key["weights"] for entry in bounded.entries()] == ["new", "middle"]


def test_a_table_that_is_being_filled_is_not_removed(store: FeatureStore) -> None:
    table = filled(store)
    with table.filling():
        assert store.clear() == []
    assert [entry.images for entry in store.clear()] == [3]
    assert store.entries() == []


def test_more_than_the_whole_store_is_refused_with_both_sizes(store: FeatureStore) -> None:
    table = store.table(KEY)
    with pytest.raises(StoreFullError, match=r"need 0\.00 GB|need .* GB, more than the store's limit of 0\.001 GB"):
        store.make_room(2 * 10**6, keep=table)


def test_what_a_killed_process_left_half_written_is_swept_when_the_table_is_filled(store: FeatureStore) -> None:
    table = filled(store)
    (table.folder / ".x.npy.abc").write_bytes(b"half")
    with table.filling():
        assert not list(table.folder.glob(".*"))


def test_a_table_that_is_cleared_stays_readable_for_those_who_opened_it(store: FeatureStore) -> None:
    stored = filled(store).stored(["b"])
    store.clear()
    np.testing.assert_array_equal(stored.take(np.array([0])), [[3, 4, 5]])


def test_a_pass_over_a_million_images_opens_at_most_two_hundred_files() -> None:
    assert shard_size(2_624) == 256
    assert shard_size(51_200) == 256
    assert 1_000_000 / shard_size(1_000_000) <= 200


@pytest.mark.parametrize("limit", ["many", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_of_gigabytes_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBIN_STORE_MAX_GB", limit)
    with pytest.raises(ConfigError, match=f"KBIN_STORE_MAX_GB is '{limit}'"):
        FeatureStore.of_this_machine()


def test_place_and_limit_come_from_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBIN_STORE", str(tmp_path / "here"))
    monkeypatch.setenv("KBIN_STORE_MAX_GB", "1.5")
    store = FeatureStore.of_this_machine()
    assert (store.root, store.limit_bytes) == (tmp_path / "here", 1_500_000_000)


def test_processes_that_open_a_new_table_at_once_do_not_sweep_away_each_others_key(store: FeatureStore) -> None:
    together = Barrier(4, timeout=30)

    def open_and_fill(key: int) -> int:
        together.wait()
        table = store.table({"key": key})
        with table.filling():
            return len(table.missing(["a"]))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(open_and_fill, [one // 4 for one in range(80)])) == [1] * 80


def shard_of(folder: Path) -> tuple[Path, Path]:
    array = next(folder.glob("*.npy"))
    return array, array.with_suffix(".json")


def test_a_shard_copied_from_another_table_is_made_again(store: FeatureStore) -> None:
    other = filled(store, {"weights": "2"}).folder
    table = store.table(KEY)
    for path in shard_of(other):
        shutil.copy(path, table.folder)
    assert store.table(KEY).missing(["a", "b", "c"]) == [0, 1, 2]
    assert not list(table.folder.glob("*.npy"))
    assert store.table({"weights": "2"}).missing(["a"]) == []


def test_a_shard_that_does_not_say_its_table_is_made_again(store: FeatureStore) -> None:
    """As they were before a shard said it."""
    folder = filled(store).folder
    array, description = shard_of(folder)
    header = json.loads(description.read_text()) | {"checksum": zlib.crc32(np.load(array))}
    del header["table"]
    description.write_text(json.dumps(header))
    assert store.table(KEY).missing(["a"]) == [0]


def test_a_shard_under_another_name_or_with_exchanged_hashes_is_made_again(store: FeatureStore) -> None:
    folder = filled(store).folder
    for path in shard_of(folder):
        path.rename(path.with_name("0" * 24 + path.suffix))
    assert store.table(KEY).missing(["a"]) == [0]
    folder = filled(store).folder
    description = shard_of(folder)[1]
    header = json.loads(description.read_text())
    description.write_text(json.dumps(header | {"hashes": ["c", "b", "a"]}))
    assert store.table(KEY).missing(["a"]) == [0]


@pytest.mark.parametrize("shape", ["(3, 1000000000000)", "(3,)", "(0, 3)", "(3, -3)", "[3, 3]", "(True, 9)"])
def test_a_shape_that_the_file_does_not_have_is_found_before_there_is_memory_for_it(
    store: FeatureStore, shape: str
) -> None:
    array = shard_of(filled(store).folder)[0]
    content = array.read_bytes()
    header = content[10:128].replace(b"(3, 3)", shape.encode()).rstrip()
    array.write_bytes(content[:10] + header.ljust(117) + b"\n" + content[128:])
    assert store.table(KEY).missing(["a"]) == [0]


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_pipe_or_folder_in_place_of_a_file_is_not_waited_for(store: FeatureStore, suffix: str) -> None:
    for make in (os.mkfifo, os.mkdir):
        path = shard_of(filled(store).folder)[0].with_suffix(suffix)
        path.unlink()
        make(path)
        assert store.table(KEY).missing(["a", "b", "c"]) == [0, 1, 2]
        filled(store)
        assert store.table(KEY).missing(["a"]) == []


def test_a_key_that_became_a_folder_is_written_again(store: FeatureStore) -> None:
    folder = filled(store).folder
    (folder / "table.json").unlink()
    (folder / "table.json").mkdir()
    assert store.table(KEY).missing(["a"]) == []
    assert (folder / "table.json").is_file()

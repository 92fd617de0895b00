"""Files that are whole or absent, and what is said where they cannot be written."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from kbin.engine.feature_store import FeatureStore
from kbin.errors import StorageError
from kbin.files import make_folder, read_file, save_whole, sweep, write_whole
from kbin.run_lock import HOLDER
from kbin.run_writing import RunWriter
from kbin.runs import RunDirectory
from kbin.storage_faults import refuse_full_disk, storage_error
from kbin.training.callbacks import MetricLogger, RocPlot

SETTINGS = "name: a\n"


class TestWords:
    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "no room is left on its disk. Make room, and the same command goes on"),
            (errno.EDQUOT, "your quota on its disk is used up. Make room"),
            (errno.EROFS, "its disk is read-only. Give yourself the right to write there, or choose another place"),
            (errno.EACCES, "you have no permission. Give yourself the right"),
            (errno.ENAMETOOLONG, "its name is too long for its disk. Choose another place, or a shorter name"),
            (errno.ENOENT, "its folder is gone. Once it is there again"),
            (errno.EIO, "its disk reports an error"),
            (errno.EMFILE, "Too many open files"),
        ],
    )
    def test_a_reason_is_said_in_words_with_the_way_to_mend_it(self, number, words):
        error = storage_error(Path("runs/a/results.json"), OSError(number, os.strerror(number)))
        assert str(error).startswith(f"runs/a/results.json cannot be written: {words}")
        assert "Errno" not in str(error)

    def test_the_reason_of_a_library_that_hides_it_is_found(self):
        hidden = RuntimeError("Unable to synchronously write (file write failed: errno = 28, no space left)")
        with pytest.raises(StorageError, match="no room is left"):
            refuse_full_disk(hidden)
        from_another = ValueError("could not save")
        from_another.__cause__ = OSError(errno.EROFS, "read-only")
        with pytest.raises(StorageError, match="read-only"):
            refuse_full_disk(from_another)

    @pytest.mark.parametrize("error", [ValueError("28"), FileNotFoundError(2, "cat.png"), PermissionError(13, "cat")])
    def test_what_may_be_another_fault_is_let_through(self, error):
        refuse_full_disk(error)


class TestWriteWhole:
    @pytest.mark.parametrize("step", ["mkstemp", "fsync", "chmod", "replace"])
    def test_a_fault_at_any_step_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch, step):
        write_whole(tmp_path / "a.csv", "old")

        def fail(*arguments: object, **named: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(f"tempfile.{step}" if step == "mkstemp" else f"os.{step}", fail)
        with pytest.raises(StorageError, match=r"a\.csv cannot be written: no room is left"):
            write_whole(tmp_path / "a.csv", "new")
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.csv", "old")]

    def test_a_root_that_is_gone_is_not_made_again(self, tmp_path):
        with pytest.raises(StorageError, match="its folder is gone"):
            write_whole(tmp_path / "run" / "models" / "a.csv", "text", tmp_path / "run")
        assert list(tmp_path.iterdir()) == []

    def test_a_name_that_is_too_long_is_said(self, tmp_path):
        with pytest.raises(StorageError, match="its name is too long"):
            write_whole(tmp_path / ("x" * 300), "text")

    def test_the_folder_is_synced_after_the_file_where_it_has_to_last(self, tmp_path, monkeypatch):
        synced: list[bool] = []
        real = os.fsync
        monkeypatch.setattr(
            "os.fsync", lambda handle: (synced.append(os.path.isdir(f"/dev/fd/{handle}")), real(handle))
        )
        write_whole(tmp_path / "a.csv", "text")
        assert synced == [False, True]
        write_whole(tmp_path / "a.png", b"text", lasting=False)
        assert synced == [False, True, False]

    def test_what_a_library_saves_is_synced_and_whole(self, tmp_path):
        def half(path: Path) -> None:
            path.write_text("half")
            raise RuntimeError("write failed: errno = 28")

        save_whole(tmp_path / "model.keras", lambda path: path.write_text("whole") and None)
        with pytest.raises(StorageError, match=r"model\.keras cannot be written: no room is left"):
            save_whole(tmp_path / "model.keras", half)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("model.keras", "whole")]

    def test_folders_that_were_made_are_named_outermost_first(self, tmp_path):
        assert make_folder(tmp_path / "a" / "b") == [tmp_path / "a", tmp_path / "a" / "b"]
        assert make_folder(tmp_path / "a" / "b" / "c", tmp_path) == [tmp_path / "a" / "b" / "c"]
        assert make_folder(tmp_path / "a") == []


class TestSweep:
    def test_only_what_killed_processes_left_is_removed(self, tmp_path):
        deep = tmp_path / "models" / "a"
        deep.mkdir(parents=True)
        ours = [tmp_path / ".results.json.ab12_xyz", deep / ".test.csv.abcdefgh", deep / ".model.keras"]
        others = [
            tmp_path / name
            for name in (".hidden", ".notes.txt.abcdefgh", "results.json", ".a.csv.ABCDEFGH", ".gitkeep")
        ]
        for path in [*ours, *others]:
            path.write_text("text")
        link = tmp_path / ".linked.csv.abcdefgh"
        link.symlink_to(others[0])
        sweep(tmp_path)
        assert [path for path in ours if path.exists()] == []
        assert all(path.exists() for path in [*others, link])

    def test_a_file_that_is_being_written_has_a_name_that_is_swept(self, tmp_path, monkeypatch):
        class Killed(BaseException):
            pass

        def killed(*arguments: object) -> None:
            raise Killed

        monkeypatch.setattr("os.replace", killed)
        monkeypatch.setattr("kbin.files._remove", lambda path: None)
        for name in ("results.json", "a.b.csv", "roc.png", "drawn.svg", "experiment.yaml", "piece.npz", "results.md"):
            with pytest.raises(Killed):
                write_whole(tmp_path / name, "text")
        with pytest.raises(Killed):
            save_whole(tmp_path / "model.keras", lambda path: path.write_text("text") and None)
        assert len(list(tmp_path.iterdir())) == 8
        monkeypatch.undo()
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_run_begins_with_a_swept_folder(self, tmp_path):
        (tmp_path / ".results.json.abcdefgh").touch()
        RunDirectory(tmp_path).begin(SETTINGS)
        assert [path.name for path in tmp_path.iterdir()] == ["experiment.yaml"]


class TestRemovedFolder:
    WRITES: tuple[Callable[[RunDirectory], object], ...] = (
        lambda run: run.save_results({}),
        lambda run: run.save_history("m", 0, [{"loss": 1.0}]),
        lambda run: run.save_picture("augmented", b"png"),
        lambda run: run.save_model("m", 0, lambda path: path.write_text("weights") and None),
        lambda run: run.save_gallery("m", 0, {}),
        lambda run: run.save_input_numbers("m", {}),
        lambda run: run.save_table("results", ["a"], [[1]]),
    )

    @pytest.mark.parametrize("write", WRITES)
    def test_a_folder_that_was_removed_is_not_made_again(self, tmp_path, write):
        run = RunDirectory(tmp_path / "run")
        run.begin(SETTINGS)
        write(run)
        shutil.rmtree(run.path)
        with pytest.raises(
            StorageError, match=r"run was removed while kbin wrote to it.*features are kept in the store"
        ):
            write(run)
        assert not run.path.exists()

    def test_a_folder_without_its_settings_is_not_filled_further(self, tmp_path):
        run = RunDirectory(tmp_path / "run")
        run.begin(SETTINGS)
        (run.path / "experiment.yaml").unlink()
        with pytest.raises(StorageError, match="was removed"):
            run.save_results({})
        assert list(run.path.iterdir()) == []

    def test_a_run_that_began_in_its_place_gets_no_files_of_the_old_one(self, tmp_path):
        folder = tmp_path / "run"
        folder.mkdir()
        (folder / HOLDER).write_text("one")
        run = RunDirectory(folder)
        run.begin(SETTINGS)
        run.save_results({})
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / HOLDER).write_text("another")
        RunDirectory(folder).begin(SETTINGS)
        with pytest.raises(StorageError, match="was removed"):
            run.save_results({})
        assert not (folder / "results.json").exists()

    def test_a_finished_runs_folder_that_was_removed_is_not_made_again(self, tmp_path):
        (tmp_path / "run").mkdir()
        writer = RunWriter(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(StorageError, match="was removed"):
            writer.write(tmp_path / "run" / "report.html", "page")
        assert list(tmp_path.iterdir()) == []


class TestStore:
    HASHES = ("a", "b")

    def test_a_table_that_cannot_be_written_names_the_settings_of_the_store(self, tmp_path):
        (tmp_path / "store").touch()
        with pytest.raises(StorageError, match=r"KBIN_STORE names another place.*KBIN_STORE_MAX_GB.*store --clear"):
            FeatureStore(tmp_path / "store", 10**9).table({"cut": "top"})

    def test_a_shard_without_room_leaves_nothing_and_comes_later(self, tmp_path, monkeypatch):
        table = FeatureStore(tmp_path / "store", 10**9).table({"cut": "top"})
        before = sorted(path.name for path in table.folder.iterdir())
        real = os.replace

        def full(source: str, target: Path) -> None:
            if Path(target).suffix == ".json":
                raise OSError(errno.ENOSPC, "No space left on device")
            real(source, target)

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(StorageError, match=r"no room is left on its disk.*KBIN_STORE") as refused:
            table.add(self.HASHES, np.ones((2, 3), np.float32))
        assert str(refused.value).count("KBIN_STORE names") == 1
        assert sorted(path.name for path in table.folder.iterdir()) == before
        monkeypatch.setattr("os.replace", real)
        table.add(self.HASHES, np.ones((2, 3), np.float32))
        assert table.missing(self.HASHES) == []

    def test_a_store_that_is_cleared_while_it_is_read_keeps_what_was_opened(self, tmp_path):
        store = FeatureStore(tmp_path / "store", 10**9)
        table = store.table({"cut": "top"})
        features = np.arange(200_000, dtype=np.float32).reshape(2, -1)
        table.add(self.HASHES, features)
        opened = table.stored(self.HASHES)
        assert len(store.clear()) == 1
        assert not table.folder.exists()
        np.testing.assert_array_equal(opened.take(np.array([1, 0])), features[::-1])

    def test_a_table_that_is_cleared_before_it_is_filled_is_made_anew(self, tmp_path):
        store = FeatureStore(tmp_path / "store", 10**9)
        table = store.table({"cut": "top"})
        store.clear()
        with pytest.raises(StorageError, match="its folder is gone"):  # without the lock
            table.add(self.HASHES, np.ones((2, 3), np.float32))
        with table.filling():
            assert store.clear() == []  # it is in use now
            table.add(self.HASHES, np.ones((2, 3), np.float32))
        (entry,) = store.entries()
        assert (entry.key, entry.images) == ({"cut": "top"}, 2)


@pytest.mark.parametrize("callback", [MetricLogger, RocPlot])
def test_a_callback_in_a_script_says_what_cannot_be_written(tmp_path, callback):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    images, labels = np.eye(2, dtype=np.float32), np.array([0, 1])
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written: a file lies where its folder should be"):
        model.fit(images, labels, verbose=0, callbacks=[callback(images, labels, tmp_path / "file" / "a.csv")])


def test_a_file_of_holes_larger_than_two_gibibytes_is_not_read(tmp_path):
    with (tmp_path / "results.json").open("wb") as file:
        file.truncate(2 * 2**30 + 1)
    with pytest.raises(OSError, match="larger than 2 GiB"):
        read_file(tmp_path / "results.json")


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no such device")
@pytest.mark.parametrize("write", [lambda path: write_whole(path, "text"), lambda path: save_whole(path, Path.touch)])
def test_a_device_is_not_replaced_by_a_file(tmp_path, write):
    link = tmp_path / "link"
    link.symlink_to("/dev/null")

    with pytest.raises(StorageError, match="a device is in its place"):
        write(link)

    assert link.is_symlink()
    assert os.listdir(tmp_path) == ["link"]

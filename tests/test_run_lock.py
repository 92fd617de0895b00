"""One run at a time in a folder."""

import errno
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from kbin.errors import RunFolderError, StorageError
from kbin.run_lock import HOLDER, LOCK, LOCK_FILES, SOFT_LOCK, holder, locked
from tests.lock_processes import HOLD, STRESS, started


def check_stress(folder: Path, num_processes: int, seconds: float) -> int:
    processes = [started(STRESS, folder / "run", folder / "inside", seconds) for _ in range(num_processes)]
    taken = 0
    for process in processes:
        out, err = process.communicate(timeout=seconds + 120)
        assert process.returncode == 0, err
        assert int(out.split()[0]) > 0
        taken += int(out.split()[0])
    # Who came while another one had the folder does not remove it.
    assert not (folder / "run").exists() or list((folder / "run").iterdir()) == []
    return taken


class TestLocked:
    def test_a_folder_that_it_made_and_its_files_are_gone_afterwards(self, tmp_path):
        folder = tmp_path / "deep" / "run"
        with locked(folder):
            assert {path.name for path in folder.iterdir()} == {LOCK, HOLDER}
            assert {LOCK, HOLDER} <= LOCK_FILES
        assert list(tmp_path.iterdir()) == []

    def test_what_came_into_the_folder_stays(self, tmp_path):
        with locked(tmp_path / "run"):
            (tmp_path / "run" / "results.json").write_text("{}")
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["results.json"]

    def test_an_error_inside_gives_it_back(self, tmp_path):
        with pytest.raises(ValueError, match="of the block"), locked(tmp_path / "run"):
            raise ValueError("of the block")
        with locked(tmp_path / "run"):
            pass

    def test_a_second_one_in_the_same_process_is_refused(self, tmp_path):
        with locked(tmp_path / "run"):
            with pytest.raises(RunFolderError, match=rf"in use: process {os.getpid()} "), locked(tmp_path / "run"):
                pass
            assert (tmp_path / "run" / LOCK).exists()
            assert (tmp_path / "run" / HOLDER).exists()

    def test_a_file_in_its_place_is_refused(self, tmp_path):
        (tmp_path / "run").touch()
        with pytest.raises(RunFolderError, match="run is a file, not a folder: choose"), locked(tmp_path / "run"):
            pass

    def test_a_folder_below_a_file_is_refused(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(RunFolderError, match="/file is a file, not a folder"), locked(tmp_path / "file/run"):
            pass

    def test_a_full_disk_inside_is_said_as_one(self, tmp_path):
        with pytest.raises(StorageError, match="no room is left"), locked(tmp_path / "run"):
            raise OSError(errno.ENOSPC, "No space left on device")

    def test_files_of_a_run_that_began_in_a_folder_made_anew_stay(self, tmp_path):
        folder = tmp_path / "run"
        with locked(folder):
            for name in (LOCK, HOLDER):
                (folder / name).unlink()
            (folder / HOLDER).write_text("another run's")
            (folder / LOCK).touch()
        assert {path.name for path in folder.iterdir()} == {LOCK, HOLDER}


class TestHolder:
    def test_the_message_names_process_host_user_time_and_command(self, tmp_path):
        process = started(HOLD, tmp_path / "run", "hard")
        assert process.stdout.readline() == "held\n"
        values = json.loads((tmp_path / "run" / HOLDER).read_text())
        assert values["pid"] == process.pid
        with pytest.raises(RunFolderError) as refused, locked(tmp_path / "run"):
            pass
        for value in values.values():
            assert str(value) in str(refused.value)
        assert "Wait for it, end it, or choose another folder with --out." in str(refused.value)
        process.communicate(timeout=60)
        with locked(tmp_path / "run"):
            pass
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        "text", ["", "[]", "{", "[" * 9000, '{"pid": "7"}', '{"pid": true}', "\x00", '{"host": "h"}', '"pid"']
    )
    def test_what_is_no_holder_is_another_process(self, tmp_path, text):
        (tmp_path / HOLDER).write_text(text)
        assert holder(tmp_path) == "another process"

    def test_without_a_file_it_is_another_process(self, tmp_path):
        assert holder(tmp_path) == "another process"
        (tmp_path / HOLDER).mkdir()
        assert holder(tmp_path) == "another process"

    def test_text_of_a_stranger_does_nothing_to_a_terminal_and_is_short(self, tmp_path):
        values = {"pid": 7, "host": "\x1b[2Jh\n\u202e", "user": ["u"], "since": None, "command": "x" * 10_000}
        (tmp_path / HOLDER).write_text(json.dumps(values))
        shown = holder(tmp_path)
        assert shown.startswith("process 7 of ? on ?[2Jh??, since ? (xxx")
        assert shown.isprintable()
        assert len(shown) < 300


class TestDeadHolders:
    def test_the_lock_of_a_killed_process_is_taken_over(self, tmp_path):
        process = started(HOLD, tmp_path / "run", "hard")
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert {path.name for path in (tmp_path / "run").iterdir()} == {LOCK, HOLDER}  # nobody tidied up
        with locked(tmp_path / "run"):
            assert str(os.getpid()) in (tmp_path / "run" / HOLDER).read_text()
        assert list((tmp_path / "run").iterdir()) == []

    @pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
    def test_where_the_disk_has_no_locks_a_living_holder_is_respected_and_a_dead_one_is_not(
        self, tmp_path, monkeypatch, number
    ):
        def none(*arguments: object) -> None:
            raise OSError(number, "no locks here")

        process = started(HOLD, tmp_path / "run", "soft", number)
        assert process.stdout.readline() == "held\n"
        monkeypatch.setattr("fcntl.flock", none)
        with pytest.raises(RunFolderError, match=rf"in use: process {process.pid} "), locked(tmp_path / "run"):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        with locked(tmp_path / "run"):
            names = {path.name for path in (tmp_path / "run").iterdir()}
            assert names & {LOCK, SOFT_LOCK}
        assert list((tmp_path / "run").iterdir()) == []


class TestExclusion:
    def test_no_two_of_many_processes_hold_it_at_once(self, tmp_path):
        assert check_stress(tmp_path, 4, 1.5) > 50

    @pytest.mark.slow
    def test_no_two_of_eight_processes_hold_it_at_once_in_a_minute(self, tmp_path):
        assert check_stress(tmp_path, 8, 60) > 5_000

    def test_threads_of_one_process_take_turns_or_are_refused(self, tmp_path):
        inside, most, refused = [], [], []

        def take() -> None:
            for _ in range(20):
                try:
                    with locked(tmp_path / "run"):
                        inside.append(1)
                        most.append(len(inside))
                        inside.pop()
                except RunFolderError as error:
                    refused.append(error)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert set(most) == {1}
        assert len(most) + len(refused) == 80

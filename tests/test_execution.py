import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import kbin
from kbin import cluster as cluster_module
from kbin.errors import ClusterError, DataError, MissingExtraError
from kbin.execution import Execution, LocalExecution, open_execution
from kbin.interruption import Interrupted, interruptible
from tests import work
from tests.clusters import LoopbackCluster, loopback_cluster

NUMBERS = {"numbers": np.arange(2_000_000, dtype=np.float64)}  # 16 MB: more than Dask takes in a graph without advice


def processes(intervals: list[tuple[int, int, float, float]]) -> list[list[tuple[float, float]]]:
    """Returns begin and end of each piece, by process, in the order of their beginnings."""
    pids = sorted({pid for pid, *_ in intervals})
    return [sorted((begin, end) for pid, _, begin, end in intervals if pid == one) for one in pids]


def overlap(pieces: list[tuple[float, float]]) -> bool:
    return any(end > begin for (_, end), (begin, _) in pairwise(pieces))


class TestLocal:
    def test_pieces_run_one_after_the_other_in_this_thread(self):
        results = list(LocalExecution().run(work.begin_and_end, range(4)))
        assert [index for index, _ in results] == [0, 1, 2, 3]
        assert {value[:2] for _, value in results} == {(os.getpid(), threading.get_ident())}

    def test_an_exception_comes_as_itself_and_what_is_pending_does_not_run(self, tmp_path):
        with pytest.raises(DataError, match="piece 2 is wrong"):
            list(LocalExecution().run(work.failing, range(100), tmp_path))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]

    def test_leaving_early_ends_it(self, tmp_path):
        results = LocalExecution().run(work.noted, range(100), tmp_path)
        next(results)
        results.close()
        assert [path.name for path in tmp_path.iterdir()] == ["0"]

    def test_a_signal_ends_it_between_two_pieces(self, tmp_path):
        with pytest.raises(Interrupted), interruptible():  # noqa: PT012
            for index, _ in LocalExecution().run(work.noted, range(100), tmp_path):
                if index == 1:
                    os.kill(os.getpid(), signal.SIGTERM)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]

    def test_without_a_cluster_work_runs_here(self):
        with open_execution(None) as execution:
            assert isinstance(execution, LocalExecution)
            assert not execution.is_remote


@pytest.fixture(scope="module")
def cluster() -> Iterator[LoopbackCluster]:
    """Two workers, the second with two threads."""
    with loopback_cluster(num_workers=1) as cluster:
        cluster.add_worker(num_threads=2)
        cluster.wait_for_workers()
        yield cluster


@pytest.fixture(scope="module")
def execution(cluster: LoopbackCluster) -> Iterator[Execution]:
    with open_execution(cluster.address) as execution:
        yield execution


class TestCluster:
    def test_results_are_those_of_a_local_run(self, execution):
        assert execution.is_remote
        here = dict(LocalExecution().run(work.scaled, range(20), NUMBERS))
        there = dict(execution.run(work.scaled, range(20), NUMBERS))
        assert sorted(there) == list(range(20))
        for index, value in here.items():
            np.testing.assert_array_equal(there[index], value)
            there[index] += 1  # results may be written to, wherever they come from

    def test_no_pieces_give_no_results(self, execution):
        assert list(execution.run(work.slowly, [])) == []

    def test_what_is_shared_reaches_every_worker_and_not_with_every_piece(self, execution, cluster, tmp_path):
        """Dask may drop it where no piece waits for it, looking every two seconds, and fetch it again."""
        assert len(list(execution.run(work.folder_of, range(30), work.Opened(tmp_path)))) == 30
        opened = {int(path.name): len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
        assert set(opened) == {cluster.pid(0), cluster.pid(1)}
        assert sum(opened.values()) < 10

    def test_a_worker_with_two_threads_runs_one_piece_at_a_time(self, execution):
        for pieces in processes([value for _, value in execution.run(work.begin_and_end, range(12))]):
            assert not overlap(pieces)

    def test_the_random_numbers_of_a_piece_are_its_own(self, execution):
        """Keras takes the seeds of initial weights from Python's generator, which Dask's threads draw from too."""
        here = dict(LocalExecution().run(work.drawn, range(2)))
        assert dict(execution.run(work.drawn, range(2))) == here

    def test_an_exception_comes_as_itself_and_what_is_pending_is_cancelled(self, execution, tmp_path):
        with pytest.raises(DataError, match="piece 2 is wrong"):
            list(execution.run(work.failing, range(100), tmp_path))
        time.sleep(0.3)
        done = len(list(tmp_path.iterdir()))
        assert done < 30
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) == done
        assert len(list(execution.run(work.slowly, range(3)))) == 3

    def test_leaving_early_cancels_what_is_pending(self, execution, tmp_path):
        results = execution.run(work.noted, range(100), tmp_path)
        next(results)
        results.close()
        time.sleep(0.5)
        assert len(list(tmp_path.iterdir())) < 30

    def test_a_signal_ends_the_wait_and_what_is_pending_does_not_run(self, execution, tmp_path):
        with pytest.raises(Interrupted), interruptible():  # noqa: PT012
            for _ in execution.run(work.noted, range(200), tmp_path):
                os.kill(os.getpid(), signal.SIGTERM)
        list(execution.run(work.slowly, range(3)))  # the workers are free again
        assert len(list(tmp_path.iterdir())) < 20

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_an_interrupted_command_leaves_at_once_and_cancels(self, number, code, cluster, tmp_path):
        script = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from kbin import cli, experiment_file\n"
            "from kbin.execution import open_execution\n"
            "from tests import work\n"
            "folder, address = sys.argv[1:]\n"
            "def started(*arguments):\n"
            "    with cli.stoppable(), open_execution(address) as execution:\n"
            "        for index, _ in execution.run(work.noted, range(400), Path(folder)):\n"
            f"            os.kill(os.getpid(), {int(number)}) if index > 3 else None\n"
            "experiment_file.load_experiment = started\n"
            "sys.argv = ['kbin', 'check', 'experiment.yaml']\n"
            "cli.main()\n"
        )
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), cluster.address],
            capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        assert done.returncode == code
        asked = "\nstopping at the next safe point; once more ends at once\n"
        assert done.stderr == f"{asked}\ninterrupted; the same command starts again.\n"
        assert time.monotonic() - begin < 15  # 400 pieces would take 10 s more
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) < 100


class TestLosses:
    def test_a_killed_worker_loses_nothing(self):
        with loopback_cluster(num_workers=2) as cluster, open_execution(cluster.address) as execution:
            results, pids = [], set()
            for index, (piece, pid) in execution.run(work.slowly, range(40)):
                results.append((index, piece))
                pids.add(pid)
                if len(results) == 8:
                    cluster.kill_worker(0)
            assert pids == {cluster.pid(0), cluster.pid(1)}
            assert sorted(results) == [(index, index) for index in range(40)]

    def test_what_is_shared_survives_the_only_worker_that_held_it(self):
        with loopback_cluster(num_workers=1) as cluster, open_execution(cluster.address) as execution:
            results = {}
            for index, value in execution.run(work.scaled, range(20), NUMBERS):
                results[index] = value
                if len(results) == 1:
                    cluster.kill_worker(0)
                    cluster.add_worker()
            assert sorted(results) == list(range(20))
            np.testing.assert_array_equal(results[19], [0, 19, 38])

    def test_work_that_ends_its_workers_is_given_up_and_so_is_a_cluster_without_workers(self, monkeypatch):
        env = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        with loopback_cluster(num_workers=1, env=env) as cluster, open_execution(cluster.address) as execution:
            monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 1.0)
            monkeypatch.setattr(cluster_module, "_LOOK_SECONDS", 0.2)
            with pytest.raises(
                ClusterError, match=r"given up after 1 worker\(s\) ended .* look at the output of `dask worker`"
            ):
                list(execution.run(work.fatal, [0]))
            with pytest.raises(ClusterError, match="all workers of the cluster are gone since 1 s"):
                list(execution.run(work.slowly, [0]))

    def test_a_lost_scheduler_is_said(self, capfd, monkeypatch):
        monkeypatch.setattr(cluster_module, "_LOOK_SECONDS", 0.2)
        monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1.0)
        lost = pytest.raises(ClusterError, match="connection to the scheduler was lost")
        with loopback_cluster(num_workers=1) as cluster, lost:
            self._run_without_scheduler(cluster)
        assert capfd.readouterr().err == ""

    @staticmethod
    def _run_without_scheduler(cluster: LoopbackCluster) -> None:
        with open_execution(cluster.address) as execution:
            for index, _ in execution.run(work.slowly, range(100)):
                if index == 2:
                    cluster.kill_scheduler()


class TestConnecting:
    def test_an_address_where_nobody_answers_is_said_within_seconds(self, capfd, monkeypatch):
        monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1.0)
        begin = time.monotonic()
        with (
            pytest.raises(ClusterError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"),
            open_execution("tcp://127.0.0.1:1"),
        ):
            pass
        assert time.monotonic() - begin < 5
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("address", ["host", "foo://host:1"])
    def test_what_is_no_address_is_refused(self, address):
        with pytest.raises(ClusterError, match=f"no Dask scheduler answers at '{address}' "), open_execution(address):
            pass

    def test_a_cluster_without_workers_is_refused(self, monkeypatch):
        monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 0.5)
        refused = pytest.raises(ClusterError, match=r"has no workers .* Start some with `dask worker tcp://127")
        with loopback_cluster(num_workers=0) as cluster, refused, open_execution(cluster.address):
            pass

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("__version__ = '0.0.1'", r"worker tcp://127\S+ has kbin 0\.0\.1, while kbin \S+ runs here"),
            ("raise ImportError('none here')", r"worker tcp://127\S+ cannot import kbin \(none here\)"),
        ],
    )
    def test_a_worker_with_another_kbin_is_named(self, code, message, tmp_path):
        (tmp_path / "kbin").mkdir()
        (tmp_path / "kbin" / "__init__.py").write_text(code)
        with loopback_cluster(num_workers=0) as cluster:
            cluster.add_worker(env={"PYTHONPATH": str(tmp_path)})
            with pytest.raises(ClusterError, match=message), open_execution(cluster.address):
                pass

    def test_a_worker_that_came_later_with_another_kbin_is_named(self, execution, monkeypatch):
        monkeypatch.setattr(kbin, "__version__", "0.0.2")
        with pytest.raises(ClusterError, match=r"worker tcp://127\S+ has kbin \S+, while kbin 0\.0\.2 runs here"):
            list(execution.run(work.slowly, range(3)))

    def test_a_missing_package_is_named_with_its_command(self, monkeypatch):
        monkeypatch.setattr(cluster_module.importlib.util, "find_spec", lambda name: None)
        with (
            pytest.raises(MissingExtraError, match=r"pip install 'kbin\[cluster\]'"),
            open_execution("tcp://127.0.0.1:1"),
        ):
            pass

    def test_the_log_of_dask_speaks_again_afterwards(self, cluster):
        before = logging.getLogger("distributed").level
        with open_execution(cluster.address):
            assert logging.getLogger("distributed").level > logging.CRITICAL
        assert logging.getLogger("distributed").level == before

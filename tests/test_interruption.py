# ruff: noqa: PT012 - the signal is sent inside of the block that it ends
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from kbin.interruption import Interrupted, at_any_moment, interruptible, safe_point, with_safe_points
from kbin.locks import locked

STOPPING = "\nstopping at the next safe point; once more ends at once\n"
WAIT = 30.0  # seconds, of what a signal should end much earlier


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """A shell's background job, which a test run can be, is started with SIGINT ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def started(code: str) -> "subprocess.Popen[str]":
    """Starts a program and waits until it prints a line."""
    start = (
        "import hashlib, signal, time\n"
        "from kbin.interruption import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


class TestSafePoint:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_work_goes_on_to_the_next_one_and_ends_there(self, number, code, capfd):
        done = []
        with pytest.raises(Interrupted) as interrupted, interruptible():
            safe_point()
            send(number)
            done.append("what must not be left in its midst")
            safe_point()
            done.append("what comes after")
        assert done == ["what must not be left in its midst"]
        assert (interrupted.value.signal_number, interrupted.value.exit_code) == (number, code)
        assert capfd.readouterr().err == STOPPING

    def test_it_is_no_failure_of_a_model(self):
        def model() -> None:
            try:
                safe_point()
            except Exception:
                pytest.fail("taken for a failure")

        with pytest.raises(KeyboardInterrupt), interruptible():
            send(signal.SIGTERM)
            model()

    def test_loops_have_one_before_each_item(self):
        seen = []
        with pytest.raises(Interrupted), interruptible():
            for item in with_safe_points([1, 2, 3]):
                seen.append(item)
                if item == 2:
                    send(signal.SIGTERM)
        assert seen == [1, 2]

    def test_it_is_heard_in_the_main_thread_alone(self):
        reached = threading.Event()

        def in_a_thread() -> None:
            safe_point()
            reached.set()

        with interruptible():
            send(signal.SIGTERM)
            thread = threading.Thread(target=in_a_thread)
            thread.start()
            thread.join()
        assert reached.is_set()

    def test_work_in_another_thread_runs_as_it_is(self):
        handlers = []

        def in_a_thread() -> None:
            with interruptible(), at_any_moment():
                handlers.append(signal.getsignal(signal.SIGTERM))

        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()
        assert handlers == [signal.getsignal(signal.SIGTERM)]


class TestOutside:
    def test_ctrl_c_is_pythons_own(self):
        before = signal.getsignal(signal.SIGTERM)
        with interruptible():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is before
        safe_point()
        with pytest.raises(KeyboardInterrupt) as interrupted:
            send(signal.SIGINT)
        assert not isinstance(interrupted.value, Interrupted)

    def test_a_signal_that_came_is_forgotten(self):
        with interruptible():
            send(signal.SIGTERM)
        safe_point()
        with interruptible():
            safe_point()

    def test_what_the_process_was_started_to_ignore_stays_ignored(self):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
        with interruptible():
            send(signal.SIGHUP)
            safe_point()


class TestSecondSignal:
    # A call of C that neither returns to Python nor is ended by a signal, as those of torch and OpenVINO.
    LONG_CALL = (
        "with interruptible():\n    print('ready', flush=True)\n    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**8)\n"
    )

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_it_ends_the_process_at_once_even_inside_a_long_call(self, number, code):
        process = started(self.LONG_CALL)
        assert process.stderr is not None
        process.send_signal(number)
        assert process.stderr.readline() == "\n"
        assert process.stderr.readline() == STOPPING[1:]  # at once, too
        time.sleep(0.4)
        sent = time.monotonic()
        process.send_signal(number)
        assert process.wait() == code
        assert time.monotonic() - sent < 1
        assert process.communicate()[1] == "\nended at once; the same command goes on from what is whole.\n"

    def test_one_that_is_sent_twice_counts_once(self):
        process = started(
            "try:\n"
            "    with interruptible():\n"
            "        print('ready', flush=True)\n"
            "        time.sleep(1)\n"
            "        safe_point()\n"
            "except Interrupted:\n"
            "    raise SystemExit(7)\n"
        )
        process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)  # as `timeout` does
        assert process.communicate()[1] == STOPPING
        assert process.returncode == 7


def test_a_process_that_only_starts_ends_at_the_first_signal():
    process = started("end_at_once_on_signals()\nprint('ready', flush=True)\ntime.sleep(30)\n")
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[1] == "\ninterrupted; the same command starts again.\n"
    assert process.returncode == 143


class TestWaiting:
    def test_a_wait_without_safe_points_ends_at_any_moment(self):
        cleared = []
        begin = time.monotonic()
        with pytest.raises(Interrupted) as interrupted, interruptible():
            threading.Timer(0.2, send, [signal.SIGINT]).start()
            with at_any_moment():
                try:
                    time.sleep(WAIT)
                finally:
                    cleared.append(True)
        assert time.monotonic() - begin < WAIT / 2
        assert interrupted.value.exit_code == 130
        assert cleared == [True]

    def test_a_wait_is_not_begun_when_a_signal_came_before(self):
        with pytest.raises(Interrupted), interruptible():
            send(signal.SIGTERM)
            with at_any_moment():
                pytest.fail("begun")

    def test_after_the_wait_only_safe_points_end_the_work(self):
        with interruptible():
            with at_any_moment():
                pass
            send(signal.SIGTERM)

    def test_a_lock_that_another_process_holds_is_waited_for_until_a_signal_comes(self, tmp_path: Path):
        begin = time.monotonic()
        with FileLock(tmp_path / "lock"), pytest.raises(Interrupted), interruptible():
            threading.Timer(0.2, send, [signal.SIGTERM]).start()
            with locked(tmp_path / "lock"):
                pytest.fail("there are two holders")
        assert time.monotonic() - begin < 5

    def test_a_lock_that_comes_free_is_held_for_the_block(self, tmp_path: Path):
        first = FileLock(tmp_path / "lock", thread_local=False)
        first.acquire()
        threading.Timer(0.5, first.release).start()
        with locked(tmp_path / "lock"):
            assert not first.is_locked
            assert not can_be_taken(tmp_path / "lock")
        assert can_be_taken(tmp_path / "lock")


def can_be_taken(path: Path) -> bool:
    lock = FileLock(path, timeout=0)
    try:
        with lock:
            return True
    except TimeoutError:
        return False

"""The runs of a `model.fit` on their way to MLflow: in a thread of their own, so that training never waits."""

import threading
from collections.abc import Sequence

from kbin.deploy.tracking.mlflow_address import MlflowAddress
from kbin.deploy.tracking.mlflow_sending import MlflowSender
from kbin.deploy.tracking.mlflow_server import AT_THE_END_OF_A_RUN, MlflowServer, mlflow_environment
from kbin.deploy.tracking.tracked_run import Point, TrackedRun
from kbin.errors import KbinError, TrackingError

_ONE_AT_A_TIME = threading.Lock()  # MLflow is told by the environment how to log in


class FitSending:
    """Sends the values of a run as they come, and tries again with the next ones where a server was away.

    Args:
        run: Without values yet.
        address: Where to.
        experiment: Its name there.
        identity: By which the run is found again.
    """

    def __init__(self, run: TrackedRun, address: MlflowAddress, experiment: str, identity: str):
        self._run, self._address, self._experiment, self._identity = run, address, experiment, identity
        self._waiting: list[Point] = []
        self._ended: TrackedRun | None = None
        self._is_done = self._has_news = False
        self._sender: MlflowSender | None = None
        self._run_id: str | None = None
        self._news = threading.Condition()
        self.has_numbers = False  # all of them, with the run's end; its files come after
        self.error: KbinError | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="mlflow")
        self._thread.start()

    def add(self, points: Sequence[Point]) -> None:
        """Takes values, and returns at once."""
        with self._news:
            self._waiting += points
            self._has_news = True
            self._news.notify()

    def end(self, run: TrackedRun, seconds: float) -> bool:
        """Says that the run has ended, and returns whether all was sent.

        Args:
            run: With its status, its end and its files.
            seconds: How long that is waited for.
        """
        with self._news:
            self._ended = run
            self._has_news = True
            self._news.notify()
        self._thread.join(seconds)
        return self._is_done

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._has_news)  # not for what failed: that goes with the next values
                self._has_news = False
                points, ended = list(self._waiting), self._ended
            try:
                with _ONE_AT_A_TIME, mlflow_environment(self._address, AT_THE_END_OF_A_RUN):
                    self._send(points, ended)
                self.error = None
            except KbinError as error:
                self.error = error
            except Exception as error:  # of a library: the training must not end by it
                self.error = TrackingError(f"{type(error).__name__}: {error}")
            if ended is not None:
                return

    def _send(self, points: list[Point], ended: TrackedRun | None) -> None:
        if self._sender is None:
            # A large model on a slow line would keep the next `fit` of this process from sending.
            server = MlflowServer(self._address, AT_THE_END_OF_A_RUN, waits_for_uploads=False)
            self._sender = MlflowSender(server, self._experiment, self._identity)
        if self._run_id is None:
            run_id = self._sender.open(self._run)
            self._sender.log(self._run, run_id)
            self._run_id = run_id
        self._sender.log_points(points, self._run_id)
        with self._news:
            del self._waiting[: len(points)]
        if ended is not None:
            self._sender.close(ended, self._run_id)  # first: the numbers are whole, even where a file takes too long
            self.has_numbers = True
            for place, path in ended.files.items():
                self._sender.upload(self._run_id, place, path)
            self._is_done = True

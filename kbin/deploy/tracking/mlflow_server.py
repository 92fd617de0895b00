"""A tracking server of MLflow that may be away: every call ends within some seconds, with an answer or a reason."""

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from kbin.credentials import without_credentials
from kbin.deploy.tracking.bounded_calls import bounded
from kbin.deploy.tracking.mlflow_address import MlflowAddress
from kbin.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

Value = TypeVar("Value")

AT_THE_END_OF_A_RUN, ON_DEMAND = 5, 20  # seconds that a call may take
_BYTES_A_SECOND = 1e6  # of a slow line, for uploads
_LOCAL_SECONDS = 60.0  # a new database is set up in several
_LONGEST_REASON = 300
_STATUS = re.compile(r"too many (\d{3}) error|error code (\d{3})|^(\d{3}) (?:Client|Server) Error")
_TALKATIVE = ("mlflow", "alembic", "urllib3", "sqlalchemy")


class MlflowServer:
    """MLflow's own client, each of whose calls is given up after a time.

    Args:
        address: Where it is.
        patience: Seconds for one call.
        waits_for_uploads: An upload has more than that, by its size.
    """

    def __init__(self, address: MlflowAddress, patience: float = ON_DEMAND, waits_for_uploads: bool = True):
        self.address, self._patience, self._waits_for_uploads = address, patience, waits_for_uploads
        self._client: MlflowClient | None = None

    def call(self, use: "Callable[[MlflowClient], Value]", num_bytes: int = 0) -> Value:
        """Returns what `use` returns of the client.

        Args:
            use: One request.
            num_bytes: How much it uploads.

        Raises:
            TrackingError: The server is away, or refuses; the message has the reason, and no credentials.
        """
        patience = _LOCAL_SECONDS if self.address.file is not None else self._patience
        seconds = patience + (num_bytes / _BYTES_A_SECOND if self._waits_for_uploads else 0)
        try:
            return bounded(lambda: use(self._opened()), seconds)
        except TimeoutError:
            raise TrackingError(f"no answer within {seconds:.0f} s") from None
        except Exception as error:
            raise TrackingError(self._reason(error)) from None

    def _opened(self) -> "MlflowClient":
        if self._client is None:
            self.address.check_file()
            from mlflow import MlflowClient  # late: an extra, and a second to load

            with warnings.catch_warnings():  # of the libraries of a local store
                warnings.simplefilter("ignore")
                # The registry of models is not used; by default it would be asked for beside a local store.
                self._client = MlflowClient(self.address.uri, registry_uri=self.address.uri)
        return self._client

    def _reason(self, error: Exception) -> str:
        """Returns in a few words what was wrong."""
        text = " ".join(without_credentials(str(error)).split())
        for secret in (self.address.password, self.address.uri if "@" in self.address.uri else None):
            text = text.replace(secret, "...") if secret else text
        found = _STATUS.search(text)
        status = None if found is None else found[found.lastindex or 0]
        if status in ("401", "403") or "UNAUTHENTICATED" in text or "PERMISSION_DENIED" in text:
            return (
                f"it wants other credentials ({status or 'permission denied'}): set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            )
        if status is not None:
            return f"it answers with error {status}"
        for sign, words in _SIGNS:
            if sign in text.lower():
                return words
        shortened = f"{text[:_LONGEST_REASON]}..." if len(text) > _LONGEST_REASON else text
        return shortened.rstrip(".") or type(error).__name__


_SIGNS = (
    ("connection refused", "connection refused"),
    ("timed out", "no answer in time"),
    ("timeout", "no answer in time"),
    ("name or service not known", "its host is not known"),
    ("name resolution", "its host is not known"),
    ("nodename nor servname", "its host is not known"),
    ("network is unreachable", "there is no network to it"),
    ("no route to host", "there is no network to it"),
    ("connection aborted", "the connection broke"),
    ("connection reset", "the connection broke"),
    ("certificate verify failed", "its certificate cannot be checked"),
)


@contextmanager
def mlflow_environment(address: MlflowAddress, patience: float = ON_DEMAND) -> Iterator[None]:
    """Has MLflow's client give up soon, log in as the address says, and keep its remarks to itself, during the block.

    MLflow reads all that from the environment alone. What a person has set there stays.

    Args:
        address: Where MLflow is.
        patience: Seconds for one request.
    """
    values = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # seven by default, over two minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(round(patience)),
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    changed = {name: value for name, value in values.items() if name not in os.environ}
    if address.user is not None:
        changed |= {"MLFLOW_TRACKING_USERNAME": address.user, "MLFLOW_TRACKING_PASSWORD": address.password or ""}
    before = {name: os.environ.get(name) for name in changed}
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    os.environ.update(changed)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

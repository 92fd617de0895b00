"""Where MLflow is: what a person gave, what the environment says, or MLflow's own default."""

import importlib.util
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from kbin.credentials import without_credentials
from kbin.errors import AddressError, MissingExtraError

_OVER_HTTP = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SQLITE = "sqlite:///"
_OTHERS = ("file", "databricks", "databricks-uc", "uc")


@dataclass(frozen=True)
class MlflowAddress:
    """An address of MLflow.

    Attributes:
        uri: As MLflow takes it. One over HTTP has no credentials; that of a database may have.
        shown: The same for messages and files, without credentials.
        user: To log in with over HTTP, or None.
        password: Likewise.
    """

    uri: str
    shown: str
    user: str | None = None
    password: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it is asked over HTTP."""
        return urlsplit(self.uri).scheme in _OVER_HTTP

    @property
    def file(self) -> Path | None:
        """The file of a local database, where it is one."""
        return Path(self.uri.removeprefix(_SQLITE)) if self.uri.startswith(_SQLITE) else None

    def check_file(self) -> None:
        """Checks that the file of a local database can be written: MLflow itself tries again for minutes.

        Raises:
            sqlite3.Error: It cannot.
        """
        if self.file is not None:
            with closing(sqlite3.connect(self.file, timeout=1)) as database:
                database.execute("pragma user_version").fetchone()


def mlflow_address(given: str | None) -> MlflowAddress:
    """Returns where to send to.

    Args:
        given: A person's own address; None takes MLFLOW_TRACKING_URI, or else MLflow's own default.

    Raises:
        MissingExtraError: MLflow is not installed, or the part of it that a local store needs.
        AddressError: It is no address.
    """
    check_mlflow_is_installed()
    import mlflow  # late: an extra, and a second to load

    uri = given or mlflow.get_tracking_uri()
    if uri.startswith(_SQLITE):  # the same wherever it is asked for again
        uri = f"{_SQLITE}{Path(uri.removeprefix(_SQLITE)).resolve().as_posix()}"
    shown = without_credentials(uri)
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise _no_address(shown) from None
    kind = parts.scheme.split("+")[0]
    if kind in _DATABASES and importlib.util.find_spec("sqlalchemy") is None:
        raise MissingExtraError(
            f"the MLflow store {shown} needs all of MLflow, not only its client: `pip install mlflow`. Or give the "
            "address of a server, such as http://127.0.0.1:5000."
        )
    if parts.scheme not in (*_OVER_HTTP, *_OTHERS) and kind not in _DATABASES:
        raise _no_address(shown)
    if parts.scheme not in _OVER_HTTP:
        return MlflowAddress(uri, shown)
    if not parts.hostname:
        raise _no_address(shown)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    plain = urlunsplit(parts._replace(netloc=host if port is None else f"{host}:{port}")).rstrip("/")
    user, password = (None if one is None else unquote(one) for one in (parts.username, parts.password))
    return MlflowAddress(plain, without_credentials(plain), user or None, password)


def _no_address(shown: str) -> AddressError:
    return AddressError(
        f"'{shown}' is no address of MLflow: write it like http://127.0.0.1:5000, or sqlite:///mlflow.db for a local "
        "database."
    )


def check_mlflow_is_installed() -> None:
    """Checks that there is a client.

    Raises:
        MissingExtraError: There is none.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise MissingExtraError("tracking with MLflow needs its client: `pip install 'kbin[mlflow]'`.")

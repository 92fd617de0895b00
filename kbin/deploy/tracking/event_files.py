"""TensorBoard's event files, by TensorBoard's own package, without TensorFlow."""

import importlib.util
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from kbin.deploy.tracking.tracked_run import Point, TrackedRun
from kbin.errors import MissingExtraError

_VERSION = "brain.Event:2"


def check_tensorboard_is_installed() -> None:
    """Checks that there is TensorBoard's package.

    Raises:
        MissingExtraError: There is none.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtraError("tracking with TensorBoard needs its package: `pip install 'kbin[tensorboard]'`.")


class EventWriter:
    """Writes events to a stream.

    Args:
        stream: Of bytes; it stays open.
        time: Of the file's first event, in seconds since 1970.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, stream: BinaryIO, time: float):
        check_tensorboard_is_installed()
        from tensorboard.compat.proto.event_pb2 import Event  # late: an extra
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = Event, Summary
        self._records = RecordWriter(stream)
        self._records.write(Event(wall_time=time, file_version=_VERSION).SerializeToString())

    def scalars(self, points: Sequence[Point]) -> None:
        """Writes values of metrics."""
        for one in points:
            value = self._summary.Value(tag=one.key, simple_value=one.value)
            self._write(self._summary(value=[value]), one.time / 1000, one.step)

    def picture(self, tag: str, png: bytes, time: float) -> None:
        """Writes a picture.

        Args:
            tag: Its name.
            png: The file as it is.
            time: Seconds since 1970.
        """
        from PIL import Image

        with Image.open(io.BytesIO(png)) as image:
            width, height = image.size
        shown = self._summary.Image(encoded_image_string=png, width=width, height=height, colorspace=4)
        self._write(self._summary(value=[self._summary.Value(tag=tag, image=shown)]), time, 0)

    def hyperparameters(self, params: Mapping[str, str], metrics: Sequence[str], name: str, start: float) -> None:
        """Writes what the tab HPARAMS shows of a training.

        Args:
            params: Settings by name; numbers are written as such.
            metrics: Which scalars stand beside them.
            name: Of the training.
            start: Seconds since 1970.
        """
        from tensorboard.plugins.hparams import summary_v2

        values = {key: _number_or_text(value) for key, value in params.items()}
        config = summary_v2.hparams_config_pb(
            [summary_v2.HParam(key) for key in values], [summary_v2.Metric(tag) for tag in metrics], start
        )
        self._write(config, start, 0)
        self._write(summary_v2.hparams_pb(values, name, start), start, 0)

    def _write(self, summary: Any, time: float, step: int) -> None:
        self._records.write(self._event(wall_time=time, step=step, summary=summary).SerializeToString())


def event_bytes(run: TrackedRun, params: Mapping[str, str], metrics: Sequence[str]) -> bytes:
    """Returns the event file of a run: its numbers, plots and settings.

    Args:
        run: The run.
        params: Those of its settings that the tab HPARAMS shows; empty shows the run there not at all.
        metrics: The metrics that stand beside them.
    """
    stream = io.BytesIO()
    start, end = run.start / 1000, run.end / 1000
    writer = EventWriter(stream, start)
    if params:
        writer.hyperparameters(params, metrics, run.key, start)
    writer.scalars(run.points)
    for place, path in run.files.items():
        if path.suffix == ".png":
            writer.picture(str(Path(place).with_suffix("").as_posix()), path.read_bytes(), end)
    return stream.getvalue()


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value

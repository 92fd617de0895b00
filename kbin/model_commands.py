"""The commands that take a trained model home: predict, export, track."""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kbin.command_line import DebugOption, JsonOption, print_json, progress_on, stoppable
from kbin.printable_text import printable_lines

_Form = StrEnum("_Form", ["csv", "jsonl"])
_Runtime = StrEnum("_Runtime", ["auto", "torch", "openvino"])
_Precision = StrEnum("_Precision", ["float32", "bfloat16"])


def predict(  # noqa: PLR0913 - an option each
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Folder of a trained model, or of a run with one.", show_default=False),
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Image files, folders, patterns in quotes, CSV files with a column `path`, or - for a list of files.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write rows there; standard output by default.", show_default=False),
    ] = None,
    form: Annotated[_Form, typer.Option("--format", help="Of the rows.")] = _Form.csv,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Evaluate, too: the CSV's column of true classes, or `folder` where folders bear their names.",
            show_default=False,
        ),
    ] = None,
    runtime: Annotated[_Runtime, typer.Option(help="What runs the network.")] = _Runtime.auto,
    precision: Annotated[_Precision, typer.Option(help="Of its arithmetic.")] = _Precision.float32,
    threshold: Annotated[
        float | None, typer.Option(help="In place of the locked one, for two classes.", show_default=False)
    ] = None,
    max_megapixels: Annotated[
        float, typer.Option(min=0.001, max=100_000, help="A larger image counts as one that cannot be read.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON; needs --out.")] = False,
    debug: DebugOption = False,
) -> None:
    """Predict images with a trained model.

    A row an image: probability, label at the locked threshold, and whether it is unlike anything in training.
    """
    if as_json and out is None:
        raise typer.BadParameter("--json prints the summary where the rows would go: give --out FILE for these.")
    # A bar would be drawn into rows that stand on the same screen.
    progress = progress_on(sys.stderr, is_plain=out is None and sys.stdout.isatty())
    with stoppable():
        from kbin.deploy.given_images import GivenImages
        from kbin.deploy.loaded_model import LoadedModel  # loads Keras
        from kbin.deploy.predicting import PredictSettings, predict_images

        loaded = LoadedModel(model)
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a file's name need be no UTF-8
        images = GivenImages(paths, labels, loaded.description.classes, sys.stdin)
        settings = PredictSettings(out, form.value, labels, runtime.value, precision.value, threshold, max_megapixels)
        summary = predict_images(loaded, images, settings, sys.stdout.buffer, progress)
    if as_json:
        print_json(summary.as_dict())
    for line in summary.lines(loaded.description):
        progress.say(line)
    raise typer.Exit(1 if summary.bad else 0)


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Folder of a model that `kbin run` made.", show_default=False)
    ],
    target: Annotated[str, typer.Option("--format", metavar="FORMAT", help="onnx, openvino or torch.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file, or a folder for it; ./model.<suffix> by default.")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Images, or a folder of them, to compare with Keras on (repeatable)."),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write a model as one file: ONNX, OpenVINO or torch.

    It takes raw images, and is there once its own runtime has given what Keras gives.
    """
    from kbin.deploy.export_targets import find_target

    find_target(target).check_installed()
    progress = progress_on(sys.stderr if as_json else sys.stdout)

    from kbin.deploy.export import export_model  # after the format was found right: this loads Keras

    with stoppable():
        exported = export_model(model, target, out, images=images or (), progress=progress)
    if as_json:
        print_json(exported.as_plain())
    for line in () if as_json else exported.lines():
        typer.echo(printable_lines(line))


def track(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder of a finished run, or a file of kbin.MlflowLogger.", show_default=False
        ),
    ],
    mlflow: Annotated[
        str | None, typer.Option(metavar="URI", help="MLflow's address, in place of the experiment's.")
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Send a finished run to MLflow or TensorBoard.

    Sent is what is not there yet, to where the experiment's section `tracking` or --mlflow says.
    """
    from kbin.deploy.tracking.running import track_path

    with stoppable():
        tracked = track_path(run, mlflow, progress_on(sys.stderr if as_json else sys.stdout))
    if as_json:
        print_json(tracked.values)
    for line in () if as_json else tracked.lines:
        typer.echo(printable_lines(line))

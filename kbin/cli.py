"""The command line: parse, call, print. What is heavy is imported by the command that needs it."""

import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO, cast

import typer

from kbin.completion import experiment_files, run_folders, setting_names, table_names
from kbin.errors import ConfigError, KbinError
from kbin.interruption import Interrupted, end_at_once_on_signals, interruptible
from kbin.printable_text import printable_lines

if TYPE_CHECKING:
    from kbin.progress import Progress

# typer has its own copy of click, or uses click, by version; this base of a public name is in both.
_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
_INTERRUPTED, _NOBODY_READS = 130, 141  # as a shell has it: 128 and the number of SIGINT, of SIGPIPE

app = typer.Typer(
    name="kbin",
    help="Compares pretrained image backbones on your own images, and says only what the data can support.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ExperimentArgument = Annotated[
    Path,
    typer.Argument(help="The experiment's YAML file.", show_default=False, autocompletion=experiment_files),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting, e.g. training.epochs=3 (repeatable).",
        autocompletion=setting_names,
    ),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="A minute's trial: few images, two epochs, one seed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, alone on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_Form = StrEnum("_Form", ["csv", "jsonl"])
_Runtime = StrEnum("_Runtime", ["auto", "torch", "openvino"])
_Precision = StrEnum("_Precision", ["float32", "bfloat16"])


@app.command()
def run(  # noqa: PLR0913 - typer makes an option of each argument
    experiment: ExperimentArgument,
    out: Annotated[Path | None, typer.Option(help="The run's folder; runs/<name> by default.")] = None,
    settings: SetOption = None,
    quick: QuickOption = False,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Compute on a Dask cluster, e.g. tcp://host:8786.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew: remove the run that the folder holds.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run an experiment: train, evaluate, and leave a folder of results and plots. An interrupted run goes on."""
    from kbin.experiment_file import load_experiment

    config = load_experiment(experiment, settings or [])
    if quick:
        config = config.quick()
    folder = out or Path("runs") / config.name
    progress = _progress(sys.stderr if as_json else sys.stdout)

    from kbin.audit_files import AuditFiles
    from kbin.experiment import run_experiment  # after the file was found right: this loads Keras
    from kbin.report.audit_lines import audit_lines
    from kbin.report.summary import result_lines
    from kbin.runs import RunDirectory

    with _stoppable(folder):
        code = run_experiment(config, folder, progress, cluster, fresh)
    directory = RunDirectory(folder)
    if as_json:
        _print_json(directory.results())
        raise typer.Exit(code)
    for line in result_lines(directory.results()):
        progress.say(line)
    audit_found = AuditFiles(directory).read() if config.audit else None
    for line in () if audit_found is None else ("", *audit_lines(audit_found)):
        progress.say(line)
    progress.say(f"\nresults: {folder / 'report.html'}")
    raise typer.Exit(code)


@app.command()
def check(
    experiment: ExperimentArgument,
    settings: SetOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Validate an experiment and print its plan and parameters, without training."""
    from kbin.experiment_file import load_experiment

    config = load_experiment(experiment, settings or [])
    if quick:
        config = config.quick()

    with _stoppable():
        if as_json:
            from kbin.plan_entry import plan_entry  # after the file was found right: this loads Keras

            _print_json(plan_entry(config, _progress(sys.stderr)))
            return
        from kbin.plan import plan_lines  # as above

        for line in plan_lines(config, _progress()):
            typer.echo(printable_lines(line))


@app.command()
def backbones(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the backbones: blocks, parameters, input size, and which weights are at hand."""
    from kbin.backbone_listing import backbone_lines, backbone_rows

    if as_json:
        _print_json(backbone_rows())
    else:
        typer.echo("\n".join(backbone_lines()))


@app.command()
def store(
    clear: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|all",
            help="Remove one table by the beginning of its name, or all.",
            autocompletion=table_names,
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the stored features of this machine, or clear them."""
    from kbin.engine.feature_store import FeatureStore
    from kbin.engine.store_listing import cleared_rows, removed_lines, store_lines, store_rows

    here = FeatureStore.of_this_machine()
    if clear is not None:
        with _stoppable():
            rows = cleared_rows(here, clear)
    else:
        rows = store_rows(here)
    if as_json:
        _print_json(rows)
    else:
        typer.echo("\n".join(store_lines(here) if clear is None else removed_lines(rows)))


@app.command()
def schema(debug: DebugOption = False) -> None:
    """Print the JSON Schema of an experiment file, for editors."""
    from kbin.config.experiment import ExperimentConfig

    _print_json(ExperimentConfig.model_json_schema())


@app.command()
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Folders of finished runs.", show_default=False, autocompletion=run_folders),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page of several runs; comparison.html by default.", show_default=False),
    ] = None,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Draw all plots again, whether or not they changed.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make plots, tables and page of a finished run again; of several runs, one page that compares them.

    One folder: its own report.html and tables/, and its plots where one is missing or something of theirs changed.
    Several folders: one page, with paired tests where the images are the same; the folders stay as they are.
    """
    from kbin.report.remaking import remake
    from kbin.runs import RunDirectory

    with _stoppable():
        page = str(remake([RunDirectory(folder) for folder in runs], out, redraw))
    if as_json:
        _print_json({"page": page})
    else:
        typer.echo(page)


@app.command()
def audit(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False, autocompletion=run_folders),
    ],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask why the test set falls short: leaks, drift, wrong labels, shortcuts, the threshold, the input."""
    from kbin.audit_files import AuditFiles
    from kbin.auditing.running import audit_run
    from kbin.report.audit_lines import audit_lines
    from kbin.report.remaking import remake
    from kbin.run_lock import locked
    from kbin.runs import RunDirectory

    directory = RunDirectory(run)
    directory.results()  # a folder that is no finished run's is told so, and left alone
    with _stoppable(), locked(run):
        audit_run(directory, _progress(sys.stderr if as_json else sys.stdout))
        page = remake([directory])
    findings = AuditFiles(directory).read() or {}
    if as_json:
        _print_json(findings)
        return
    for line in audit_lines(findings):
        typer.echo(printable_lines(line))
    typer.echo(f"\npage: {page}")


@app.command()
def predict(  # noqa: PLR0913 - an option each
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Folder of a trained model, or of a run with one.", show_default=False),
    ],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
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
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON; needs --out.")] = False,
    debug: DebugOption = False,
) -> None:
    """Predict images with a trained model: a row an image, with probability, label, and what is unlike training."""
    if as_json and out is None:
        raise typer.BadParameter("--json prints the summary where the rows would go: give --out FILE for these.")
    # A bar would be drawn into rows that stand on the same screen.
    progress = _progress(sys.stderr, is_plain=out is None and sys.stdout.isatty())
    with _stoppable():
        from kbin.deploy.given_images import GivenImages
        from kbin.deploy.loaded_model import LoadedModel  # loads Keras
        from kbin.deploy.predicting import PredictSettings, predict_images

        loaded = LoadedModel(model)
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a file's name need be no UTF-8
        images = GivenImages(paths, labels, loaded.description.classes, sys.stdin)
        settings = PredictSettings(out, form.value, labels, runtime.value, precision.value, threshold)
        summary = predict_images(loaded, images, settings, sys.stdout.buffer, progress)
    if as_json:
        _print_json(summary.as_dict())
    for line in summary.lines(loaded.description):
        progress.say(line)
    raise typer.Exit(1 if summary.bad else 0)


@app.command()
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
    """Write a trained model as one file for onnxruntime, OpenVINO or torch, compared with Keras beforehand."""
    from kbin.deploy.export_targets import find_target

    find_target(target).check_installed()
    progress = _progress(sys.stderr if as_json else sys.stdout)

    from kbin.deploy.export import export_model  # after the format was found right: this loads Keras

    with _stoppable():
        exported = export_model(model, target, out, images=images or (), progress=progress)
    if as_json:
        _print_json(exported.as_plain())
    for line in () if as_json else exported.lines():
        typer.echo(printable_lines(line))


@app.command()
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
    """Send a finished run to MLflow or TensorBoard: what is not there yet, as its section `tracking` says."""
    from kbin.deploy.tracking.running import track_path

    with _stoppable():
        tracked = track_path(run, mlflow, _progress(sys.stderr if as_json else sys.stdout))
    if as_json:
        _print_json(tracked.values)
    for line in () if as_json else tracked.lines:
        typer.echo(printable_lines(line))


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1))


def main() -> NoReturn:
    """Runs the command line and turns every outcome into an exit code."""
    end_at_once_on_signals()  # until there is something to lose: see `_stoppable`
    try:
        code = app(standalone_mode=False) or 0
    except KbinError as error:
        _explain(error)
        code = error.exit_code
    except _UsageError as error:
        error.show()  # type: ignore[attr-defined]
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except SystemExit as ended:  # typer's own, where the reader of a pipe went away
        code = _NOBODY_READS if isinstance(ended.__context__, BrokenPipeError) else ended.code
    _let_go_of_output()
    sys.exit(code)


@contextmanager
def _stoppable(folder: Path | None = None) -> Iterator[None]:
    """Ends the block at a safe point where a signal asks for it, and says how to go on.

    Args:
        folder: Of the run, as the person gave it.
    """
    try:
        with interruptible():
            yield
    except Interrupted as interrupted:
        _tell(*_parting_words(folder))
        _let_go_of_output()
        # Not by an exception, of which typer would make 130; and Python takes more than a second to take torch and
        # Keras apart.
        os._exit(interrupted.exit_code)


def _parting_words(folder: Path | None) -> list[str]:
    from kbin.kept import kept_lines
    from kbin.runs import RunDirectory

    kept = [] if folder is None else kept_lines(RunDirectory(folder))
    if not kept:
        return ["\ninterrupted; the same command starts again."]
    return [f"\ninterrupted; the same command goes on from what is kept in {folder}.", *kept]


def _explain(error: KbinError) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    title = "error in the experiment file" if isinstance(error, ConfigError) else "error"
    _tell(f"{title}: {error}")


def _tell(*lines: str) -> None:
    """Prints lines on standard error, if anybody reads it."""
    with suppress(OSError):
        for line in lines:
            typer.echo(printable_lines(line), err=True)


def _let_go_of_output() -> None:
    """Has nothing written to where nobody reads: Python writes what is left when it ends, and would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _progress(stream: TextIO | None = None, *, is_plain: bool = False) -> "Progress":
    """Returns what shows progress on standard output, or on another stream; in plain lines where that is asked for."""
    from kbin.progress import LogProgress, TerminalProgress

    shown = sys.stdout if stream is None else stream
    return TerminalProgress(shown) if shown.isatty() and not is_plain else LogProgress(shown)

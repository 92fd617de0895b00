"""The command line: parse, call, print. What is heavy is imported by the command that needs it."""

import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from kbin.command_line import DebugOption, JsonOption, let_go_of_output, print_json, progress_on, stoppable, tell
from kbin.completion import experiment_files, run_folders, setting_names, table_names
from kbin.errors import ConfigError, KbinError
from kbin.interruption import end_at_once_on_signals
from kbin.model_commands import export, predict, track
from kbin.printable_text import printable_lines

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
    typer.Argument(
        metavar="FILE", help="The experiment's YAML file.", show_default=False, autocompletion=experiment_files
    ),
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
    """Run an experiment, or go on with one that was interrupted.

    It trains and evaluates every model, and leaves a folder of results and plots with one page.
    """
    from kbin.experiment_file import load_experiment

    config = load_experiment(experiment, settings or [])
    if quick:
        config = config.quick()
    folder = out or Path("runs") / config.name
    progress = progress_on(sys.stderr if as_json else sys.stdout)

    from kbin.audit_files import AuditFiles
    from kbin.experiment import run_experiment  # after the file was found right: this loads Keras
    from kbin.report.audit_lines import audit_lines
    from kbin.report.summary import result_lines
    from kbin.runs import RunDirectory

    with stoppable(folder):
        code = run_experiment(config, folder, progress, cluster, fresh)
    directory = RunDirectory(folder)
    if as_json:
        print_json(directory.results())
        raise typer.Exit(code)
    for line in result_lines(directory.results()):
        progress.say(line)
    audit_found = AuditFiles(directory).read() if config.audit else None
    for line in () if audit_found is None else ("", *audit_lines(audit_found)):
        progress.say(line)
    progress.say(f"\nresults: {folder / 'report.html'}")
    raise typer.Exit(code)


def check(
    experiment: ExperimentArgument,
    settings: SetOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Validate an experiment and print its plan, without training.

    The plan: images, parameters, what is stored, memory, and the expected time.
    """
    from kbin.experiment_file import load_experiment

    config = load_experiment(experiment, settings or [])
    if quick:
        config = config.quick()

    with stoppable():
        if as_json:
            from kbin.plan_entry import plan_entry  # after the file was found right: this loads Keras

            print_json(plan_entry(config, progress_on(sys.stderr)))
            return
        from kbin.plan import plan_lines  # as above

        for line in plan_lines(config, progress_on()):
            typer.echo(printable_lines(line))


def backbones(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the backbones, and which weights are at hand."""
    from kbin.backbone_listing import backbone_lines, backbone_rows

    if as_json:
        print_json(backbone_rows())
    else:
        typer.echo("\n".join(backbone_lines()))


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
        with stoppable():
            rows = cleared_rows(here, clear)
    else:
        rows = store_rows(here)
    if as_json:
        print_json(rows)
    else:
        typer.echo("\n".join(store_lines(here) if clear is None else removed_lines(rows)))


def schema(debug: DebugOption = False) -> None:
    """Print the JSON Schema of an experiment file, for editors."""
    from kbin.config.experiment import ExperimentConfig

    print_json(ExperimentConfig.model_json_schema())


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
    """Make a finished run's page again, or one that compares several.

    One folder: its own report.html and tables/, and its plots where one is missing or something of theirs changed.
    Several folders: one page, with paired tests where the images are the same; the folders stay as they are.
    """
    from kbin.report.remaking import remake
    from kbin.runs import RunDirectory

    with stoppable():
        page = str(remake([RunDirectory(folder) for folder in runs], out, redraw))
    if as_json:
        print_json({"page": page})
    else:
        typer.echo(page)


def audit(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False, autocompletion=run_folders),
    ],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask why a finished run's test set falls short.

    Looked for are leaks, drift, wrong labels, shortcuts, a threshold that does not fit, and faults of the input.
    """
    from kbin.audit_files import AuditFiles
    from kbin.auditing.running import audit_run
    from kbin.report.audit_lines import audit_lines
    from kbin.report.remaking import remake
    from kbin.run_lock import locked
    from kbin.runs import RunDirectory

    directory = RunDirectory(run)
    directory.results()  # a folder that is no finished run's is told so, and left alone
    with stoppable(), locked(run):
        audit_run(directory, progress_on(sys.stderr if as_json else sys.stdout))
        page = remake([directory])
    findings = AuditFiles(directory).read() or {}
    if as_json:
        print_json(findings)
        return
    for line in audit_lines(findings):
        typer.echo(printable_lines(line))
    typer.echo(f"\npage: {page}")


# As the help lists them: in the order in which a person meets them.
for _command in (run, check, audit, report, predict, export, track, backbones, store, schema):
    app.command()(_command)


def main() -> NoReturn:
    """Runs the command line and turns every outcome into an exit code."""
    end_at_once_on_signals()  # until there is something to lose: see `stoppable`
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
    let_go_of_output()
    sys.exit(code)


def _explain(error: KbinError) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    title = "error in the experiment file" if isinstance(error, ConfigError) else "error"
    tell(f"{title}: {error}")

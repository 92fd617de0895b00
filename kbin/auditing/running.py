"""The whole story of one audit, top to bottom."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from kbin.audit.checks import CHECKS
from kbin.audit.copy_groups import group_rows, joined_groups
from kbin.audit.findings import Check, Finding, Outcome
from kbin.audit.inputs import AuditInputs
from kbin.audit.verdict import give_verdict
from kbin.audit_files import AuditFiles
from kbin.auditing.inputs import collect_inputs
from kbin.auditing.pictures import save_pictures
from kbin.auditing.plain_findings import plain_finding
from kbin.config.experiment import ExperimentConfig
from kbin.data.sets import LoadedSets, load_sets
from kbin.errors import KbinError, RunFolderError
from kbin.interruption import safe_point
from kbin.progress import Progress
from kbin.report.recorded import read_results
from kbin.run_files import EXPERIMENT
from kbin.runs import RunDirectory
from kbin.storage_faults import refuse_full_disk
from kbin.yaml_text import read_yaml


def audit_run(run: RunDirectory, progress: Progress, loaded: LoadedSets | None = None) -> None:
    """Audits a finished run: makes every check and writes what it found into the run's folder.

    Args:
        run: The run's folder; nobody else writes there.
        progress: Where the checks are shown as they end.
        loaded: The run's images, where they are read already.

    Raises:
        RunFolderError: The run is not finished, its folder is damaged, or its images are others now.
        DataError: The images are not there any more.
        StorageError: The folder cannot be written.
    """
    results = read_results(run.results())
    images = load_sets(_settings(run).data, progress) if loaded is None else loaded
    inputs = collect_inputs(run, results, images, progress)
    findings, inputs = make_checks(CHECKS, inputs, progress)
    findings = [_with_path(one, run) for one in findings]
    files = AuditFiles(run)
    pictures = save_pictures(findings, images.sets, files)
    if inputs.copy_groups:
        files.save_groups(group_rows(inputs))
    files.save(
        {
            "findings": [plain_finding(one, inputs, pictures) for one in findings],
            "verdict": give_verdict(findings),
            "features_of": inputs.features_of,
            "audited": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    files.remove_unused_pictures(set(pictures.values()))


def make_checks(checks: Sequence[Check], inputs: AuditInputs, progress: Progress) -> tuple[list[Finding], AuditInputs]:
    """Makes checks one after the other; one that breaks is a finding of its own kind, and the others go on.

    Args:
        checks: In their order.
        inputs: What they look at.
        progress: Where each is shown as it ends.

    Returns:
        The findings, and the inputs with the groups of images that belong together.
    """
    findings = []
    # On one thread: the many small products of the checks take four to six times as long on two threads that other
    # work wants too (kbin audit on 2,624 images: 90 and 126 s against 28 and 22 s, in turn on busy cores).
    with threadpool_limits(1), progress.bar("checks", len(checks), "checks") as advance:
        for check in checks:
            safe_point()
            started = time.perf_counter()
            ended = _ended(check, inputs)
            if ended.groups is not None:
                inputs = replace(inputs, copy_groups=joined_groups(inputs, ended.groups))
            findings.append(Finding(check, ended))
            progress.say(f"  {check.title}: {ended.outcome.replace('_', ' ')}, {time.perf_counter() - started:.1f} s")
            advance(1)
    return findings, inputs


def _with_path(finding: Finding, run: RunDirectory) -> Finding:
    """Returns a finding that names the folder in what to do next."""
    step = finding.ended.next_step.replace("<run>", str(run.path))
    return replace(finding, ended=replace(finding.ended, next_step=step))


def _ended(check: Check, inputs: AuditInputs) -> Outcome:
    try:
        return check.run(inputs.each_image_once if check.each_image_once else inputs)
    except KbinError:
        raise
    except Exception as error:  # a fault of this check: what the others find is worth as much
        refuse_full_disk(error)
        return Outcome("not_applicable", f"The check broke ({type(error).__name__}: {error}); please report it.")


def _settings(run: RunDirectory) -> ExperimentConfig:
    """Returns the resolved settings of a run's folder."""
    try:
        return ExperimentConfig.model_validate(read_yaml(run.settings_text(), EXPERIMENT).value)
    except (ValidationError, KbinError) as error:
        raise RunFolderError(
            f"{run.path / EXPERIMENT} is damaged, or another version of kbin wrote it: run the experiment anew. "
            f"({str(error).splitlines()[0]})"
        ) from None

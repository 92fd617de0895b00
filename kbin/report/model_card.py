"""models/<id>/model_card.md: what somebody should know before using a model, in Markdown.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", FAT*; the sections are theirs. What only people can
say, the intended use, they write between two marks, and a card that is made again keeps it.
"""

from collections.abc import Mapping, Sequence

from kbin.audit_files import AuditFiles
from kbin.errors import ConfigError, RunFolderError
from kbin.experiment_file import flat_settings
from kbin.metric_names import metric_row
from kbin.report.markdown_table import markdown_text
from kbin.report.recorded import TRAIN, ModelResults, RunResults, read_results
from kbin.report.recorded_audit import RecordedAudit, read_audit
from kbin.report.recorded_sets import SetResults
from kbin.report.wording import (
    about_text,
    collapse_text,
    contents_text,
    count_text,
    interval_text,
    mean_text,
    spread_sentence,
    train_blocks_text,
)
from kbin.runs import RunDirectory

_METRICS = ("accuracy", "precision", "recall", "specificity", "f1", "roc_auc")
_BEGIN, _END = "<!-- yours: begin -->", "<!-- yours: end -->"
_NO_SETTING = "None"  # as `flat_settings` has it
_LONGEST_OWN = 100_000  # letters
_TO_FILL_IN = """
*To be filled in by a person: kbin cannot know it. What stands between the marks is kept when the card is made again.*

- **For what, and for whom?**
- **What must it not be used for?**
- **Who checks its answers, and what does a wrong one cost?**
- **Who is answerable for it, and how can they be reached?**
"""


def write_cards(run: RunDirectory) -> None:
    """Writes the card of every model that has results.

    Args:
        run: The folder of a finished run.

    Raises:
        RunFolderError: Results, settings or audit are damaged.
        StorageError: A card cannot be written.
    """
    results = read_results(run.results())
    findings = AuditFiles(run).read()
    audit = None if findings is None else read_audit(findings)
    try:
        settings = flat_settings(run.settings_text(), "the settings")
    except ConfigError as error:
        raise RunFolderError(f"{run.path} is damaged: {error}") from None
    for model in results.done:
        own = _own_words(run.model_card(model.id))
        run.save_model_card(model.id, model_card(results, model, settings, _versions(run), audit, own))


def model_card(
    results: RunResults,
    model: ModelResults,
    settings: Mapping[str, str],
    versions: Mapping[str, str],
    audit: RecordedAudit | None,
    own_words: str = _TO_FILL_IN,
) -> str:
    """Returns a model's card.

    Args:
        results: The run.
        model: One of its models that have results.
        settings: Of the experiment, by key, such as `data.source`.
        versions: Package -> version.
        audit: What the audit found; None where there was none.
        own_words: What people wrote, with line breaks before and behind.
    """
    parts = [
        f"# {_t(model.id)}: {_t(' or '.join(results.classes))}",
        _section("Model", _model_lines(results, model, settings, versions)),
        f"## Intended use\n\n{_BEGIN}{own_words}{_END}",
        _section("Data", _data_lines(results, settings)),
        f"## Results\n\n{_table(results, model)}\n\n" + "\n".join(_notes(results, model)),
        _section("Limits", _limits(results, model, audit)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)


def _t(text: str) -> str:
    return markdown_text(text)


def _model_lines(
    results: RunResults, model: ModelResults, settings: Mapping[str, str], versions: Mapping[str, str]
) -> list[str]:
    size = settings.get("data.image_size", "?")
    answer = (
        "a probability for each class"
        if results.positive is None
        else f"the probability of “{_t(results.positive)}”, the positive class"
    )
    seeds = ", ".join(str(seed) for seed in model.seeds)
    used = ", ".join(f"{_t(name)} {_t(version)}" for name, version in versions.items())
    return [
        f"{_t(model.backbone)} (weights: {_t(model.weights)}); trained: {_t(train_blocks_text(model.train_blocks))}, "
        f"{model.parameters.trainable:,} of {model.parameters.total:,} parameters.",
        f"Takes RGB images of {_t(size)} x {_t(size)} pixels, 0 to 255 (`{_t(settings.get('data.resize', '?'))}` makes "
        f"others so), and gives {answer}.",
        f"Trained once for each seed: {seeds}. Each has a folder of its own (`seed-<n>/model.keras`); the figures "
        "below are means over them.",
        f"Made by the experiment “{_t(results.experiment)}”" + (f" with {used}." if used else "."),
    ]


def _data_lines(results: RunResults, settings: Mapping[str, str]) -> list[str]:
    lines = [f"Source: {_t(settings.get('data.source', '?'))}; classes: {_t(', '.join(results.classes))}."]
    lines += [f"“{_t(name)}”: {_t(contents_text(results, name))}." for name in results.sets]
    group = settings.get("data.split.group", _NO_SETTING)
    if group != _NO_SETTING:
        lines.append(f"Images of one “{_t(group)}” are on one side of a split that kbin made.")
    if results.bad_images is not None and results.bad_images.count:
        lines.append(f"{count_text(results.bad_images.count, 'image')} could not be read and took no part.")
    return lines + [_t(note) for note in results.notes]


def _table(results: RunResults, model: ModelResults) -> str:
    rows = [
        ["Set", *(metric_row(name).title for name in _METRICS)],
        ["---", *(["---:"] * len(_METRICS))],
        *(
            [_t(name), *(_cell(name, model.sets[name], metric) for metric in _METRICS)]
            for name in results.reading_order
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(set_name: str, entry: SetResults, metric: str) -> str:
    parts = [mean_text(metric, entry), "" if set_name == TRAIN else interval_text(metric, entry)]
    return " ".join(" ".join(part.split()) for part in parts if part)


def _notes(results: RunResults, model: ModelResults) -> list[str]:
    notes = [about_text(results), spread_sentence(results)]
    if any(entry.intervals for entry in model.sets.values()):
        notes.append("[low, high] is a 95% interval: how far other images of the same kind would move the number.")
    return [f"- {_t(note)}" for note in notes if note]


def _limits(results: RunResults, model: ModelResults, audit: RecordedAudit | None) -> list[str]:
    limits = []
    for name in results.test_sets:
        entry = model.sets[name]
        if entry.collapsed:
            limits.append(f"On “{_t(name)}”, {_t(collapse_text(model.id, entry))}")
        elif not entry.beats_majority:
            limits.append(f"On “{_t(name)}” its accuracy is not above that of always giving the most frequent answer.")
    if not results.test_sets:
        limits.append("There was no test set: nothing here says how well it does on images that had no say in it.")
    limits.append(
        "The figures are for images of the same kind as these sets; of images from elsewhere they promise nothing."
    )
    if audit is None:
        return [*limits, "It was not audited: `kbin audit` looks for leaks, drift, wrong labels and shortcuts."]
    found = audit.of_outcome("found")
    limits += [f"The audit found: {_t(finding.summary)}" for finding in found]
    clean = [finding.title for finding in audit.of_outcome("clean")]
    if clean:
        limits.append(f"The audit looked for this too and found nothing: {_t('; '.join(clean))}.")
    unmade = [finding.title for finding in audit.of_outcome("not_applicable")]
    if unmade:
        limits.append(f"The audit could not look at: {_t('; '.join(unmade))}.")
    return limits


def _versions(run: RunDirectory) -> dict[str, str]:
    packages = run.earlier_environment().get("packages")
    kept = packages if isinstance(packages, dict) else {}
    return {name: str(kept[name]) for name in ("kbin", "keras", "torch") if name in kept}


def _own_words(card: str | None) -> str:
    """Returns what people wrote on an earlier card, or what they are asked to."""
    if card is None:
        return _TO_FILL_IN
    _, begin, rest = card.partition(_BEGIN)
    own, end, _ = rest.rpartition(_END)
    return own if begin and end and len(own) <= _LONGEST_OWN else _TO_FILL_IN

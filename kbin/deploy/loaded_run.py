"""A run's folder in Python: its numbers as pandas tables, its plots as figures that a notebook shows."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbin.audit_files import AuditFiles
from kbin.deploy.run_plots import RunPlots
from kbin.errors import DataError, unknown_name
from kbin.metric_names import metric_row
from kbin.report.audit_rows import audit_rows
from kbin.report.recorded import TRAIN, ModelResults
from kbin.report.recorded_audit import read_audit
from kbin.report.table_files import TABLES
from kbin.report.table_rows import PlainTable
from kbin.report.wording import interval_text, mean_text

if TYPE_CHECKING:
    import keras
    import pandas as pd

_AUDIT = "audit"
_IN_SUMMARY = ("accuracy", "precision", "recall", "f1", "roc_auc")


def load_run(path: str | Path) -> "LoadedRun":
    """Opens the folder of a finished run; Keras is loaded only where a model is asked for.

    Args:
        path: The folder that `kbin run` made.

    Raises:
        RunFolderError: It is no finished run's, or damaged.
    """
    return LoadedRun(path)


class LoadedRun(RunPlots):
    """What a run left in its folder.

    Tables are `pandas.DataFrame`s, made anew at each call; metrics are means over seeds at the threshold in force, and
    what is not defined is NaN. Plots are `matplotlib` figures, which a notebook shows and `savefig` keeps.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        results: All of results.json, checked.
    """

    @property
    def tables(self) -> list[str]:
        """The names of the tables that have rows; `table` takes one."""
        names = [name for name, rows_of in TABLES.items() if rows_of(self.results).rows]
        return [*names, _AUDIT] if self._audit_table().rows else names

    def table(self, name: str) -> "pd.DataFrame":
        """Returns a table of `tables/`; one without content has its columns and no rows.

        Args:
            name: "results", "seeds", "classes", "confusion", "comparisons", "letters", "operating_points", "baselines",
                "prevalence", "calibration", "calibration_bins", "parameters", "blocks", "times", "undefined", "audit".

        Raises:
            DataError: There is no such table.
        """
        if name == _AUDIT:
            return _frame(self._audit_table())
        if name not in TABLES:
            raise DataError(unknown_name("table", name, [*TABLES, _AUDIT]))
        return _frame(TABLES[name](self.results))

    @property
    def metrics(self) -> "pd.DataFrame":
        """A row a set and model: every metric with its spread over seeds and the ends of its 95 % interval."""
        return self.table("results")

    @property
    def per_seed(self) -> "pd.DataFrame":
        """A row a set, model and seed: the kept epoch, the threshold and every metric."""
        return self.table("seeds")

    @property
    def comparisons(self) -> "pd.DataFrame":
        """A row a pair of models under a metric: difference, interval, p-values, verdict."""
        return self.table("comparisons")

    @property
    def parameters(self) -> "pd.DataFrame":
        """A row a model: its parameters."""
        return self.table("parameters")

    @property
    def times(self) -> "pd.DataFrame":
        """A row a model: seconds of its features, training and evaluation."""
        return self.table("times")

    @property
    def audit(self) -> "pd.DataFrame":
        """A row a check of `kbin audit`: how it ended and what to do; no rows where the run was not audited."""
        return self.table(_AUDIT)

    @property
    def history(self) -> "pd.DataFrame":
        """A row a model, seed and epoch: loss, accuracy, and those of the validation set."""
        import pandas as pd  # late: it takes a moment, and the command line needs none of it

        frames = [
            pd.DataFrame({"model": model.id, "seed": seed} | self._run.history(model.id, seed)).astype({"epoch": int})
            for model, seed in self._trained()
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["model", "seed", "epoch"])

    def predictions(self, set_name: str | None = None, model: str | None = None, seed: int | None = None) -> Any:
        """Returns a `DataFrame`, a row a model, seed and image: its label, and the probability of the positive class.

        For more than two classes, `y_score` is that of the answer, and there is a column a class.

        Args:
            set_name: Of the evaluation set; by default the test set.
            model: Its id; all by default.
            seed: Its seed; all by default.

        Raises:
            DataError: There is no such set, model or seed.
            RunFolderError: A file is missing or damaged.
        """
        import pandas as pd  # late, as above

        name = self._set_name(set_name)
        models = self.results.done if model is None else (self._chosen(model),)
        frames = []
        for one in models:
            for number in one.seeds if seed is None else (self._seed(one, seed),):
                found = self._run.predictions(one.id, number, name, self.results.classes)
                columns = {"set": name, "model": one.id, "seed": number, "sample_id": found.sample_ids}
                columns |= {"path": found.paths, "y_true": found.y_true, "y_score": found.y_score}
                frame = pd.DataFrame(columns)
                if found.probabilities is not None:
                    shares = pd.DataFrame(found.probabilities, columns=list(self.results.classes))
                    frame = pd.concat([frame, shares], axis=1)
                frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def model(self, model: str | None = None, seed: int | None = None) -> "keras.Model":
        """Opens a trained model: raw RGB 0-255 in, probabilities out.

        Args:
            model: Its id; the only one by default.
            seed: Its seed; the first by default.

        Raises:
            DataError: There is no such model, or several and none was named.
            ModelFileError: Its file is missing or damaged, or holds more than a plain model.
        """
        from kbin.models.model_files import load_model  # late: Keras

        chosen = self._chosen(model)
        return load_model(self._run.model_path(chosen.id, self._seed(chosen, seed)))

    def __repr__(self) -> str:
        return (
            f"<run '{self.results.experiment}' in {self.path}: {len(self.models)} models, sets {', '.join(self.sets)}>"
        )

    def _repr_html_(self) -> str:
        """Returns the main numbers for a notebook; names are other people's text."""
        import pandas as pd  # late, as above

        rows = [self._summary(name, model) for name in self.sets for model in self.results.done]
        table = pd.DataFrame(rows).to_html(index=False, escape=True, border=0)
        failed = "".join(f"<p>{escape(one.id)} failed: {escape(one.error)}</p>" for one in self.results.failed)
        return f"<h4>{escape(self.results.experiment)}</h4>{table}{failed}<p>{escape(str(self.path))}</p>"

    def _summary(self, set_name: str, model: ModelResults) -> dict[str, str]:
        entry = model.sets[set_name]
        cells = {"Set": set_name, "Images": f"{entry.n:,}", "Model": model.id}
        for name in _IN_SUMMARY:
            # What was learned from is no sample of anything.
            interval = "" if set_name == TRAIN else interval_text(name, entry)
            cells[metric_row(name).title] = " ".join(filter(None, (mean_text(name, entry), interval)))
        return cells

    def _audit_table(self) -> PlainTable:
        contents = AuditFiles(self._run).read()
        return PlainTable((), ()) if contents is None else audit_rows(read_audit(contents))


def _frame(table: PlainTable) -> "pd.DataFrame":
    import pandas as pd  # late, as above

    return pd.DataFrame(list(table.rows), columns=list(table.columns))

from kbin.report.interval_bars import WIDTH
from kbin.report.overview import overview
from kbin.report.recorded import read_results
from kbin.report.tables import Footnotes, interval_notes, result_table
from tests.report.synthetic_runs import SyntheticRun

LETTERS = {"good": "a", "poor": "b"}
RUN = SyntheticRun(letters={"test": {"roc_auc": LETTERS}})


def _table(results):
    recorded = read_results(results)
    return recorded, result_table(recorded, Footnotes())


def test_letters_stand_beside_what_was_compared_and_nowhere_else():
    _, table = _table(RUN.results())

    for group in table.groups:
        for model_id, cells in group.rows.items():
            for row, cell in zip(table.columns, cells, strict=True):
                was_compared = group.set_name == "test" and row.name == "roc_auc"
                assert cell.letters == (LETTERS[model_id] if was_compared else "")


def test_every_recorded_interval_is_in_its_cell_but_for_the_training_set():
    results = RUN.results()
    results["models"][0]["sets"]["test"]["intervals"]["mcc"] = [0.123, 0.456]
    _, table = _table(results)
    place = [row.name for row in table.columns].index("mcc")
    groups = {group.set_name: group for group in table.groups}

    assert groups["test"].rows["good"][place].interval.replace("\N{NO-BREAK SPACE}", " ") == "[0.123, 0.456]"
    assert groups["test"].rows["good"][place].is_minor
    assert not groups["test"].rows["good"][0].is_minor
    assert not any(cell.interval for row in groups["train"].rows.values() for cell in row)


def test_the_majority_stands_in_the_heading_of_its_set_and_not_in_a_column():
    _, table = _table(RUN.results())

    assert "majority_accuracy" not in [row.name for row in table.columns]
    assert table.groups[0].contents.endswith("always “functional”: accuracy 58.3%")


def test_what_is_wrong_with_an_interval_names_the_models_unless_it_is_all_of_them():
    results = RUN.results()
    for model in results["models"]:
        for entry in model["sets"].values():
            entry["interval_notes"] = ["Only 10 images are 'defective'."]
    results["models"][0]["sets"]["test"]["interval_notes"].append("ROC AUC is perfect.")
    recorded = read_results(results)
    everybody = "On “test”: Only 10 images are 'defective'."

    assert interval_notes(recorded, "test") == [everybody, "On “test”, good: ROC AUC is perfect."]
    assert interval_notes(recorded, "test", general=True) == [everybody]
    assert interval_notes(recorded, "train") == []


def test_the_overview_has_the_tables_cells_and_bars_on_one_scale_a_metric():
    recorded, table = _table(RUN.results())
    found = overview(recorded, table)
    cells = {model_id: row[0] for model_id, row in found.rows.items()}

    assert (found.sets, [row.name for row in found.metrics]) == (("test",), ["roc_auc", "accuracy"])
    for model in recorded.done:
        entry = model.sets["test"]
        assert cells[model.id].cell.value == entry.metrics["roc_auc"]
        assert 0 < cells[model.id].bar.start < cells[model.id].bar.center < cells[model.id].bar.end < WIDTH
    better, worse = sorted(cells.values(), key=lambda one: -one.cell.value)
    assert better.bar.center > worse.bar.center


def test_many_test_sets_have_their_roc_auc_only():
    run = SyntheticRun(models={"one": 1.0}, sets={"test": (9, 9), "b": (9, 9), "c": (9, 0)}, seeds=(0,))
    recorded, table = _table(run.results())
    found = overview(recorded, table)

    assert [row.name for row in found.metrics] == ["roc_auc"]
    assert [one.bar is None for one in found.rows["one"]] == [False, False, True]


def test_without_results_there_is_no_overview():
    recorded, table = _table(SyntheticRun(models={}, failed={"broken": "no"}).results())

    assert overview(recorded, table) is None

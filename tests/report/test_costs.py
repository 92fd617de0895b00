from kbin.report.costs import parameter_table, time_table
from kbin.report.recorded import read_results
from kbin.report.wording import UNDEFINED
from tests.report.synthetic_runs import SyntheticRun


def _texts(row):
    return [cell.text for cell in row.cells]


def test_times_are_the_recorded_sums_with_their_total_and_the_mean_a_seed():
    table = time_table(read_results(SyntheticRun(models={"only": 1.0}).results()))

    assert table.columns[3:] == ("Features, s", "Training, s", "Evaluation, s", "Total, s", "Mean a seed, s")
    # 12.5 + 3.25 + 0.5 for two seeds; a quarter is rounded to even.
    assert _texts(table.rows[0])[3:] == ["12.5", "3.2", "0.5", "16.2", "8.1"]


def test_one_seed_needs_no_mean():
    table = time_table(read_results(SyntheticRun(models={"only": 1.0}, seeds=(0,)).results()))
    assert table.columns[-1] == "Total, s"
    assert len(table.rows[0].cells) == len(table.columns)


def test_accuracy_stands_beside_the_time_for_training_validation_and_test():
    run = SyntheticRun(models={"only": 1.0}, depths={"only": "all"})
    table = time_table(read_results(run.results()))
    sets = run.results()["models"][0]["sets"]

    assert table.columns[:3] == ("Accuracy on train", "Accuracy on validation", "Accuracy on test")
    assert table.rows[0].trained == "all"
    assert [cell.value for cell in table.rows[0].cells[:3]] == [
        sets[name]["metrics"]["accuracy"] for name in ("train", "validation", "test")
    ]


def test_a_stage_that_was_not_recorded_has_no_number():
    results = SyntheticRun(models={"only": 1.0}).results()
    results["models"][0]["seconds"] = {}
    assert _texts(time_table(read_results(results)).rows[0])[3:] == [UNDEFINED] * 5


def test_parameters_have_no_memory_where_none_is_recorded():
    table = parameter_table(read_results(SyntheticRun(failed={"broken": "no memory"}).results()))

    assert table.columns == ("Parameters", "Trainable", "Non-trainable")
    assert [row.model_id for row in table.rows] == ["good", "poor", "broken"]
    assert _texts(table.rows[0]) == ["12,345", "1,281", "11,064"]


def test_memory_is_shown_where_a_model_has_it():
    results = SyntheticRun().results()
    results["models"][0]["memory"] = {"input_mb": 0.5742, "activations_mb": 173.68, "weights_mb": 22.3}
    results["models"][1]["memory"] = None
    table = parameter_table(read_results(results))

    assert table.columns[3:] == ("Input, MB", "Activations, MB", "Weights, MB")
    assert _texts(table.rows[0])[3:] == ["0.57", "173.68", "22.30"]
    assert _texts(table.rows[1])[3:] == [UNDEFINED] * 3

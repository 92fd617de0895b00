from kbin.config.search import SearchConfig
from kbin.search.leaders import leader_lines
from kbin.search.plan import SearchPlan
from kbin.search.trials import TrialOutcome


def plan(score: str) -> SearchPlan:
    grid = {"training.learning_rate": [1e-4, 1e-3], "head.hidden_units": [[64, 32]]}
    search = SearchConfig(score=score, grid=grid)
    combinations = [{"training.learning_rate": rate, "head.hidden_units": [64, 32]} for rate in (1e-4, 1e-3)]
    return SearchPlan(search, combinations, [], ())


def outcome(**metrics: float) -> TrialOutcome:
    return TrialOutcome("id", metrics=metrics)


def test_the_best_so_far_comes_first_with_the_folds_that_are_finished():
    found = [[outcome(roc_auc=0.8), None], [outcome(roc_auc=0.9), outcome(roc_auc=0.8)]]
    assert leader_lines(plan("roc_auc"), found) == [
        "ROC AUC   folds  learning_rate  hidden_units",
        "  0.850  2 of 2          0.001         64+32",
        "  0.800  1 of 2         0.0001         64+32",
    ]


def test_of_a_loss_the_lowest_comes_first():
    found = [[outcome(log_loss=0.5)], [outcome(log_loss=0.7)]]
    assert [line.split()[0] for line in leader_lines(plan("log_loss"), found)[1:]] == ["0.500", "0.700"]


def test_what_met_fewer_folds_comes_after_what_met_more():
    found = [[outcome(roc_auc=0.99), None], [outcome(roc_auc=0.7), outcome(roc_auc=0.7)]]
    assert [line.split()[0] for line in leader_lines(plan("roc_auc"), found)[1:]] == ["0.700", "0.990"]


def test_nothing_is_shown_before_the_first_score():
    assert leader_lines(plan("roc_auc"), [[None], [TrialOutcome("id", "failed")]]) == []

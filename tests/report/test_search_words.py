import pytest

from kbin.report.plain_words import summary_sentences
from kbin.report.recorded import read_results
from kbin.report.search_words import caution, found_sentences, plan_sentences
from tests.report.searched_runs import EPOCHS, Searched, Tried, around, grid, one_setting
from tests.report.synthetic_runs import SyntheticRun

RUN = SyntheticRun(models={"only": 1.0}, sets={"train": (20, 12), "test": (14, 10)})


def _read(searched, run=RUN):
    return read_results(searched.into(run.results()))


def _plan(searched, run=RUN):
    results = _read(searched, run)
    return " ".join(plan_sentences(results, results.search))


def _found(searched):
    results = _read(searched)
    return " ".join(found_sentences(results.search, results.models[0].search))


def _caution(searched, run=RUN):
    results = _read(searched, run)
    return caution(results, results.search)


def test_what_was_compared_is_said_with_all_its_numbers():
    assert _plan(grid()) == (
        "16 combinations of learning_rate and epochs were compared, each trained and scored in 5 folds of the training "
        "set (32 images): 80 trials of each model. No other set took part. They are ranked by their mean accuracy over "
        "the folds, the highest first. The best one is chosen."
    )


def test_the_rule_of_one_standard_error_and_a_score_that_falls_are_said():
    text = _plan(one_setting(score="log_loss", lower_is_better=True, select="one_standard_error"))

    assert "3 values of learning_rate" in text
    assert "ranked by their mean log loss over the folds, the lowest first" in text
    assert "Chosen is the simplest one within one standard error of the best" in text


def test_repeats_are_said():
    searched = Searched([Tried({EPOCHS: n}, around(0.9) * 3) for n in (1, 2)], repeats=3)

    assert "in 5 folds, drawn 3 times, of the training set (32 images): 30 trials" in _plan(searched)
    assert "over 15 folds" in _found(searched)


def test_one_combination_is_cross_validated_and_nothing_is_compared():
    alone = Searched([Tried({}, around(0.9))])

    assert _plan(alone).startswith("The settings were cross-validated as they are, in 5 folds")
    assert _found(alone) == "Mean accuracy: 0.900 (standard deviation 0.006 over 5 folds)."
    assert _caution(alone) == ""


def test_the_choice_is_said_with_its_spread_and_what_cannot_be_told_from_it():
    assert _found(grid()) == (
        "Chosen: learning_rate 0.001, epochs 9, with a mean accuracy of 0.980 (standard deviation 0.006 over 5 folds). "
        "2 of 16 combinations, the best among them, are within one standard error of the best (0.003): differences "
        "this small say little."
    )


def test_another_choice_than_the_best_is_said_beside_it():
    assert "The best has 0.980: learning_rate 0.001, epochs 9." in _found(grid(chosen=11))


def test_a_best_that_stands_alone_is_said_to():
    searched = Searched([Tried({EPOCHS: n}, around(n / 10)) for n in (1, 5, 9)])

    assert "None of the other 2 is within one standard error of the best (0.003)." in _found(searched)


def test_of_two_the_other_one_is_named():
    searched = Searched([Tried({EPOCHS: n}, around(n / 10)) for n in (1, 5)])

    assert "The other one is not within one standard error of the best (0.003)." in _found(searched)


def test_equal_folds_are_no_proof():
    searched = Searched([Tried({EPOCHS: 1}, [1.0] * 5), Tried({EPOCHS: 2}, around(0.9))])

    assert "does not mean that the mean is exact" in _found(searched)


def test_combinations_that_were_left_out_are_counted():
    failed = Tried({EPOCHS: 3}, [None] * 5, ["RuntimeError: no"])
    searched = Searched([Tried({EPOCHS: 1}, around(0.9)), Tried({EPOCHS: 2}, around(0.5)), failed])

    assert "1 of 3 was left out because trials failed or the score is undefined." in _found(searched)


def test_nothing_chosen_is_said():
    searched = Searched([Tried({EPOCHS: n}, [None] * 5, ["RuntimeError: no"]) for n in (1, 2)])

    assert _found(searched).startswith("Nothing could be chosen: no combination has a mean accuracy. 2 of 2 were left")


@pytest.mark.parametrize(
    ("searched", "run", "end"),
    [
        (grid(), RUN, "What the chosen settings are worth, the test sets say, which took no part."),
        (grid(), SyntheticRun(sets={"train": (9, 9)}), "There is no test set here that could say how much."),
        (grid(refit=False), RUN, "(refit: false), so no test set says how much."),
    ],
)
def test_the_best_of_many_is_said_to_be_partly_luck_and_what_can_say_how_much(searched, run, end):
    text = _caution(searched, run)

    assert text.startswith("Of 16 means that all vary by chance, the largest one is partly luck")
    assert text.endswith(end)


def test_the_smallest_of_many_losses_is_partly_luck():
    assert "the smallest one is partly luck" in _caution(grid(score="log_loss", lower_is_better=True))


def test_the_summary_says_how_settings_were_chosen():
    assert (
        "Settings were chosen for each searched model among 16 combinations, by their mean accuracy over 5 folds of "
        "the training set."
    ) in summary_sentences(_read(grid()))


def test_the_summary_of_a_search_alone_says_what_it_found_and_of_no_failure():
    sentences = summary_sentences(_read(grid(refit=False)))

    assert sentences[0] == "Settings were searched, and nothing was trained with the chosen ones (refit: false)."
    assert sentences[-1].startswith("Chosen for only: learning_rate 0.001, epochs 9, with a mean accuracy of 0.980")
    assert not any("failed" in sentence for sentence in sentences)

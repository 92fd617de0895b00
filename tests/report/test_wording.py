import pytest

from kbin.report import wording
from kbin.report.recorded import read_results
from tests.report.synthetic_runs import SyntheticRun


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (4.84, "4.8 s"),
        (59.4, "59 s"),
        (59.7, "1 min 00 s"),
        (111.7, "1 min 52 s"),
        (7325, "2 h 02 min"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, text):
    assert wording.duration_text(seconds) == text


def test_a_moment_that_is_no_date_stays_as_it_is():
    assert wording.time_text("2026-01-02T03:04:05+02:00") == "2026-01-02 01:04 UTC"
    assert wording.time_text("yesterday") == "yesterday"


@pytest.mark.parametrize(
    ("value", "text"), [(None, wording.UNDEFINED), (0.0004, "< 0.001"), (0.0412, "0.041"), (1.0, "1.000")]
)
def test_p_values_are_written_as_people_write_them(value, text):
    assert wording.p_text(value) == text


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_end_in_and(items, text):
    assert wording.listed(items) == text


def test_counts_have_their_noun():
    assert wording.count_text(1, "image") == "1 image"
    assert wording.count_text(1_200, "image") == "1,200 images"


def test_means_of_counts_have_one_decimal_where_they_need_it():
    assert wording.number_text(1_234.0) == "1,234"
    assert wording.number_text(2 / 3) == "0.7"


@pytest.mark.parametrize(
    ("train_blocks", "text"),
    [
        (0, "none of the backbone (head only)"),
        (1, "the top 1 block of the backbone"),
        (2, "the top 2 blocks of the backbone"),
        ("all", "the whole backbone"),
        ("conv5_block2", "the backbone from conv5_block2 on"),
    ],
)
def test_what_was_trained_is_said_in_words(train_blocks, text):
    assert wording.train_blocks_text(train_blocks) == text


def test_a_mean_has_its_spread_beside_it_and_one_seed_has_none():
    several = read_results(SyntheticRun().results()).done[0].sets["test"]
    one = read_results(SyntheticRun(seeds=(0,)).results()).done[0].sets["test"]
    auc, spread = several.metrics["roc_auc"], several.spread["roc_auc"]

    assert wording.mean_text("roc_auc", several).split() == [f"{auc:.3f}", "±", f"{spread:.3f}"]
    assert wording.mean_text("roc_auc", one) == f"{one.metrics['roc_auc']:.3f}"
    assert wording.mean_share_text("roc_auc", several).split() == [f"{auc:.1%}", "±", f"{spread:.1%}"]


def test_a_small_lead_is_only_spoken_of_where_there_are_two_models():
    assert "small lead" in wording.spread_sentence(read_results(SyntheticRun().results()))
    assert "small lead" not in wording.spread_sentence(read_results(SyntheticRun(models={"one": 1.0}).results()))

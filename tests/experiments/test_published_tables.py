import pytest
from statsmodels.stats.proportion import proportion_confint

from experiments.published_tables import STUDIES, PublishedStudy, described, main, pair_sentence

STUDY_0, STUDY_2 = STUDIES[0], STUDIES[2]


def test_study_2_cannot_be_told_apart_whatever_the_number_of_images_on_which_its_models_differ():
    assert [STUDY_2.num_right(model) for model in STUDY_2.accuracies] == [1265, 1267]
    # The least is 2 images that only one of them has right: 2 / 4, half of it.
    sentence = pair_sentence(STUDY_2, "own CNN", "ResNet-18")
    assert sentence.startswith("own CNN and ResNet-18: McNemar's p from 0.25 to 0.8")
    assert sentence.endswith("they cannot be told apart, whatever the number of images on which they differ.")


def test_study_0_parts_all_its_models():
    pairs = [line for line in described(STUDY_0) if "McNemar" in line]
    assert len(pairs) == 3
    assert all(line.endswith("they differ, whatever the number of images on which they do.") for line in pairs)


def test_intervals_are_wilsons():
    low, high = proportion_confint(1524, 2000, method="wilson")
    (line,) = [line for line in described(STUDY_0) if "1,524 of 2,000" in line]
    assert line.endswith(f"1,524 of 2,000  95% interval {low:.4f} to {high:.4f}")


def test_what_may_go_either_way_is_said_so():
    study = PublishedStudy("x", 200, {"a": 0.9, "b": 0.95})
    assert pair_sentence(study, "a", "b").endswith("it depends on the number of images on which they differ.")


@pytest.mark.parametrize("study", [STUDIES[3], STUDIES[4]], ids=["3", "4"])
def test_a_number_of_images_that_is_taken_fits_all_published_accuracies(study):
    for model, accuracy in study.accuracies.items():
        assert round(study.num_right(model) / study.num_images, 4) == accuracy


def test_where_n_is_not_stated_it_says_so(capsys):
    main()
    out = capsys.readouterr().out
    assert out.count("n is not stated: the accuracies have no interval") == 1
    assert out.count("is taken") == 2
    assert all(study.title in out for study in STUDIES)
    with pytest.raises(ValueError, match=r"Study 1.*not stated"):
        STUDIES[1].num_right("ResNet-50")

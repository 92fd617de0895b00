import pytest

from kbin.data.set_names import set_name


@pytest.mark.parametrize("text", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_every_usual_name_of_the_validation_set_is_known(text):
    assert set_name(text) == "validation"


@pytest.mark.parametrize(
    ("text", "name"), [("Train", "train"), ("training", "train"), ("Test", "test"), ("TESTING", "test")]
)
def test_training_and_test_sets_are_known_in_any_case(text, name):
    assert set_name(text) == name


def test_a_name_of_ones_own_stays_as_it_is():
    assert set_name("Centre-B") == "Centre-B"

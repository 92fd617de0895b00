import pytest

from kbin.errors import KbinError, nearest_first, unknown_name


def test_known_names_come_nearest_first():
    assert nearest_first("epoch", ["seeds", "batch_size", "epochs"])[0] == "epochs"


def test_a_near_name_is_suggested_whatever_its_case():
    assert unknown_name("backbone", "resnet50", ["EfficientNetB0", "ResNet50"]) == (
        "unknown backbone 'resnet50'. Did you mean 'ResNet50'? Known: ResNet50, EfficientNetB0."
    )


def test_nothing_is_suggested_where_nothing_is_near():
    assert unknown_name("key", "zzz", ["epochs", "seeds"]) == "unknown key 'zzz'. Known: epochs, seeds."


@pytest.mark.parametrize(("number", "end"), [(20, "."), (21, " ... and 1 more."), (300, " ... and 280 more.")])
def test_of_many_known_names_the_20_nearest_are_listed(number, end):
    known = [f"zz{index:03}" for index in range(number - 1)]
    message = unknown_name("label", "cta", [*known, "cat"])
    # All others are equally unlike it, and stay in their order.
    assert message == f"unknown label 'cta'. Did you mean 'cat'? Known: {', '.join(['cat', *known[:19]])}{end}"


@pytest.mark.parametrize("kind", KbinError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_error_ends_in_an_exit_code_of_the_contract(kind):
    assert kind.exit_code in (1, 2)

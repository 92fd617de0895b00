from pathlib import Path

import pytest

from kbin.errors import ConfigError
from tests.experiment_texts import SMALLEST, Load, loader


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loader(tmp_path)


def message_of(load: Load, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value)


def test_an_unknown_key_is_refused_with_its_line_and_the_nearest(load, tmp_path):
    message = message_of(load, SMALLEST + "training:\n  # longer\n  epoch: 3\n")
    assert message.startswith(
        f"{tmp_path}/experiment.yaml: 1 fault\n"
        "  line 10: training.epoch: unknown key 'epoch'. Did you mean 'epochs'? Known: epochs, "
    )


def test_an_unknown_section_is_refused_with_the_nearest(load):
    message = message_of(load, SMALLEST + "trainin: {}\n")
    assert "line 8: trainin: unknown key 'trainin'. Did you mean 'training'? Known: training, " in message


def test_keys_of_a_list_item_and_of_a_named_section_are_known(load):
    assert "line 8: models.0.weight: unknown key 'weight'. Did you mean 'weights'?" in message_of(
        load, SMALLEST + "    weight: none\n"
    )
    text = SMALLEST.replace("models", "  test_sets:\n    b: {of: test, were: {}}\nmodels")
    assert "line 7: data.test_sets.b.were: unknown key 'were'. Did you mean 'where'?" in message_of(load, text)


def test_keys_inside_an_alternative_are_known(load):
    text = SMALLEST + "training:\n  early_stopping:\n    patence: 3\n"
    message = "line 10: training.early_stopping.patence: unknown key 'patence'. Did you mean 'patience'?"
    assert message in message_of(load, text)


def test_a_wrong_type_is_refused_with_what_is_expected_and_given(load):
    message = message_of(load, SMALLEST + "training:\n  epochs: three\n")
    assert message.endswith("1 fault\n  line 9: training.epochs: should be a whole number; got 'three'")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("training: 3", "line 8: training: should be a section with keys of its own; got 3"),
        ("training:", "line 8: training: should be a section with keys of its own; got nothing"),
        ("training: {seeds: [[0]]}", "line 8: training.seeds.0: should be a whole number; got [0]"),
        ("evaluation: {threshold: [1]}", "line 8: evaluation.threshold: should be a section with keys of its own"),
    ],
)
def test_a_wrong_kind_of_section_is_refused(load, line, expected):
    assert expected in message_of(load, SMALLEST + line)


def test_all_faults_are_in_one_message_by_line(load):
    text = "name: a b\ndata: {source: elpv}\nmodels:\n- backbone: ResNet5\n  weight: none\ntraining: {epochs: x}\n"
    first, *faults = message_of(load, text).splitlines()
    assert first.endswith("experiment.yaml: 4 faults")
    assert [fault.strip().split(" ")[:3] for fault in faults] == [
        ["line", "1:", "name:"],
        ["line", "4:", "models.0.backbone:"],
        ["line", "5:", "models.0.weight:"],
        ["line", "6:", "training.epochs:"],
    ]


def test_what_follows_from_another_fault_is_left_out(load):
    text = SMALLEST.replace("- backbone: EfficientNetLite0", "- backbone: ResNet5\n    train_blocks: 99")
    assert ": 1 fault\n" in message_of(load, text)


def test_a_key_that_looks_like_an_alternative_of_pydantic_is_shown_as_it_is_written(load):
    text = SMALLEST + "training:\n  class_weight:\n    'dict[': -1\n"
    assert "line 10: training.class_weight.dict[: should be greater than 0; got -1" in message_of(load, text)


def test_a_huge_value_is_shown_in_short(load):
    text = SMALLEST + f"training: {{epochs: {list(range(10_000))}}}"
    assert len(message_of(load, text)) < 400

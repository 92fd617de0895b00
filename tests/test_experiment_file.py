import math
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kbin.config.experiment import ExperimentConfig
from kbin.errors import ConfigError
from kbin.experiment_file import differing_settings, dump_experiment, load_experiment
from tests.experiment_texts import SMALLEST, Load, loader

EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").rglob("*.yaml"))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loader(tmp_path)


def message_of(load: Load, text: str | bytes, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, overrides)
    return str(caught.value)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.name)
def test_every_file_in_experiments_loads_and_opens_with_its_question_and_command(path):
    load_experiment(path)
    header = path.read_text(encoding="utf-8").split("\nname:")[0]
    assert header.startswith("# ")
    assert header.splitlines()[0].endswith("?")
    assert f"kbin run experiments/{path.name}" in header


def test_there_are_files_in_experiments():
    assert EXPERIMENTS


class TestFile:
    def test_a_byte_order_mark_is_passed_over(self, load):
        assert load(b"\xef\xbb\xbf" + SMALLEST.encode()).name == "cells"

    @pytest.mark.parametrize("content", [SMALLEST.encode("utf-16"), SMALLEST.encode() + b"# caf\xe9\n"])
    def test_what_is_not_utf_8_is_refused(self, load, content):
        assert re.search(
            "experiment.yaml cannot be read as UTF-8 text: .* can't decode byte", message_of(load, content)
        )

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "- name: a\n", "cells", "3", "null"])
    def test_what_is_no_mapping_is_refused(self, load, text):
        assert "an experiment is a mapping with the keys name, data, models; see `kbin schema`." in message_of(
            load, text
        )

    def test_a_missing_file_is_refused_with_those_that_are_there(self, tmp_path):
        (tmp_path / "cells.yaml").touch()
        expected = re.escape(
            f"no experiment file at {tmp_path}/cell.yaml. Experiment files there: {tmp_path}/cells.yaml."
        )
        with pytest.raises(ConfigError, match=expected):
            load_experiment(tmp_path / "cell.yaml")
        with pytest.raises(ConfigError, match=r"no experiment file at .*nowhere/cell\.yaml\.$"):
            load_experiment(tmp_path / "nowhere" / "cell.yaml")

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be read as UTF-8 text: .*Is a directory"):
            load_experiment(tmp_path)


class TestOverrides:
    def test_they_take_the_place_of_settings_and_add_sections(self, load):
        config = load(SMALLEST, ["models.0.weights=none", "training.epochs=3", "training.learning_rate=1e-4"])
        assert config.models[0].weights == "none"
        assert (config.training.epochs, config.training.learning_rate) == (3, 1e-4)

    def test_a_value_is_yaml_and_may_hold_an_equals_sign(self, load):
        assert load(SMALLEST, ["models.0.head.hidden_units=[8, 4]"]).models[0].head.hidden_units == (8, 4)
        assert load(SMALLEST, ["training={epochs: 4}"]).training.epochs == 4
        config = load(SMALLEST, ["data.where={cell: a=b}"])
        assert config.data.where == {"cell": ("a=b",)}

    def test_the_last_of_two_holds(self, load):
        assert load(SMALLEST, ["training.epochs=3", "training.epochs=4"]).training.epochs == 4

    def test_an_empty_section_is_filled(self, load):
        assert load(SMALLEST + "training:\n", ["training.epochs=3"]).training.epochs == 3

    @pytest.mark.parametrize("override", ["epochs", "=3", "=", "training..epochs=3", ".=3", "a." * 31 + "b=1"])
    def test_a_wrong_form_is_refused_with_the_right_one(self, load, override):
        message = f"--set {override}: write it as key.subkey=value, for example training.epochs=3"
        assert message_of(load, SMALLEST, (override,)) == message

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("models.1.weights=none", "there is no '1' in a list of 1, counted from 0"),
            ("models.-1.weights=none", "there is no '-1' in a list of 1, counted from 0"),
            ("models.first.weights=none", "there is no 'first' in a list of 1, counted from 0"),
            ("name.x=3", "'x' is inside a value, not a section"),
            ("training.epochs=[1", "line 1: not valid YAML: expected ',' or ']'"),
            ("training.epochs=!!python/name:os.system", "the tag !!python/name:os.system is not allowed"),
        ],
    )
    def test_one_that_cannot_be_applied_is_refused_by_name(self, load, override, message):
        full = message_of(load, SMALLEST, (override,))
        assert full.startswith(f"--set {override}: ")
        assert message in full

    def test_a_fault_in_one_names_it_in_place_of_a_line(self, load):
        text = SMALLEST + "training: {epochs: 3, batch_size: 0}"
        faults = message_of(load, text, ("training.epochs=three", "models.0.weight=none")).splitlines()[1:]
        assert [fault.strip().split(";")[0].split("?")[0] for fault in faults] == [
            "--set models.0.weight: models.0.weight: unknown key 'weight'. Did you mean 'weights'",
            "line 8: training.batch_size: should be greater than or equal to 1",
            "--set training.epochs: training.epochs: should be a whole number",
        ]


class TestDump:
    def test_the_resolved_settings_load_again_as_the_same(self, load):
        text = SMALLEST.replace("models", "  test_sets: {poly: {of: test, where: {cell: poly}}}\nmodels")
        text += "    train_blocks: [0, 1]\ntraining: {learning_rate: 1e-5, early_stopping: 2, class_weight: {off: 3}}\n"
        text += "evaluation: {threshold: 0.25}\n"
        config = load(text)
        assert load(dump_experiment(config)) == config

    def test_defaults_and_absolute_paths_are_written_in_the_order_of_the_sections(self, load, tmp_path):
        text = dump_experiment(load(SMALLEST.replace("source: elpv", "source: folder\n  path: images")))
        plain = YAML(typ="safe", pure=True).load(text)
        assert list(plain)[:3] == ["name", "data", "models"]
        assert plain["data"]["path"] == str(tmp_path / "images")
        assert plain["training"]["epochs"] == 10
        assert plain["models"][0]["id"] == "EfficientNetLite0-fixed"


class TestDifferences:
    def test_they_are_named_with_both_values(self):
        old = "training: {epochs: 10, seeds: [0, 1]}\nmodels: [{id: a}]\n"
        new = "training: {epochs: 3, seeds: [0]}\nmodels: [{id: a}, {id: b}]\n"
        assert differing_settings(old, new) == [
            "training.epochs: 10 there, 3 here",
            "training.seeds: [0, 1] there, [0] here",
            "models.1.id: nothing there, b here",
        ]

    def test_there_are_none_between_the_same_settings_in_another_order(self):
        assert differing_settings("a: 1\nb: {c: 2}", "b: {c: 2}\na: 1") == []


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
SECTIONS = ["name", "data", "models", "training", "augment", "engine", "evaluation", "audit"]
MODEL_KEYS = ["backbone", "id", "weights", "train_blocks", "train_from", "head"]
DATA_KEYS = ["source", "path", "classes", "positive", "split", "test_sets", "where"]
TRAINING_KEYS = ["seeds", "epochs", "learning_rate", "early_stopping", "class_weight"]
KEYS = st.sampled_from([*SECTIONS, *MODEL_KEYS, *DATA_KEYS, *TRAINING_KEYS, "threshold", "layer"])
VALUES = st.sampled_from(
    ["elpv", "folder", "EfficientNetLite0", "ResNet50", "none", "all", "balanced", "~", "a/b", "x.pth", "RandomFlip"]
)
TREES = st.recursive(
    SCALARS | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
QUIET = settings(
    max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def loads_or_refuses(load: Load, text: str | bytes) -> None:
    """Anything else that is raised fails the test."""
    try:
        config = load(text)
    except ConfigError:
        return
    assert isinstance(config, ExperimentConfig)
    assert load(dump_experiment(config)) == config


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
POSITIVE = st.floats(min_value=1e-300, max_value=1e300)
RIGHT_TRAINING = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": st.sampled_from(["adamw", "adam", "sgd"]),
        "learning_rate": POSITIVE,
        "weight_decay": POSITIVE | st.just(0),
        "epochs": st.integers(1, 10**9),
        "class_weight": st.just("balanced") | st.dictionaries(WORDS, POSITIVE, max_size=3),
        "seeds": st.integers(0, 2**32 - 1) | st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3, unique=True),
        "early_stopping": st.none() | st.integers(1, 99),
    },
)
RIGHT_DATA = st.fixed_dictionaries(
    {"source": st.just("csv"), "path": WORDS.filter(lambda text: "~" not in text)},
    optional={
        "classes": st.lists(WORDS, min_size=3, max_size=4, unique=True),
        "where": st.dictionaries(WORDS, WORDS | st.lists(WORDS, max_size=3), max_size=2),
        "columns": st.dictionaries(WORDS, WORDS, max_size=2),
        "image_size": st.integers(32, 2048),
    },
)


class TestAnything:
    @QUIET
    @given(text=st.text(alphabet=string.printable + "é\u2028\ufeff", max_size=80) | st.text(max_size=40))
    @example(text="%YAML 1.1\n---\nname: off")
    @example(text="%YAML 9.9\n---\nname: a")
    @example(text="%TAG ! tag:yaml.org,2002:python/\n---\n!name:os.system x")
    @example(text="&a : *a")
    @example(text="a: =")
    def test_any_text_is_an_experiment_or_refused(self, load, text):
        loads_or_refuses(load, text.encode("utf-8", "surrogatepass"))

    @QUIET
    @given(content=st.binary(max_size=60))
    def test_any_bytes_are_an_experiment_or_refused(self, load, content):
        loads_or_refuses(load, content)

    @QUIET
    @given(tree=st.dictionaries(KEYS, TREES, max_size=5))
    def test_any_tree_of_values_is_an_experiment_or_refused(self, load, tree):
        loads_or_refuses(load, as_flow_yaml(tree))

    @QUIET
    @given(data=RIGHT_DATA, training=RIGHT_TRAINING)
    def test_any_right_settings_load_and_their_dump_loads_as_the_same(self, load, data, training):
        models = [{"backbone": "ResNet50", "weights": "none"}]
        config = load(as_flow_yaml({"name": "cells", "data": data, "models": models, "training": training}))
        assert load(dump_experiment(config)) == config
        for key in ("optimizer", "learning_rate", "weight_decay", "epochs"):
            if key in training:
                assert getattr(config.training, key) == training[key]
        assert config.data.classes == (tuple(data["classes"]) if "classes" in data else None)

    @QUIET
    @given(section=KEYS, tree=TREES)
    def test_any_section_of_a_right_experiment_is_an_experiment_or_refused(self, load, section, tree):
        kept = {
            "name": "cells",
            "data": {"source": "elpv", "classes": ["functional", "defective"], "positive": "defective"},
            "models": [{"backbone": "EfficientNetLite0"}],
        }
        for changed in (
            kept | {section: tree},
            kept | {"data": {**kept["data"], section: tree}},
            kept | {"models": [{**kept["models"][0], section: tree}]},
            kept | {"training": {section: tree}},
        ):
            loads_or_refuses(load, as_flow_yaml(changed))


def as_flow_yaml(value: Any) -> str:
    """Returns YAML in one line; texts are quoted, with the characters that YAML must escape as numbers."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_flow_yaml(key)}: {as_flow_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_flow_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" if not letter.isalnum() else letter for letter in value) + '"'
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)

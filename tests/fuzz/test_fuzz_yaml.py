"""Any document is a valid configuration, or one ConfigError that names the file and the key."""

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbin.config.experiment import ExperimentConfig
from kbin.errors import ConfigError
from kbin.experiment_file import dump_experiment, load_experiment
from kbin.yaml_text import read_yaml
from tests.fuzz.forms import damaged, forms, fuzz, places_in, scalars, values, with_value

EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))
SOUND = [path.read_text(encoding="utf-8") for path in EXPERIMENTS]
SETTINGS = [read_yaml(text, "sound").value for text in SOUND]

# Letters that mean something in YAML, more often than others.
SOUP = st.text(
    st.sampled_from("-:[]{}#&*!|>'\"%@`,?<=~ \n\t\r\0\x85\u2028\ufeffa1.e_é😀") | st.characters(), max_size=80
)


def _names(schema: Any) -> Iterable[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for one in inner:
        yield from _names(one)


KEYS = sorted(set(_names(ExperimentConfig.model_json_schema())))


def check_message(message: str, path: Path) -> None:
    assert str(path) in message or "--set" in message


def read(folder: Path, text: str | bytes, overrides: tuple[str, ...] = ()) -> str | None:
    """Returns the message with which a text is refused; None where it is an experiment, whose settings come back."""
    path = folder / "experiment.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        config = load_experiment(path, overrides)
    except ConfigError as error:
        check_message(str(error), path)
        return str(error)
    resolved = dump_experiment(config)
    path.write_text(resolved, encoding="utf-8")
    assert dump_experiment(load_experiment(path)) == resolved
    return None


@forms(short=60, long=1_500)
def test_soup_of_letters(tmp_path, cases):
    @fuzz(cases)
    @given(text=SOUP | st.binary(max_size=60))
    def check(text):
        assert read(tmp_path, text) is not None

    check()


@forms(short=40, long=1_000)
def test_sound_experiments_with_damaged_letters(tmp_path, cases):
    @fuzz(cases)
    @given(text=st.sampled_from(SOUND).flatmap(lambda text: damaged(text.encode())))
    def check(text):
        read(tmp_path, text)

    check()


@forms(short=60, long=1_500)
def test_sound_experiments_with_one_odd_value_are_refused_by_its_key(tmp_path, cases):
    @fuzz(cases)
    @given(data=st.data())
    def check(data):
        settings = data.draw(st.sampled_from(SETTINGS))
        place = data.draw(st.sampled_from(places_in(settings)[1:]))
        message = read(tmp_path, json.dumps(with_value(settings, place, data.draw(values()))))
        # A letter that no text may have is named by its line.
        assert message is None or "is not allowed in text" in message or any(str(part) in message for part in place)

    check()


@forms(short=40, long=1_000)
def test_documents_of_known_keys_and_odd_values(tmp_path, cases):
    keys = st.sampled_from(KEYS) | st.text(max_size=5)
    tree = st.recursive(
        scalars(), lambda inner: st.dictionaries(keys, inner, max_size=5) | st.lists(inner, max_size=3), max_leaves=25
    )

    @fuzz(cases)
    @given(document=st.dictionaries(keys, tree, max_size=8))
    def check(document):
        settings = {"name": "x", "data": {"source": "elpv"}, "models": [{"backbone": "SmallCNN"}]} | document
        read(tmp_path, json.dumps(settings))

    check()


@forms(short=40, long=1_000)
def test_settings_of_the_command_line(tmp_path, cases):
    names = st.lists(st.sampled_from([*KEYS, "0", "1", "-1", "²", ""]) | st.text(max_size=4), min_size=1, max_size=4)
    overrides = st.builds(lambda keys, value: f"{'.'.join(keys)}={value}", names, SOUP) | st.text(max_size=12)

    @fuzz(cases)
    @given(text=st.sampled_from(SOUND), some=st.lists(overrides, min_size=1, max_size=3))
    def check(text, some):
        read(tmp_path, text, tuple(some))

    check()


def test_the_sound_experiments_are_read(tmp_path):
    """Otherwise every case above would be refused for another reason."""
    assert len(SOUND) >= 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [read(tmp_path, text) for text in SOUND] == [None] * len(SOUND)
    with pytest.raises(AssertionError):
        assert read(tmp_path, "name: [") is None

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


def test_1e_4_is_a_number_and_off_is_text(load):
    config = load(SMALLEST.replace("name: cells", "name: off") + "training: {learning_rate: 1e-4}")
    assert config.name == "off"
    assert config.training.learning_rate == 0.0001


@pytest.mark.parametrize("text", ["no", "yes", "on", "2020-01-01", "2020-13-41"])
def test_yes_no_and_dates_are_text(load, text):
    assert load(SMALLEST.replace("name: cells", f"name: {text}")).name == text


def test_a_key_is_text_as_it_is_written(load):
    text = SMALLEST.replace("models", "  where: {1e1: a, off: b, 007: c}\nmodels")
    assert list(load(text).data.where) == ["1e1", "off", "007"]


def test_leading_zeros_do_not_make_a_number_octal(load):
    assert load(SMALLEST + "training: {epochs: 010}").training.epochs == 10


def test_duplicate_keys_are_refused_with_both_lines(load, tmp_path):
    message = message_of(load, SMALLEST + "name: other\n")
    assert message == f"{tmp_path}/experiment.yaml: line 8: duplicate key 'name', first on line 1"
    assert "line 9: duplicate key '5', first on line 8" in message_of(load, SMALLEST + "5: a\n'5': b\n")


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/object/apply:os.mkdir [pwned]",
        "!!python/object/new:os.mkdir [pwned]",
        "!!python/name:os.system",
        "!!python/object:os.mkdir {a: b}",
        "!!binary aGVsbG8=",
        "!!set {a}",
        "!mine x",
    ],
)
def test_a_tag_is_refused_and_nothing_is_executed(load, tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    tag = value.split(" ")[0]
    message = message_of(load, SMALLEST + f"training: {value}\n")
    assert f"line 8: the tag {tag} is not allowed: settings are plain values" in message
    assert not (tmp_path / "pwned").exists()


def test_the_largest_number_of_64_bits_is_read(load):
    assert load(SMALLEST.replace("name: cells", "name: 0xffffffffffffffff")).name == "18446744073709551615"


def test_a_text_that_claims_to_be_a_number_is_refused(load):
    assert "line 8: 'abc' cannot be read as int" in message_of(load, SMALLEST + "training: !!int abc")


@pytest.mark.parametrize("text", ["training: &x {epochs: *x}", "training: &x [*x]", "training: &x\n  <<: *x"])
def test_an_alias_that_refers_to_itself_is_refused(load, text):
    assert "line 8: refers to itself" in message_of(load, SMALLEST + text)


def test_an_alias_repeats_a_section_and_a_change_of_one_leaves_the_other(load):
    text = SMALLEST + "    head: &head {dropout: 0.5}\n  - backbone: ResNet50\n    head: *head\n"
    assert [model.head.dropout for model in load(text).models] == [0.5, 0.5]
    changed = load(text, ["models.1.head.dropout=0.1"])
    assert [model.head.dropout for model in changed.models] == [0.5, 0.1]


def test_a_merge_key_brings_in_a_section_whose_keys_may_be_replaced(load):
    text = SMALLEST + "    head: &head {dropout: 0.5, standardize: true}\n"
    text += "  - backbone: ResNet50\n    head: {<<: *head, dropout: 0.1}\n"
    second = load(text).models[1].head
    assert (second.dropout, second.standardize) == (0.1, True)


def test_aliases_that_multiply_are_refused_at_once(load):
    levels = "".join(f"  l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 20))
    assert "unknown key" in message_of(load, SMALLEST + "bomb:\n  l0: &l0 [x]\n" + levels)
    refused = SMALLEST + "training:\n  l0: &l0 [x]\n" + levels + "  seeds: *l19\n"
    assert "training.seeds.0: should be a whole number" in message_of(load, refused)


@pytest.mark.parametrize("depth", [31, 500])
def test_deep_nesting_is_refused(load, depth):
    assert "nested more than 30 levels deep" in message_of(load, f"a: {'[' * depth}{']' * depth}")
    assert "nested more than 30 levels deep" in message_of(load, "".join(f"{' ' * i}a:\n" for i in range(depth)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [a", "line 1: not valid YAML: expected ',' or ']'"),
        ("name: a\n\tdata: b", "line 2: not valid YAML: "),
        ("name: *nowhere", "line 1: not valid YAML: found undefined alias 'nowhere'"),
        ("name: a\n---\nname: b", "line 2: not valid YAML: but found another document"),
        ("name: a\0b", "not valid YAML: unacceptable character #x0000"),
        ('name: "\\ud800"', r"line 1: the character '\ud800' is not allowed in text"),
        ('name: "a\\x1b[2Jb"', r"line 1: the character '\x1b' is not allowed in text"),
        ("? [a, b]\n: c", "line 1: a key must be text"),
        (f"name: {'9' * 5000}", f"line 1: '{'9' * 40}' cannot be read as int"),
        (f"name: 0x{'f' * 6000}", f"line 1: '0x{'f' * 38}' is too large: a number has at most 64 bits"),
        (f"name: 0o{'7' * 6000}", "line 1: '0o7777"),
        (f"name: {2**64}", f"line 1: '{2**64}' is too large"),
        (f"a: {{b: [{2**64}]}}", "a number has at most 64 bits, at 'a.b'"),
        ("training:\n  <<: 3", "line 2: `<<` takes a section, or a list of sections"),
    ],
)
def test_what_is_no_yaml_of_settings_is_refused_with_its_line(load, text, message):
    assert message in message_of(load, text)

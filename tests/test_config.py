import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from kbin.errors import ConfigError
from kbin.experiment_file import dump_experiment
from tests.experiment_texts import SMALLEST, Load, loader


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loader(tmp_path)


def data(**settings: str) -> str:
    """The smallest experiment with other settings of its data; None takes one out."""
    kept = {"source": "elpv", "classes": "[functional, defective]", "positive": "defective"} | settings
    lines = [f"  {key}: {value}" for key, value in kept.items() if value is not None]
    return "\n".join(["name: cells", "data:", *lines, "models:", "  - backbone: EfficientNetLite0", ""])


def model(**settings: str) -> str:
    """The smallest experiment with further settings of its model."""
    return SMALLEST + "".join(f"    {key}: {value}\n" for key, value in settings.items())


def of(backbone: str, **settings: str) -> str:
    """The same with another backbone."""
    return model(**settings).replace("EfficientNetLite0", backbone)


def refuses(load: Load, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(text)


def test_every_section_but_name_data_and_models_has_defaults(load):
    config = load()
    assert (config.training.epochs, config.training.batch_size, config.training.optimizer) == (10, 32, "adamw")
    assert config.training.seeds == (0, 1, 2)
    assert (config.data.image_size, config.data.resize) == (224, "stretch")
    assert (config.data.split.test, config.data.split.validation) == (0.25, 0.15)
    assert config.evaluation.threshold.criterion == "youden"
    assert config.models[0].weights == "packaged"


@pytest.mark.parametrize("key", ["name", "data", "models"])
def test_name_data_and_models_are_required(load, key):
    sections = {"name": "name: cells\n", "data": SMALLEST.split("\n", 1)[1].split("models")[0], "models": "models: []"}
    text = "".join(section for name, section in sections.items() if name != key)
    refuses(load, text, f"  {key}: this key is required")


def test_settings_do_not_change_after_reading(load):
    config = load()
    with pytest.raises(ValidationError, match="frozen"):
        config.training.epochs = 3


def rate(config) -> float:
    model = config.models[0]
    return model.training_of(model.steps[-1], config.training).learning_rate


class TestLearningRate:
    def test_it_is_1e_3_on_a_fixed_backbone(self, load):
        config = load()
        assert rate(config) == 1e-3

    @pytest.mark.parametrize("depth", [{"train_blocks": "1"}, {"train_blocks": "all"}, {"train_from": "block7"}])
    def test_it_is_1e_4_where_blocks_train(self, load, depth):
        config = load(model(**depth))
        assert rate(config) == 1e-4

    @pytest.mark.parametrize("blocks", ["0", "1"])
    def test_a_given_one_holds_for_every_depth(self, load, blocks):
        config = load(model(train_blocks=blocks) + "training: {learning_rate: 1e-2}\n")
        assert rate(config) == 0.01


class TestStages:
    def test_each_has_settings_of_its_own_over_those_of_the_model_and_of_training(self, load):
        config = load(
            model(
                training="{batch_size: 16, learning_rate: 1e-2}",
                stages="[{train_blocks: 0, epochs: 2}, {train_from: block7, epochs: 4, learning_rate: 1e-5}]",
            )
            + "training: {batch_size: 8, epochs: 9, weight_decay: 0.5}\n"
        )
        (one,) = config.models
        settings = [one.training_of(stage, config.training) for stage in one.steps]
        assert [(s.epochs, s.batch_size, s.learning_rate, s.weight_decay) for s in settings] == [
            (2, 16, 1e-2, 0.5),
            (4, 16, 1e-5, 0.5),
        ]
        assert (one.id, one.trained_part) == ("EfficientNetLite0-gradual", "block7")

    def test_the_default_rate_of_each_is_that_of_what_it_trains(self, load):
        config = load(model(stages="[{train_blocks: 0}, {train_blocks: 1}]"))
        (one,) = config.models
        assert [one.training_of(stage, config.training).learning_rate for stage in one.steps] == [1e-3, 1e-4]

    def test_exclude_a_depth_of_the_model(self, load):
        text = model(train_blocks="1", stages="[{train_blocks: 0}]")
        refuses(load, text, "line 7: models.0: give `train_blocks` or `stages`, not both")

    def test_unknown_blocks_and_depths_are_refused(self, load):
        refuses(load, model(stages="[{train_from: block9}]"), "unknown block of EfficientNetLite0 'block9'")
        refuses(load, model(stages="[{train_blocks: 99}]"), "has 9 blocks")

    def test_quick_takes_one_epoch_of_each_and_no_warm_up(self, load):
        text = model(stages="[{train_blocks: 0, epochs: 5}, {train_blocks: 1, epochs: 5, warmup_epochs: 2}]")
        config = load(text + "training: {warmup_epochs: 3}\n").quick()
        (one,) = config.models
        settings = [one.training_of(stage, config.training) for stage in one.steps]
        assert [(s.epochs, s.warmup_epochs) for s in settings] == [(1, 0), (1, 0)]


class TestOwnSettings:
    TRAINING = "training: {early_stopping: 3, class_weight: balanced, learning_rate: 1e-2, epochs: 7}\n"

    def test_null_switches_off_what_can_be_off_and_changes_nothing_else(self, load):
        own = "{early_stopping: null, class_weight: null, learning_rate: null, epochs: null}"
        config = load(model(training=own) + self.TRAINING)
        (one,) = config.models
        settings = one.training_of(one.steps[0], config.training)
        assert (settings.early_stopping, settings.class_weight) == (None, None)
        assert (settings.learning_rate, settings.epochs) == (1e-3, 7)

    def test_what_was_not_given_is_as_in_training_also_when_the_resolved_settings_are_read_again(self, load):
        resolved = dump_experiment(load(model(training="{epochs: 2}") + self.TRAINING))
        config = load(resolved)
        (one,) = config.models
        settings = one.training_of(one.steps[0], config.training)
        assert (settings.early_stopping.patience, settings.class_weight, settings.epochs) == (3, "balanced", 2)
        assert dump_experiment(config) == resolved


class TestImageSize:
    def test_one_that_a_backbone_cannot_take_is_refused_with_the_setting_to_change(self, load):
        text = of("SwinTiny").replace("data:\n", "data:\n  image_size: 256\n")
        refuses(load, text, "SwinTiny takes multiples of 224 pixels only. Set `data.image_size`.")


class TestModels:
    def test_a_list_of_depths_is_one_model_each_with_an_id(self, load):
        config = load(model(train_blocks="[0, 1, 2, all]"))
        assert [(one.id, one.trained_part) for one in config.models] == [
            ("EfficientNetLite0-fixed", 0),
            ("EfficientNetLite0-1-block", 1),
            ("EfficientNetLite0-2-blocks", 2),
            ("EfficientNetLite0-all", "all"),
        ]

    def test_an_id_of_ones_own_is_kept_and_is_the_stem_of_several(self, load):
        assert [one.id for one in load(model(id="mine")).models] == ["mine"]
        assert [one.id for one in load(model(id="mine", train_blocks="[0, 1]")).models] == [
            "mine-fixed",
            "mine-1-block",
        ]

    def test_a_cut_point_is_part_of_the_default_id(self, load):
        assert load(model(train_from="block6b")).models[0].id == "EfficientNetLite0-from-block6b"

    def test_two_models_with_one_id_are_refused(self, load):
        message = "line 6: models: two models have the id EfficientNetLite0-fixed: give each an `id` of its own"
        refuses(load, SMALLEST + "  - backbone: EfficientNetLite0\n", message)

    def test_no_models_are_refused(self, load):
        refuses(load, SMALLEST.split("models")[0] + "models: []", "line 6: models: should be a list of at least 1")

    def test_an_unknown_backbone_is_refused_with_the_nearest(self, load):
        refuses(
            load,
            SMALLEST.replace("EfficientNetLite0", "EfficentNetLite0"),
            "line 7: models.0.backbone: unknown backbone 'EfficentNetLite0'. Did you mean 'EfficientNetLite0'?",
        )

    def test_an_unknown_block_is_refused_with_the_nearest(self, load):
        message = "line 8: models.0.train_from: unknown block of EfficientNetLite0 'blok7'. Did you mean 'block7'?"
        refuses(load, model(train_from="blok7"), message)

    @pytest.mark.parametrize("depth", ["10", "[0, 10]"])
    def test_more_blocks_than_there_are_are_refused(self, load, depth):
        message = "line 8: models.0.train_blocks: train_blocks is 10, but EfficientNetLite0 has 9 blocks"
        refuses(load, model(train_blocks=depth), message)

    @pytest.mark.parametrize(
        ("depth", "shown"), [("-1", "-1"), ("most", "'most'"), ("true", "True"), ("1.0", "1.0"), ("[[0]]", "[0]")]
    )
    def test_what_is_no_depth_is_refused(self, load, depth, shown):
        message = f"line 8: models.0.train_blocks: got {shown}; allowed: a number of blocks from 0, 'all', or a list"
        refuses(load, model(train_blocks=depth), message)

    def test_an_empty_list_of_depths_is_refused(self, load):
        refuses(load, model(train_blocks="[]"), "an empty list of depths: give at least one")

    @pytest.mark.parametrize(
        ("depth", "trained"), [({}, "all"), ({"train_blocks": "0"}, 0), ({"train_blocks": "1"}, 1)]
    )
    def test_a_backbone_without_pretrained_weights_is_trained_whole_by_default(self, load, depth, trained):
        (one,) = load(of("SmallCNN", **depth)).models
        assert one.trained_part == trained

    def test_a_depth_that_is_given_twice_is_refused(self, load):
        refuses(load, model(train_blocks="[0, 1, 0]"), "a depth is given twice: 0, 1, 0")

    def test_train_blocks_and_train_from_exclude_each_other(self, load):
        text = model(train_blocks="1", train_from="block7")
        refuses(load, text, "line 7: models.0: give `train_blocks` or `train_from`, not both")


class TestWeights:
    def test_the_default_is_the_backbones_own(self, load):
        assert load(SMALLEST.replace("EfficientNetLite0", "ResNet50")).models[0].weights == "imagenet"

    def test_a_kind_that_the_backbone_lacks_is_refused(self, load):
        message = (
            "line 8: models.0.weights: `weights: imagenet` is not to be had for EfficientNetLite0; "
            "allowed: packaged, none, a file (.pth, .pt, .safetensors, .h5, .weights.h5)"
        )
        refuses(load, model(weights="imagenet"), message)

    def test_a_file_is_relative_to_the_experiment(self, load, tmp_path):
        (tmp_path / "mine.pth").touch()
        assert load(model(weights="./mine.pth")).models[0].weights == str(tmp_path / "mine.pth")

    def test_a_missing_file_is_refused(self, load, tmp_path):
        refuses(load, model(weights="mine.pth"), f"line 8: models.0.weights: no weights file at {tmp_path}/mine.pth")
        refuses(load, model(weights="a" * 5000 + ".pth"), "line 8: models.0.weights: no weights file at")

    def test_a_kind_of_file_that_the_backbone_cannot_read_is_refused(self, load, tmp_path):
        (tmp_path / "mine.pth").touch()
        text = model(weights="mine.pth").replace("EfficientNetLite0", "ResNet50")
        refuses(load, text, "ResNet50 reads weights from .h5, .weights.h5 files, not from 'mine.pth'")


class TestData:
    def test_a_missing_positive_class_is_asked_for(self, load):
        message = "data: `positive` is missing: which of functional, defective is the positive class?"
        refuses(load, data(positive=None), message)

    def test_a_positive_class_that_is_no_class_is_refused_with_the_nearest(self, load):
        message = "line 5: data.positive: unknown class 'defectve'. Did you mean 'defective'?"
        refuses(load, data(positive="defectve"), message)

    def test_more_than_two_classes_have_no_positive_one(self, load):
        message = "line 5: data.positive: `positive` belongs to two classes; here are 3: leave it out"
        refuses(load, data(classes="[a, b, defective]"), message)
        assert load(data(classes="[a, b, c]", positive=None)).data.positive is None

    def test_one_class_only_is_refused(self, load):
        message = "line 4: data.classes: should be a list of at least 2; got ['defective']"
        refuses(load, data(classes="[defective]"), message)

    def test_a_class_named_twice_is_refused(self, load):
        refuses(load, data(classes="[a, a]", positive="a"), "line 4: data.classes: a class is named twice: a, a")

    def test_numbers_are_class_names(self, load):
        assert load(data(classes="[0, 1]", positive="1")).data.classes == ("0", "1")

    def test_true_and_false_are_no_class_names_without_quotes(self, load):
        refuses(
            load, data(classes="[true, b]"), "line 4: data.classes.0: should be text; got true (quotes make it text)"
        )
        assert load(data(classes="['true', 'false']", positive="'true'")).data.positive == "true"

    @pytest.mark.parametrize("source", ["folder", "csv", "npz"])
    def test_files_need_a_path(self, load, source):
        refuses(load, data(source=source), f"line 2: data: source '{source}' needs a `path`")

    def test_a_path_is_relative_to_the_experiment(self, load, tmp_path):
        assert load(data(source="folder", path="../cells")).data.path == tmp_path.parent / "cells"

    def test_a_path_that_is_none_is_refused(self, load):
        refuses(
            load, data(source="folder", path="~nobody-here/x"), "line 6: data.path: '~nobody-here/x' is not a path:"
        )

    def test_elpv_takes_no_path(self, load):
        message = "source 'elpv' comes from the package elpv-dataset and takes no `path`"
        refuses(load, data(path="x"), message)

    def test_columns_belong_to_csv(self, load):
        refuses(load, data(columns="{path: file}"), "`columns` belongs to source 'csv'")

    def test_an_unknown_source_is_refused_with_the_known_ones(self, load):
        message = "line 3: data.source: should be 'folder', 'csv', 'npz', 'elpv' or 'cifar10'; got 'foldr'"
        refuses(load, data(source="foldr"), message)

    @pytest.mark.parametrize(
        ("size", "bound"), [("31", "greater than or equal to 32"), ("2049", "less than or equal to")]
    )
    def test_the_image_size_has_bounds(self, load, size, bound):
        refuses(load, data(image_size=size), f"line 6: data.image_size: should be {bound}")

    def test_one_value_of_where_is_a_list_of_one(self, load):
        sets = load(data(test_sets="{poly: {of: test, where: {cell: poly}}}")).data.test_sets
        assert sets["poly"].where == {"cell": ("poly",)}

    def test_a_named_set_is_a_part_or_data_of_its_own(self, load):
        message = "data.test_sets.b: give either `of` (a part of another set) or `source` (data of its own)"
        refuses(load, data(test_sets="{b: {of: test, source: elpv, where: {cell: poly}}}"), message)
        refuses(load, data(test_sets="{b: {where: {cell: poly}}}"), message)

    def test_a_part_is_chosen_by_where(self, load):
        refuses(load, data(test_sets="{b: {of: test}}"), "a part of 'test' is chosen by `where: {column: value}` alone")

    def test_a_named_set_takes_no_name_that_every_experiment_has(self, load):
        message = "line 6: data.test_sets: 'test' is a set that every experiment has: give the new set another name"
        refuses(load, data(test_sets="{test: {of: train, where: {cell: poly}}}"), message)


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "a b", "''", "a" * 101])
def test_a_name_that_is_no_folder_name_is_refused(load, name):
    refuses(load, SMALLEST.replace("cells", name), "becomes a folder's name: use at most 100 letters, digits")


class TestTraining:
    def test_one_seed_is_a_list_of_one(self, load):
        assert load(SMALLEST + "training: {seeds: 7}").training.seeds == (7,)

    @pytest.mark.parametrize(
        ("seeds", "message"),
        [
            ("[1, 1]", "line 8: training.seeds: a seed is given twice"),
            ("[]", "line 8: training.seeds: should be a list of at least 1; got []"),
            ("[-1]", "line 8: training.seeds.0: should be greater than or equal to 0; got -1"),
            ("4294967296", "line 8: training.seeds: should be less than 4294967296; got 4294967296"),
        ],
    )
    def test_seeds_that_no_generator_takes_are_refused(self, load, seeds, message):
        refuses(load, SMALLEST + f"training: {{seeds: {seeds}}}", message)

    def test_a_number_for_early_stopping_is_its_patience(self, load):
        stopping = load(SMALLEST + "training: {early_stopping: 5}").training.early_stopping
        assert (stopping.patience, stopping.monitor) == (5, "loss")

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ("epochs: 0", "training.epochs: should be greater than or equal to 1; got 0"),
            ("epochs: 3.0", "training.epochs: should be a whole number; got 3.0"),
            ("epochs: true", "training.epochs: should be a whole number; got true"),
            ("learning_rate: 0", "training.learning_rate: should be greater than 0; got 0"),
            ("learning_rate: .nan", "training.learning_rate: should be a finite number; got nan"),
            ("learning_rate: '1e-4'", "training.learning_rate: should be a number; got '1e-4'"),
            ("optimizer: adammw", "training.optimizer: unknown optimizer 'adammw'. Did you mean 'adamw'?"),
            ("schedule: cosin", "training.schedule: unknown schedule 'cosin'. Did you mean 'cosine'?"),
            ("loss: crossentropy", "training.loss: unknown loss 'crossentropy'. Did you mean 'cross_entropy'?"),
            ("class_weight: balance", "training.class_weight: should be 'balanced' or a section with keys of its own"),
            ("class_weight: {a: -1}", "training.class_weight.a: should be greater than 0; got -1"),
            ("early_stopping: 0", "training.early_stopping: should be greater than or equal to 1; got 0"),
            ("early_stopping: {monitor: auc}", "unknown metric to monitor 'auc'. Did you mean 'roc_auc'?"),
        ],
    )
    def test_values_outside_what_is_allowed_are_refused(self, load, setting, message):
        refuses(load, SMALLEST + f"training: {{{setting}}}", message)


def test_a_switch_is_true_or_false_and_no_other_word(load):
    assert load(SMALLEST + "engine: {store: false}").engine.store is False
    refuses(load, SMALLEST + "engine: {store: off}", "line 8: engine.store: should be true or false; got 'off'")


class TestQuick:
    def test_it_is_two_epochs_one_seed_and_few_images_under_another_name(self, load):
        quick = load().quick()
        assert (quick.name, quick.training.epochs, quick.training.seeds, quick.data.limit) == (
            "cells-quick",
            2,
            (0,),
            64,
        )

    def test_it_asks_for_no_more_than_the_experiment_does(self, load):
        text = data(limit="8") + "training: {epochs: 1, seeds: [5, 6]}"
        quick = load(text).quick()
        assert (quick.training.epochs, quick.training.seeds, quick.data.limit) == (1, (5,), 8)

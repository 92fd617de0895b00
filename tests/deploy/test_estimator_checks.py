"""scikit-learn's own checks of an estimator, on rows of tables that are drawn as small images."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from kbin.deploy.estimator import ImageClassifier
from tests.deploy.flat_images import FlatImageClassifier

RUNS = "runs"
# They ask what becomes of a table that is none: of the wrong number of columns, sparse, of objects. They run too, and
# pass, but the adaptor answers, by scikit-learn's `validate_data`; `test_estimator_images.py` asks the same of images.
OF_TABLES = "runs, on the adaptor: it speaks of tables"

CHECKS = {
    "check_estimator_cloneable": RUNS,
    "check_estimator_tags_renamed": RUNS,
    "check_valid_tag_types": RUNS,
    "check_estimator_repr": RUNS,
    "check_no_attributes_set_in_init": RUNS,
    "check_fit_score_takes_y": RUNS,
    "check_estimators_overwrite_params": RUNS,
    "check_dont_overwrite_parameters": RUNS,
    "check_estimators_fit_returns_self": RUNS,
    "check_readonly_memmap_input": RUNS,
    "check_estimators_unfitted": RUNS,
    "check_do_not_raise_errors_in_init_or_set_params": RUNS,
    "check_n_features_in_after_fitting": OF_TABLES,
    "check_mixin_order": RUNS,
    "check_positive_only_tag_during_fit": OF_TABLES,
    "check_estimators_dtypes": OF_TABLES,
    "check_sample_weights_pandas_series": RUNS,
    "check_sample_weights_not_an_array": RUNS,
    "check_sample_weights_list": RUNS,
    "check_all_zero_sample_weights_error": RUNS,
    "check_sample_weights_shape": RUNS,
    "check_sample_weights_not_overwritten": RUNS,
    "check_sample_weight_equivalence_on_dense_data": "does not apply, because networks train on batches in a random "
    "order: an image of weight 2 is in one batch, two copies of it are in two",
    "check_complex_data": OF_TABLES,
    "check_dtype_object": OF_TABLES,
    "check_estimators_empty_data_messages": OF_TABLES,
    "check_pipeline_consistency": RUNS,
    "check_estimators_nan_inf": OF_TABLES,
    "check_estimator_sparse_tag": OF_TABLES,
    "check_estimator_sparse_array": OF_TABLES,
    "check_estimator_sparse_matrix": OF_TABLES,
    "check_estimators_pickle": RUNS,
    "check_array_api_input": "does not apply, because images are read by Pillow and NumPy alone; scikit-learn skips it "
    "unless SCIPY_ARRAY_API is set",
    "check_f_contiguous_array_estimator": OF_TABLES,
    "check_classifier_data_not_an_array": OF_TABLES,
    "check_classifiers_one_label": RUNS,
    "check_classifiers_one_label_sample_weights": RUNS,
    "check_classifiers_classes": RUNS,
    "check_estimators_partial_fit_n_features": "does not apply, because there is no partial_fit: the check returns",
    "check_classifiers_train": RUNS,
    "check_classifiers_regression_target": RUNS,
    "check_supervised_y_no_nan": RUNS,
    "check_supervised_y_2d": RUNS,
    "check_class_weight_classifiers": RUNS,
    "check_non_transformer_estimators_n_iter": "does not apply, because there is no max_iter: the check returns",
    "check_decision_proba_consistency": RUNS,
    "check_parameters_default_constructible": RUNS,
    "check_methods_sample_order_invariance": RUNS,
    "check_methods_subset_invariance": RUNS,
    "check_fit2d_1sample": RUNS,
    "check_fit2d_1feature": OF_TABLES,
    "check_get_params_invariance": RUNS,
    "check_set_params": RUNS,
    "check_dict_unchanged": RUNS,
    "check_fit_idempotent": RUNS,
    "check_fit_check_is_fitted": RUNS,
    "check_n_features_in": OF_TABLES,
    "check_fit1d": OF_TABLES,
    "check_fit2d_predict1d": OF_TABLES,
    "check_requires_y_none": RUNS,
}
# Each of three takes as long as all others together but one.
SLOW = ({"readonly_memmap": True}, {"readonly_memmap": True, "X_dtype": "float32"})


def small_estimator() -> FlatImageClassifier:
    return FlatImageClassifier(
        "SmallCNN",
        train_blocks=0,
        standardize=True,
        image_size=48,
        epochs=8,
        learning_rate=1e-2,
        batch_size=16,
        runtime="torch",
    )


def name_and_settings(check: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    settings: dict[str, Any] = {}
    while isinstance(check, partial):
        settings |= check.keywords
        check = check.func
    return check.__name__, settings


def cases() -> list[Any]:
    found = []
    for _, check in estimator_checks_generator(small_estimator()):
        name, settings = name_and_settings(check)
        if CHECKS.get(name, "").startswith(RUNS):
            is_slow = name == "check_classifiers_train" and settings in SLOW
            shown = "-".join([name, *settings])
            found.append(pytest.param(name, check, id=shown, marks=[pytest.mark.slow] if is_slow else []))
    return found


def test_the_table_says_of_each_check_of_this_scikit_learn_whether_it_runs():
    offered = {name_and_settings(check)[0] for _, check in estimator_checks_generator(small_estimator())}
    assert offered <= set(CHECKS)
    assert all(text.startswith(("runs", "does not apply, because ")) for text in CHECKS.values())


@pytest.mark.parametrize(("name", "check"), cases())
def test_scikit_learns_check_passes(name, check):
    estimator = small_estimator()
    if name == "check_class_weight_classifiers":
        # It wants noise answered by the heavy class alone; a head on standardised features learns the noise by heart.
        estimator.set_params(standardize=False)
    check(estimator)


@pytest.mark.filterwarnings("ignore:Can't test estimator ImageClassifier which requires input")
def test_without_the_adaptor_scikit_learn_knows_that_images_are_no_table():
    names = [name_and_settings(check)[0] for _, check in estimator_checks_generator(ImageClassifier())]
    assert names == ["check_estimator_cloneable"]

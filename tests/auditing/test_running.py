import numpy as np
import pytest

from kbin.audit.findings import Check, clean, found, not_applicable
from kbin.auditing.running import make_checks
from kbin.errors import DataError
from kbin.progress import Progress
from tests.audit.audited import audit_inputs, audited_set


@pytest.fixture
def inputs():
    return audit_inputs(
        audited_set("train", np.array([0, 1, 0])),
        audited_set("test", np.array([1, 0])),
        audited_set("some", np.array([1])),
        parts={"some": "test"},
    )


def check(run, **more):
    return Check("a-check", "A check", "medium", run, **more)


def test_a_check_that_breaks_is_told_and_the_others_are_made(inputs):
    def breaks(inputs):
        raise ZeroDivisionError("division by zero")

    findings, _ = make_checks((check(breaks), check(lambda inputs: clean("nothing"))), inputs, Progress())
    assert [one.ended.outcome for one in findings] == ["not_applicable", "clean"]
    assert findings[0].ended.summary == "The check broke (ZeroDivisionError: division by zero); please report it."


def test_an_error_that_a_person_can_mend_ends_the_audit(inputs):
    def refuses(inputs):
        raise DataError("no such image")

    with pytest.raises(DataError, match="no such image"):
        make_checks((check(refuses),), inputs, Progress())


def test_groups_that_a_check_finds_are_known_to_those_after_it(inputs):
    seen = []

    def groups(inputs):
        return found("two of a kind", groups={"train": np.array([0, 1, 2]), "test": np.array([0, 3])})

    def looks(inputs):
        seen.append(inputs.copy_groups)
        return not_applicable("no reason")

    _, after = make_checks((check(looks), check(groups), check(looks)), inputs, Progress())
    assert seen[0] == {}
    assert seen[1]["train"][0] == seen[1]["test"][0]
    assert len({*seen[1]["train"].tolist(), seen[1]["test"].tolist()[1]}) == 4
    assert after.copy_groups["test"].tolist() == seen[1]["test"].tolist()


def test_parts_of_other_sets_are_spared_those_that_look_at_every_image_once(inputs):
    seen = []

    def looks(inputs):
        seen.append(list(inputs.sets))
        return clean("looked")

    make_checks((check(looks), check(looks, each_image_once=True)), inputs, Progress())
    assert seen == [["train", "test", "some"], ["train", "test"]]

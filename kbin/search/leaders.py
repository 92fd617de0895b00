"""The best combinations so far, as a table for a terminal."""

from collections.abc import Sequence

import numpy as np

from kbin.metric_names import metric_row
from kbin.search.combinations import short_key, value_text
from kbin.search.plan import SearchPlan
from kbin.search.trials import TrialOutcome

_SHOWN = 5


def leader_lines(plan: SearchPlan, found: Sequence[Sequence[TrialOutcome | None]]) -> list[str]:
    """Returns a heading and the best combinations: those with most folds finished, by their mean.

    Args:
        plan: The search.
        found: What came of the trials, a row a combination; None where one is not finished.
    """
    row = metric_row(plan.settings.score)
    ranked = []
    for settings, outcomes in zip(plan.combinations, found, strict=True):
        scores = [one.metrics[row.name] for one in outcomes if one is not None and one.metrics is not None]
        defined = [score for score in scores if score is not None]
        if defined:
            mean = float(np.mean(defined))
            cells = [f"{mean:{row.format}}", f"{len(defined)} of {len(outcomes)}", *map(value_text, settings.values())]
            # What has met few folds may have met the easy ones.
            ranked.append((-len(defined), -mean if row.higher_is_better else mean, cells))
    best = [cells for *_, cells in sorted(ranked, key=lambda one: one[:2])[:_SHOWN]]
    if not best:
        return []
    heading = [row.title, "folds", *map(short_key, plan.settings.keys)]
    widths = [max(map(len, column)) for column in zip(heading, *best, strict=True)]
    return ["  ".join(map(str.rjust, cells, widths)) for cells in (heading, *best)]

"""The best combinations so far, as lines for a terminal."""

from collections.abc import Sequence

import numpy as np

from kbin.metric_names import metric_row
from kbin.search.combinations import settings_text
from kbin.search.plan import SearchPlan
from kbin.search.trials import TrialOutcome

_SHOWN = 5


def leader_lines(plan: SearchPlan, found: Sequence[Sequence[TrialOutcome | None]]) -> list[str]:
    """Returns the best combinations first, by the mean over the folds that are finished.

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
            text = (
                f"{row.title} {mean:{row.format}}, {len(defined)} of {len(outcomes)} folds: {settings_text(settings)}"
            )
            ranked.append((-mean if row.higher_is_better else mean, text))
    return [text for _, text in sorted(ranked, key=lambda pair: pair[0])[:_SHOWN]]

"""The score that chooses a head's epoch.

Belongs here: one number for the choosing frames. Does not belong here: formulas
(`metrics/affect.py`), scores of the challenge (`scores/sums.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.targets import Targets
from fer_assets.frame_affect.scores.sums import frame_sums


def choosing_score(task: str, outputs: NDArray[np.float32], targets: Targets) -> float | None:
    """P_EXPR, P_VA, P_AU (at 0.5), or for MTL their sum, over all frames at once.

    A part that is not defined, since no frame is annotated for it or truth and prediction are one
    constant, is left out, where P_MTL would have no value; so is one of valence and arousal.

    Args:
        task: EXPR, VA, AU or MTL.
        outputs: (n, c) float32 in the order of the task's outputs.
        targets: of the n frames.

    Returns:
        None if no part is defined.
    """
    figures = frame_sums(task, outputs, targets).figures(AFFECT_EXPRESSIONS, AFFECT_ACTION_UNITS)
    found = {name: float(values[0]) for name, values in figures.items()}
    both = [found[name] for name in ("CCC_V", "CCC_A") if np.isfinite(found.get(name, np.nan))]
    parts = [found.get("P_EXPR", np.nan), sum(both) / len(both) if both else np.nan]
    parts.append(found.get("P_AU", np.nan))
    defined = [part for part in parts if np.isfinite(part)]
    return float(sum(defined)) if defined else None

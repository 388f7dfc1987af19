"""How high unrelated sound scores: the model, and its parameters at one place.

Belongs here: the distribution of one score where the prompt is not. Does not belong here: the
tail that the prompts themselves show (`tail.py`), finding peaks (`search.py`).

Where template and sound have nothing to do with each other, a score is the cosine between two
directions that are random within the components they share. With d effective independent
components, t = r sqrt((d - 1) / (1 - r^2)) follows Student's t with d - 1 degrees of freedom, and
the variance of r is 1 / d. So what has to be estimated is the variance, and it depends on the
sound: a steady tone has far fewer components than noise. It is estimated in two ways for each
candidate, and the larger one counts:

- from the template and the stretch at hand, as the variance that random phases would give:
  sum |H|^2 |X|^2 / (2 sum |H|^2 sum |X|^2) over the cells of a division of both into time and
  frequency. One long block sees a tone on the same tone, short ones a click on a click, those
  between a note that crosses a gliding one; the division with the largest variance is taken. X is
  the stretch, or what is left of it without the part that the template explains, whichever gives
  less: if the prompt is not there they are nearly the same, and if it is, the second is the
  background that it has to stand out from;
- from the template's scores over the whole sound, as their spread (median of |r| / 0.6745, which
  a few real hits don't move).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import stdtrit

_MAD_TO_SIGMA = 1 / 0.6744897501960817
_N_BLOCKS = (1, 4, 16, 64, 256)
# What is left after subtracting an exact copy is rounding.
_NOTHING = 1e-9


def quantile_t(variance: float, probability: float) -> float:
    """The t that unrelated sound exceeds with `probability`."""
    return -float(stdtrit(_freedom(variance), probability))


def score_to_t(score: float, variance: float) -> float:
    """t = r sqrt((d - 1) / (1 - r^2))."""
    return score * float(np.sqrt(_freedom(variance) / max(1 - score * score, 1e-12)))


def t_to_score(t: float, variance: float) -> float:
    """The inverse of `score_to_t`: below 1 for any t."""
    return t / float(np.sqrt(t * t + _freedom(variance)))


def _freedom(variance: float) -> float:
    return max(1.0 / variance, 2.0) - 1.0


def unrelated_variance(shape: NDArray[np.float64], stretch: NDArray[np.float64]) -> float:
    """Variance of the score of `shape` on `stretch`, (n,) each, were they unrelated; at most 1."""
    h, x = shape - shape.mean(), stretch - stretch.mean()
    energy = float(x @ x)
    if energy <= 0:
        return 1.0
    rest = x - h * (float(h @ x) / float(h @ h))
    if float(rest @ rest) <= _NOTHING * energy:
        return _variance(h, x)
    return min(_variance(h, x), _variance(h, rest))


def _variance(h: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    by_sign = float((h * h) @ (x * x)) / (float(h @ h) * float(x @ x))
    return min(1.0, max(by_sign, *(_by_phase(h, x, n_blocks) for n_blocks in _N_BLOCKS)))


def _by_phase(h: NDArray[np.float64], x: NDArray[np.float64], n_blocks: int) -> float:
    """The variance that random phases give, with the time divided into `n_blocks`."""
    size = scipy.fft.next_fast_len(-(-h.size // n_blocks), real=True)
    powers = []
    for signal in (h, x):
        blocks = np.zeros((n_blocks, size), np.float32)
        blocks.reshape(-1)[: signal.size] = signal
        spectra = scipy.fft.rfft(blocks, axis=1)
        powers.append(np.square(spectra.real) + np.square(spectra.imag))
    shared = float(np.vdot(powers[0], powers[1]))
    return shared / (2 * float(powers[0].sum()) * float(powers[1].sum()))


def observed_spread(scores: NDArray[np.floating]) -> float:
    """Standard deviation of the scores, robust to a few hits; silence left out; 0 if all is."""
    sample = np.abs(scores[:: max(1, scores.size // 20_000)])
    sample = sample[sample > 0]
    return float(np.median(sample)) * _MAD_TO_SIGMA if sample.size else 0.0

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
  the stretch, or what is left of it without the part that the template explains, and the score
  has to pass for one of them: if the prompt is not there they are nearly the same, and if it is,
  the second is the background that it has to stand out from;
- from the template's scores over the whole sound, as their spread (median of |r| / 0.6745, which
  a few real hits don't move).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import stdtrit

Cells = tuple[NDArray[np.float32], ...]

_MAD_TO_SIGMA = 1 / 0.6744897501960817
_N_BLOCKS = (1, 8, 64)
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


def background_of(shape: NDArray[np.float64], stretch: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of `stretch` without the part that `shape` explains; both (n,)."""
    h, x = shape - shape.mean(), stretch - stretch.mean()
    rest = np.asarray(x - h * (float(h @ x) / float(h @ h)))
    # What is left after taking out an exact copy is rounding.
    return rest if float(rest @ rest) > _NOTHING * float(x @ x) else x


def power_cells(sound: NDArray[np.float64]) -> Cells:
    """The power of `sound` (n,) in the cells of each division into time and frequency.

    Returns:
        Per number of blocks (blocks, frequencies), and last the squares of the samples (n,); each
        sums to 1, or to 0 in silence.
    """
    centred = (sound - sound.mean()).astype(np.float32)
    peak = float(np.abs(centred).max(initial=0.0))
    centred = centred / peak if peak > 0 else centred
    powers = [_block_powers(centred, n_blocks) for n_blocks in _N_BLOCKS]
    powers.append(np.square(centred))
    totals = [float(power.sum(dtype=np.float64)) for power in powers]
    return tuple(
        power / total if total > 0 else power for power, total in zip(powers, totals, strict=True)
    )


def unrelated_variance(shape: Cells, stretch: Cells) -> float:
    """Variance of the score of two sounds were they unrelated, from their cells; in (0, 1]."""
    if not stretch[-1].any() or not shape[-1].any():
        return 1.0
    shared = [float(np.vdot(h, x)) for h, x in zip(shape, stretch, strict=True)]
    # A frequency of a real sound is two components with tied phases; a sample is one.
    return min(1.0, max(shared[-1], *(value / 2 for value in shared[:-1])))


def _block_powers(sound: NDArray[np.float32], n_blocks: int) -> NDArray[np.float32]:
    size = scipy.fft.next_fast_len(-(-sound.size // n_blocks), real=True)
    blocks = np.zeros((n_blocks, size), np.float32)
    blocks.reshape(-1)[: sound.size] = sound
    spectra = scipy.fft.rfft(blocks, axis=1)
    return np.asarray(np.square(spectra.real) + np.square(spectra.imag))


def observed_spread(scores: NDArray[np.floating]) -> float:
    """Standard deviation of the scores, robust to a few hits; silence left out; 0 if all is."""
    # An odd step: an even one could keep time with a pitch.
    sample = np.abs(scores[:: scores.size // 5_000 | 1])
    sample = sample[sample > 0]
    if not sample.size:
        return 0.0
    return float(np.partition(sample, sample.size // 2)[sample.size // 2]) * _MAD_TO_SIGMA

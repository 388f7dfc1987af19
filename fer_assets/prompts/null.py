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

from collections.abc import Iterator

import numba
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


def power_cells(sound: NDArray[np.floating]) -> Cells:
    """The power of `sound` (n,) in the cells of each division into time and frequency.

    Returns:
        Per number of blocks (blocks, frequencies), and last the squares of the samples (n,); each
        sums to 1, or to 0 in silence.
    """
    centred = _levelled(sound)
    powers = [np.square(np.abs(spectra)) for spectra in _spectra(centred)]
    powers.append(np.square(centred))
    totals = [float(power.sum(dtype=np.float64)) for power in powers]
    return tuple(
        np.asarray(power / total if total > 0 else power, np.float32)
        for power, total in zip(powers, totals, strict=True)
    )


def unrelated_variance(shape: Cells, stretch: NDArray[np.floating]) -> float:
    """Variance of the score of two sounds were they unrelated; in (0, 1].

    Args:
        shape: power of the template, as `power_cells` gives it.
        stretch: (n,), the sound it lies on, as long as the template.
    """
    centred = _levelled(stretch)
    shared, total = _shared_square(shape[-1], centred)
    if not total > 0 or not shape[-1].any():
        return 1.0
    variance = shared / total
    for cells, spectra in zip(shape[:-1], _spectra(centred), strict=True):
        shared, total = _shared_power(cells.reshape(-1), spectra.reshape(-1))
        # A frequency of a real sound is two components with tied phases; a sample is one.
        variance = max(variance, shared / total / 2)
    return min(1.0, variance)


def _levelled(sound: NDArray[np.floating]) -> NDArray[np.float32]:
    """`sound` without its mean at a peak of 1, at which float32 neither over- nor underflows."""
    samples = np.asarray(sound, np.float32)
    centred = samples - samples.mean()
    peak = max(float(centred.max(initial=0.0)), -float(centred.min(initial=0.0)))
    return np.asarray(centred / np.float32(peak) if peak > 0 else centred)


def _spectra(sound: NDArray[np.float32]) -> Iterator[NDArray[np.complex64]]:
    """(blocks, frequencies) for each division."""
    for n_blocks in _N_BLOCKS:
        size = scipy.fft.next_fast_len(-(-sound.size // n_blocks), real=True)
        blocks = np.zeros((n_blocks, size), np.float32)
        blocks.reshape(-1)[: sound.size] = sound
        yield scipy.fft.rfft(blocks, axis=1)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _shared_power(
    cells: NDArray[np.float32], spectra: NDArray[np.complex64]
) -> tuple[float, float]:
    """Sum of cells |x|^2, and of |x|^2."""
    shared, total = np.float32(0.0), np.float32(0.0)
    for i in range(cells.size):
        power = spectra[i].real * spectra[i].real + spectra[i].imag * spectra[i].imag
        shared += cells[i] * power
        total += power
    return float(shared), float(total)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _shared_square(cells: NDArray[np.float32], samples: NDArray[np.float32]) -> tuple[float, float]:
    """Sum of cells x^2, and of x^2."""
    shared, total = np.float32(0.0), np.float32(0.0)
    for i in range(cells.size):
        power = samples[i] * samples[i]
        shared += cells[i] * power
        total += power
    return float(shared), float(total)


def observed_spread(scores: NDArray[np.floating]) -> float:
    """Standard deviation of the scores, robust to a few hits; silence left out; 0 if all is."""
    # An odd step: an even one could keep time with a pitch.
    sample = np.abs(scores[:: scores.size // 5_000 | 1])
    sample = sample[sample > 0]
    if not sample.size:
        return 0.0
    return float(np.partition(sample, sample.size // 2)[sample.size // 2]) * _MAD_TO_SIGMA

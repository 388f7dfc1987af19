"""What a requester decides, and what it costs.

Belongs here: reward, times and fees. Does not belong here: talking to the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

_CENT: Final = Decimal("0.01")
_FEE: Final = Decimal("0.20")
_MANY: Final = 10
"""HITs with so many assignments or more cost a further 20 %, and smaller ones can't grow to it."""


@dataclass(frozen=True)
class MTurkSettings:
    """How faces are put up.

    Attributes:
        reward_usd: paid for one face, in dollars with at most two decimals, at least 0.01.
        assignment_s: time a worker has for one face, in seconds (30 s to a year).
        lifetime_s: time for which a face is on offer, in seconds (30 s to a year).
        approval_s: time after which the service approves by itself, in seconds (at most 30 days).
        title: what workers see in the list.
        description: the same, longer.
        keywords: words it is found by, separated by commas.
    """

    reward_usd: str = "0.05"
    assignment_s: int = 600
    lifetime_s: int = 7 * 86_400
    approval_s: int = 3 * 86_400
    title: str = "Say what a face shows (one picture, up to six short questions)"
    description: str = (
        "Look at one picture of a face and answer up to six short questions. Some pictures may "
        "show strong emotion; any picture can be skipped."
    )
    keywords: str = "face, expression, emotion, image, picture, label"

    def __post_init__(self) -> None:
        try:
            reward = Decimal(self.reward_usd)
        except InvalidOperation as error:
            raise ValueError(f"reward is no number: {self.reward_usd!r}") from error
        if not reward.is_finite() or reward < _CENT or reward != reward.quantize(_CENT):
            raise ValueError(f"reward must be at least 0.01, in whole cents: {self.reward_usd}")
        spans = (self.assignment_s, self.lifetime_s)
        if not all(30 <= span <= 31_536_000 for span in spans) or not (
            0 <= self.approval_s <= 2_592_000
        ):
            raise ValueError(f"times out of range: {self}")


@dataclass(frozen=True)
class Cost:
    """What a plan costs at most, in dollars: rewards, fees and both together."""

    n_assignments: int
    rewards: Decimal
    fees: Decimal

    @property
    def total(self) -> Decimal:
        """Rewards and fees."""
        return self.rewards + self.fees


def estimate_cost(assignments_per_hit: Iterable[int], settings: MTurkSettings) -> Cost:
    """Rewards, and the service's fee: 20 %, 40 % from ten assignments per HIT, a cent at least.

    The fees are those of Amazon's price list as we know it; the service's own bill counts.
    """
    reward = Decimal(settings.reward_usd)
    n, fees = 0, Decimal(0)
    for count in assignments_per_hit:
        share = 2 * _FEE if count >= _MANY else _FEE
        n += count
        fees += count * max(reward * share, _CENT)
    return Cost(n, n * reward, fees.quantize(_CENT, ROUND_HALF_UP))


def may_grow(n_before: int, n_after: int) -> bool:
    """Whether the service lets a HIT grow from so many assignments to so many."""
    return n_before >= _MANY or n_after < _MANY

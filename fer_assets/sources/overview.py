"""What a person should see of the sources: counts, never a name.

Belongs here: aggregates of the sources' tables. Does not belong here: showing them (`defs`).
"""

from __future__ import annotations

import polars as pl

from fer_assets.challenges.policy import Policy


def video_figures(
    rows: pl.DataFrame, downloads: pl.DataFrame, policy: Policy | None
) -> dict[str, int | float | str | bool]:
    """Name to number: videos, minutes, uploads by status, re-uploads, damage, downloads."""
    accepted = rows.filter(pl.col("status") == "accepted")
    counts = rows.group_by("status").len().sort("status")
    is_repeat = (pl.col("status") == "duplicate") & (pl.col("duplicate_of") != pl.col("video_id"))
    seen = rows.unique("video_id").select(
        pl.col("n_surveyed").sum(), damaged=pl.col("n_corrupt").sum() + pl.col("n_missing").sum()
    )
    surveyed, damaged = seen.row(0)
    figures: dict[str, int | float | str | bool] = {
        "videos": accepted.height,
        "video minutes": round(float(accepted["duration_s"].sum()) / 60, 2),
        **{f"uploads {status}": n for status, n in counts.iter_rows()},
        "re-uploads": rows.filter(is_repeat).height,
        "share of corrupt frames": round(damaged / surveyed, 4) if surveyed else 0.0,
        "videos with a corrupt frame": rows.filter(pl.col("n_corrupt") + pl.col("n_missing") > 0)[
            "video_id"
        ].n_unique(),
    }
    for status, n in downloads.group_by("status").len().sort("status").iter_rows():
        figures[f"downloads {status}"] = n
    if policy is not None:
        for name in ("source", "terms", "legal_basis"):
            if text := getattr(policy, name):
                figures[f"policy: {name.replace('_', ' ')}"] = text
    return figures


def not_used(rows: pl.DataFrame) -> pl.DataFrame:
    """Uploads that are not used, by status and reason."""
    left_out = rows.drop_nulls("reason")
    return left_out.group_by("status", "reason").len("uploads").sort("status", "reason")


def download_counts(downloads: pl.DataFrame) -> pl.DataFrame:
    """Addresses by site, status and reason."""
    by = ("site", "status", "reason")
    return downloads.group_by(by).agg(pl.len().alias("addresses")).sort(by)

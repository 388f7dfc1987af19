"""`fer-assets demo`: a whole line on synthetic people, scored against what is true of them.

Belongs here: options and printing. Does not belong here: the demos (`defs/demos.py`,
`defs/affect_demo.py`, `demo/`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.defs.demo_outcome import DemoOutcome


@click.command()
@click.argument("line", type=click.Choice(["tiktokfer", "frame_affect"]), default="tiktokfer")
@click.option("--processes", default=2, show_default=True, help="Processes that render videos.")
@json_option
@click.pass_obj
def demo(root: str | None, line: str, processes: int, as_json: bool) -> None:
    """Render challenges of synthetic people, build a line on them, score it against their truth.

    Everything lives in fer_data/demo/LINE. A second run finds everything up to date. The exit code
    is 1 if a promised figure misses its floor.
    """
    from fer_assets.defs.demo_outcome import demo_root

    folder = Path(root).absolute() if root else demo_root(line).absolute()
    run = {"tiktokfer": _tiktokfer, "frame_affect": _frame_affect}[line]
    with progress_bars(is_quiet=as_json):
        outcome, notes = run(folder, processes)
    if as_json:
        click.echo(json.dumps(outcome.report, indent=1))
    else:
        _print(line, outcome)
        for note in notes:
            click.echo(note)
        look = "make ui" if line == "tiktokfer" else f"make ui LINE={line}"
        click.echo(f"Look at it: {look}, or open {folder}")
    if not outcome.is_good:
        raise click.exceptions.Exit(1)


def _tiktokfer(folder: Path, processes: int) -> tuple[DemoOutcome, list[str]]:
    from fer_assets.defs.demos import run_tiktokfer_demo
    from fer_assets.demo.casting import DemoSettings

    outcome = run_tiktokfer_demo(folder, DemoSettings(processes=processes))
    return outcome, ["The paper's figures are of its own data. Crowd answers here are simulated."]


def _frame_affect(folder: Path, processes: int) -> tuple[DemoOutcome, list[str]]:
    from fer_assets.defs.affect_demo import run_frame_affect_demo
    from fer_assets.demo.affect.casting import AffectDemoSettings

    outcome = run_frame_affect_demo(folder, AffectDemoSettings(processes=processes))
    control = ", ".join(f"{name} {value:.3f}" for name, value in outcome.control.items())
    return outcome, [
        "Scores are of people nobody trained on, against the truth, not the annotation files.",
        f"Control, the same heads on shuffled labels: {control}.",
    ]


def _print(line: str, outcome: DemoOutcome) -> None:
    """Each figure beside its floor, and the paper's where it has one of the same kind."""
    from fer_assets.demo.beside_paper import PAPER

    paper = PAPER if line == "tiktokfer" else {}
    rows = [
        {
            "figure": name,
            "value": "none" if found["value"] is None else f"{found['value']:.4f}",
            "floor": f"{found['floor']:.2f}",
            "paper": f"{paper[name]:.2f}" if name in paper else None,
            "ok": "yes" if found["ok"] else "NO",
        }
        for name, found in outcome.report.items()
    ]
    columns = ("figure", "value", "floor", *(("paper",) if paper else ()), "ok")
    print_rows(rows, columns, as_json=False)

"""`fer-assets demo`: a whole line on synthetic people, scored against what is true of them.

Belongs here: options and printing. Does not belong here: the demo (`defs/demos.py`, `demo/`).
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars


@click.command()
@click.argument("line", type=click.Choice(["tiktokfer"]), default="tiktokfer")
@click.option("--processes", default=2, show_default=True, help="Processes that render videos.")
@json_option
@click.pass_obj
def demo(root: str | None, line: str, processes: int, as_json: bool) -> None:
    """Render two challenges of synthetic people, build the line on them, score it.

    Everything lives in fer_data/demo/LINE. A second run finds everything up to date. The exit code
    is 1 if a promised figure misses its floor.
    """
    from fer_assets.defs.demos import demo_root, run_tiktokfer_demo
    from fer_assets.demo.beside_paper import PAPER
    from fer_assets.demo.casting import DemoSettings

    folder = Path(root).absolute() if root else demo_root(line).absolute()
    with progress_bars(is_quiet=as_json):
        outcome = run_tiktokfer_demo(folder, DemoSettings(processes=processes))
    if as_json:
        click.echo(json.dumps(outcome.report, indent=1))
    else:
        rows = [
            {
                "figure": name,
                "value": "none" if found["value"] is None else f"{found['value']:.4f}",
                "floor": f"{found['floor']:.2f}",
                "paper": f"{PAPER[name]:.2f}" if name in PAPER else None,
                "ok": "yes" if found["ok"] else "NO",
            }
            for name, found in outcome.report.items()
        ]
        print_rows(rows, ("figure", "value", "floor", "paper", "ok"), as_json=False)
        click.echo("The paper's figures are of its own data. Crowd answers here are simulated.")
        click.echo(f"Look at it: make ui, or open {folder}")
    if not outcome.is_good:
        raise click.exceptions.Exit(1)

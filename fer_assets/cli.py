"""The `fer-assets` command: a thin door to the rooms.

Belongs here: the top-level group and what happens with errors. Does not belong here: commands
(`commands/`), logic (anywhere else).

Exit codes: 0 all went well; 1 something failed or a floor was missed; 2 wrong use.
"""

from __future__ import annotations

import sys

import click

from fer_assets import __version__
from fer_assets.commands.affect import affect
from fer_assets.commands.answers import answers
from fer_assets.commands.build import backfill, materialize, status
from fer_assets.commands.challenge import challenge
from fer_assets.commands.checkpoint import checkpoint
from fer_assets.commands.demo import demo
from fer_assets.commands.erase import erase
from fer_assets.commands.export import export
from fer_assets.commands.label import label
from fer_assets.commands.mturk import mturk
from fer_assets.commands.predict import predict
from fer_assets.commands.release import release
from fer_assets.commands.review import review
from fer_assets.commands.score import score
from fer_assets.commands.trace import trace
from fer_assets.commands.ui import ui
from fer_assets.commands.weights import weights
from fer_assets.errors import FerError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--root",
    envvar="FER_ROOT",
    metavar="FOLDER|URI",
    help="Storage root; default fer_data, or the environment's FER_ROOT.",
)
@click.pass_context
def cli(context: click.Context, root: str | None) -> None:
    """Labelled, identity-resolved face datasets from videos of expression challenges."""
    context.obj = root


_COMMANDS = (
    challenge, materialize, backfill, status,
    label, review, answers, mturk,
    release, export, trace, erase,
    checkpoint, affect, predict, score,
    weights, demo, ui,
)  # fmt: skip

for command in _COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command; a user's mistake ends in one sentence, not in a traceback."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except FerError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What is finished is kept; the same command goes on.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()

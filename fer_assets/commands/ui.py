"""`fer-assets ui`: Dagster's webserver and daemon on a storage root.

Belongs here: starting them with the right environment. Does not belong here: definitions.
"""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.pass_obj
def ui(root: str | None, port: int, host: str) -> None:
    """Start the web UI and the daemon on this storage root. It listens on this machine only."""
    from fer_assets.defs.instance import dagster_home
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    os.environ["DAGSTER_HOME"] = str(dagster_home(workspace))
    os.environ["FER_ROOT"] = workspace.store.uri
    module = ["-m", "fer_assets.definitions"]
    listen = ["--host", host, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "dagster", "dev", *module, *listen])

"""Resources: the workspace, as Dagster hands it to assets and sensors.

Belongs here: resources. Does not belong here: what a workspace is (`lines/workspace.py`).
"""

import dagster as dg

from fer_assets.lines.workspace import Workspace, open_workspace


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """Where runs read and write.

    Attributes:
        root: storage root; empty for `FER_ROOT` or ``fer_data``.
        confirms_removal: a person confirmed that videos which are gone are meant to be.
    """

    root: str = ""
    confirms_removal: bool = False

    def open(self) -> Workspace:
        """The workspace."""
        return open_workspace(self.root or None, confirms_removal=self.confirms_removal)

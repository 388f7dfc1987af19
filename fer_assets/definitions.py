"""The definitions that `workspace.yaml` points at."""

from fer_assets.defs.build import build_definitions

defs = build_definitions()

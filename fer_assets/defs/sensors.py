"""Sensors: what is new outside of Dagster, i.e. challenge folders, videos and answers.

Belongs here: asking the catalog and the folders, requesting runs for the partitions concerned.
What was seen is kept in the state folder, since it grows with the number of challenges.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg

from fer_assets.challenges.manifest import find_manifest
from fer_assets.challenges.spec import ChallengeError
from fer_assets.defs.jobs import ingest_job, labelling_job
from fer_assets.defs.partitions import BY_KIND
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.lines.catalog import Line
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.changes import change_number, folder_signature

INTERVAL_S = 30

Folders = Callable[[Workspace, str], list[Path]]


def sensors_of(line: Line) -> list[dg.SensorDefinition]:
    """The line's sensors: new videos (and challenges), new answers, changed inputs."""
    group = dg.AssetSelection.groups(line.name)
    by_folder = [_folder_sensor(line, "new_videos", ingest_job(line), _video_folders)]
    if line.labelling():
        by_folder.append(_folder_sensor(line, "new_answers", labelling_job(line), _answer_folders))
    return [
        *by_folder,
        dg.AutomationConditionSensorDefinition(
            f"{line.name}_changed_inputs",
            target=group,
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=INTERVAL_S,
        ),
    ]


def _folder_sensor(line: Line, what: str, job: str, folders: Folders) -> dg.SensorDefinition:
    partitions = BY_KIND[line.kind]

    @dg.sensor(
        name=f"{line.name}_{what}",
        job_name=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs {job} for the challenges with {what.replace('_', ' ')}.",
    )
    def look(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult | dg.SkipReason:
        place = workspace.open()
        keys = place.catalog.keys(line.kind)
        known = set(context.instance.get_dynamic_partitions(str(partitions.name)))
        new = [key for key in keys if key not in known]
        requests = list(_requests(place, keys, what, folders))
        if not new and not requests:
            return dg.SkipReason(f"{len(keys)} challenges, nothing to look at")
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[partitions.build_add_request(new)] if new else [],
        )

    return look


def _requests(
    place: Workspace, keys: list[str], what: str, folders: Folders
) -> Iterator[dg.RunRequest]:
    """One request per challenge and change; Dagster drops those whose run key it has seen."""
    for key in keys:
        signature = folder_signature(folders(place, key))
        if signature is None:
            continue
        number = change_number(place.state / "sensors" / what / f"{key}.json", signature)
        yield dg.RunRequest(run_key=f"{what}:{key}:{number}:{signature}", partition_key=key)


def _video_folders(place: Workspace, key: str) -> list[Path]:
    """The video folder and the manifest; nothing while the folder's disk is not mounted."""
    try:
        found = place.catalog.load(key)
        manifest = find_manifest(found.folder)
    except ChallengeError:
        return []
    if manifest is None:
        return [found.videos] if found.videos.is_dir() else []
    is_inside = found.videos.parent == found.folder
    return [found.videos, manifest] if found.videos.is_dir() or is_inside else []


def _answer_folders(place: Workspace, key: str) -> list[Path]:
    folder = place.store.local(f"answers/{key}")
    return [folder] if folder else []

"""Sensors: what is new outside of Dagster, i.e. challenge folders, videos and answers.

Belongs here: asking the catalog and the folders, requesting runs for the partitions concerned.
What was seen is kept in the state folder, since it grows with the number of challenges.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from fer_assets.challenges.manifest import find_manifest
from fer_assets.challenges.spec import ChallengeError, ChallengeKind
from fer_assets.defs.jobs import ingest_job, jobs_of, labelling_job, pooled_job
from fer_assets.defs.partitions import BY_KIND
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.lines.catalog import Line
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.changes import change_number, folder_signature
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as Job,
    )

INTERVAL_S = 30

Signature = Callable[[Workspace, str], str | None]
"""What a challenge's folders look like now; None while there is nothing to look at."""


def sensors_of(line: Line, jobs: "Sequence[Job]" = ()) -> list[dg.SensorDefinition]:
    """The line's sensors: new videos (and challenges), new answers, changed inputs.

    Args:
        line: the line.
        jobs: its jobs, the very ones that the definitions hold; by default new ones.
    """
    group = dg.AssetSelection.groups(line.name)
    known = {job.name: job for job in jobs or jobs_of(line)}
    ingest, pooled = known[ingest_job(line)], known[pooled_job(line)]
    wanted = [ingest, pooled] if line.groundwork() else [ingest]
    by_folder = [_folder_sensor(line, "new_videos", wanted, _INPUTS[line.kind])]
    if line.labelling():
        labelling = [known[labelling_job(line)]]
        by_folder.append(_folder_sensor(line, "new_answers", labelling, _answers))
    return [
        *by_folder,
        dg.AutomationConditionSensorDefinition(
            f"{line.name}_changed_inputs",
            target=group,
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=INTERVAL_S,
        ),
    ]


def _folder_sensor(
    line: Line, what: str, jobs: "Sequence[Job]", signature: Signature
) -> dg.SensorDefinition:
    """A sensor that runs the first of the jobs; the other one builds what that reads."""
    partitions = BY_KIND[line.kind]
    job = jobs[0].name

    @dg.sensor(
        name=f"{line.name}_{what}",
        jobs=list(jobs),
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
        requests = list(_requests(place, keys, what, signature, job))
        if requests and (missing := _missing_groundwork(place, line)):
            # What the challenges read comes first; they are asked for again after it.
            requests = [_groundwork_request(line, missing, requests)]
        if not new and not requests:
            return dg.SkipReason(f"{len(keys)} challenges, nothing to look at")
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[partitions.build_add_request(new)] if new else [],
        )

    return look


def _requests(
    place: Workspace, keys: list[str], what: str, signature: Signature, job: str
) -> Iterator[dg.RunRequest]:
    """One request per challenge and change; Dagster drops those whose run key it has seen."""
    for key in keys:
        seen = signature(place, key)
        if seen is None:
            continue
        number = change_number(place.state / "sensors" / what / f"{key}.json", seen)
        yield dg.RunRequest(
            run_key=f"{what}:{key}:{number}:{seen}", partition_key=key, job_name=job
        )


def _missing_groundwork(place: Workspace, line: Line) -> list[Step]:
    """Pooled steps that the line's challenges read and nobody built yet."""
    steps = line.groundwork()
    return [step for step in steps if read_manifest(place.store, Place(step.asset)) is None]


def _groundwork_request(
    line: Line, missing: Sequence[Step], wanted: Sequence[dg.RunRequest]
) -> dg.RunRequest:
    """A failed one is asked for again when a challenge changes, or in the night."""
    seen = sha256_json([[step.asset for step in missing], [one.run_key for one in wanted]])
    return dg.RunRequest(run_key=f"groundwork:{seen[:16]}", job_name=pooled_job(line))


def _prompted_inputs(place: Workspace, key: str) -> str | None:
    """The video folder and the manifest; nothing while the folder's disk is not mounted."""
    try:
        found = place.catalog.load(key)
        manifest = find_manifest(found.folder)
    except ChallengeError:
        return None
    has_videos = found.videos.is_dir()
    if manifest is None:
        return folder_signature([found.videos]) if has_videos else None
    is_inside = found.videos.parent == found.folder
    return folder_signature([found.videos, manifest]) if has_videos or is_inside else None


def _affect_inputs(place: Workspace, key: str) -> str | None:
    """Annotations, films, the list of uploads, and which folders of crops there are.

    Nothing while a folder's disk is not mounted: without annotations, or neither crops nor films.
    """
    try:
        found = place.catalog.load(key)
    except ChallengeError:
        return None
    if found.annotations is None or found.frames is None or not found.annotations.is_dir():
        return None
    if not (found.frames.is_dir() or found.videos.is_dir()):
        return None
    listed = found.file("uploads.csv")
    places = [found.annotations, found.videos, *([listed] if listed else [])]
    return folder_signature(places, shallow=[found.frames])


def _answers(place: Workspace, key: str) -> str | None:
    folder = place.store.local(f"answers/{key}")
    return folder_signature([folder]) if folder else None


_INPUTS: Final[Mapping[ChallengeKind, Signature]] = {
    "prompted": _prompted_inputs,
    "affect": _affect_inputs,
}
"""What a challenge of each kind is made from, and how it is looked at."""

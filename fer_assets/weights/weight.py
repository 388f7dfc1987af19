"""What is known about one file of weights.

Belongs here: the description of a file, of the places it can come from, and the errors about it.
Does not belong here: the entries themselves (`registry.py`), fetching, loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fer_assets.errors import FerError

Task = Literal["face detection", "face embedding", "backbone"]
OnnxRepair = Literal["none", "dynamic batch", "fold quantised weights"]


class WeightError(FerError):
    """Weights that are unknown, missing, altered, not pinned, or can't be fetched."""


class MissingWeightError(WeightError):
    """The file is not there yet."""


class AlteredWeightError(WeightError):
    """The file there is not the one that the registry, or the user's pin, names."""


class UnpinnedWeightError(WeightError):
    """No digest is known for the file, and the user has given none."""


@dataclass(frozen=True)
class WheelMember:
    """A file inside a wheel on PyPI. The wheel is downloaded and unpacked, never installed.

    Attributes:
        package: the distribution's name.
        version: its version.
        wheel_sha256: digest of the wheel.
        member: path of the file inside the wheel.
        literal: None when the member is the file; else the name of the module-level bytes
            literal in it that is the file (read by the parser, not run).
    """

    package: str
    version: str
    wheel_sha256: str
    member: str
    literal: str | None = None


@dataclass(frozen=True)
class HttpsUrl:
    """A file at an address, or a member of a zip archive there."""

    url: str
    member: str | None = None


@dataclass(frozen=True)
class HuggingFaceFile:
    """A file of a repository on the Hugging Face hub."""

    repo: str
    path: str
    revision: str = "main"

    @property
    def url(self) -> str:
        """Address the file is downloaded from."""
        return f"https://huggingface.co/{self.repo}/resolve/{self.revision}/{self.path}"

    @property
    def page(self) -> str:
        """Address of the page that shows the file's SHA-256."""
        return f"https://huggingface.co/{self.repo}/blob/{self.revision}/{self.path}"


@dataclass(frozen=True)
class TimmHub:
    """Weights that timm names ``architecture.tag`` and keeps on the Hugging Face hub."""

    model: str

    @property
    def file(self) -> HuggingFaceFile:
        """The file behind the name."""
        return HuggingFaceFile(repo=f"timm/{self.model}", path="model.safetensors")


@dataclass(frozen=True)
class LocalFile:
    """A file the user brings; no address offers exactly these bytes."""

    instructions: str


Source = WheelMember | HttpsUrl | HuggingFaceFile | TimmHub | LocalFile


@dataclass(frozen=True)
class ImageInput:
    """What a network takes: ``(pixel - mean) / std`` of pixels in 0-255, layout NCHW, float32.

    Attributes:
        channels: order of the channel axis.
        size_px: height and width; None where any size is taken.
        mean: per channel, in the order of `channels`, in pixel units.
        std: likewise.
    """

    channels: Literal["rgb", "bgr"]
    size_px: tuple[int, int] | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class IdentityThresholds:
    """Cosine similarities from which two embeddings are one person, per step of resolution.

    Attributes:
        within_video: between face crops of one video.
        across_videos: between mean embeddings of people in different videos.
        duplicate: between mean embeddings of what is the same footage uploaded again.
    """

    within_video: float
    across_videos: float
    duplicate: float


@dataclass(frozen=True)
class Weight:
    """One file of weights.

    Attributes:
        name: the registry's key, also the folder it is kept in.
        task: what the network is for.
        source: where the file comes from.
        file_name: its name once fetched.
        sha256: digest of the file; None where nobody has verified one, and the user must.
        size_bytes: size of the file; None where not known.
        licence: SPDX identifier, or the licensor's words.
        is_commercial_ok: whether that licence allows commercial use.
        restrictions: what else to know before using it, e.g. about the training data.
        input: what the network takes.
        outputs: what it returns.
        citation: the work to cite.
        architecture: timm's name for the network the tensors belong to; None for ONNX graphs.
        onnx_repair: what `loading.load_onnx` does to the graph.
        thresholds: defaults for face embeddings.
    """

    name: str
    task: Task
    source: Source
    file_name: str
    sha256: str | None
    size_bytes: int | None
    licence: str
    is_commercial_ok: bool
    restrictions: str
    input: ImageInput
    outputs: str
    citation: str
    architecture: str | None = None
    onnx_repair: OnnxRepair = "none"
    thresholds: IdentityThresholds | None = None

    @property
    def is_packaged(self) -> bool:
        """Whether the file comes with a package on PyPI, so that no hub need be reached."""
        return isinstance(self.source, WheelMember)

"""Does reading, decoding and varying pictures ever keep the network waiting?

Ours: `fit`, which gets its batches from the loader. The peer: the same steps of the same network
on the same batches, made beforehand and resident on the device; both must end in the same weights.
The aim is 0.95 of the peer's rate. Pictures come from memory or from JPEG files. On CUDA the
images per second and the share of the card's peak are written to stderr.

And: what does the variation cost, against torchvision's v2 transforms called on each picture, which
is how they draw anew for each? It decides which of the two the loader can afford.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.case import Case, Skipped
from fer_assets.compute.torch_setup import import_torch
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.training.augmentation import augment
from fer_assets.training.determinism import pinned
from fer_assets.training.loader import batches
from fer_assets.training.loop import fit
from fer_assets.training.networks import build_network
from fer_assets.training.predicting import predict_probs, to_tensor
from fer_assets.training.recipes import DEFAULT_RECIPE, RANDOM_WEIGHTS, Recipe, find_recipe
from fer_assets.training.samples import Samples, make_samples
from fer_assets.training.schedules import learning_rate_at
from fer_assets.training.stepping import Stepper

BENCH: Final = "training"
N_CLASSES: Final = 8
TARGET: Final = 1 / 0.95

RESNET50_TRAINING_FLOP: Final = 3 * 2 * 4.09e9
"""Per 224 px picture: 4.09e9 multiply-adds forward (He et al. 2016 count 3.8e9 without shortcuts'
convolutions), twice as many backward."""

PEAK_BF16_FLOPS: Final = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
}
"""Dense bfloat16 peak with float32 sums, from the makers' data sheets; the first name that fits."""


def cases() -> Iterator[Case | Skipped]:
    import_torch()
    lite = _untrained(DEFAULT_RECIPE)
    resnet = replace(_untrained("tiktokfer-resnet50"), batch_size=16)
    for source, limit in (("decoded pictures", 10**10), ("JPEG", 1)):
        for recipe, n_steps, rounds in ((lite, 16, 5), (resnet, 4, 3)):
            case = f"{recipe.backbone} {recipe.image_px} px, {recipe.batch_size} a step, {source}"
            yield _case(case, replace(recipe, max_steps=n_steps), limit, rounds, "cpu")
    for source, limit in (("decoded pictures", 10**10), ("JPEG", 1)):
        case = f"resnet50 224 px bf16, 256 a step on CUDA, {source}"
        if torch.cuda.is_available():
            large = replace(resnet, batch_size=256, max_steps=40)
            yield _case(case, large, limit, 3, "cuda")
        else:
            yield Skipped(BENCH, case, "no CUDA device that this torch reaches")
    yield _predicting(lite)
    for px in (lite.image_px, 224):
        yield _variation(lite, px)


def _untrained(name: str) -> Recipe:
    """The recipe with an untrained network, which costs the same and needs no weights."""
    return replace(find_recipe(name), weights=RANDOM_WEIGHTS, max_epochs=100)


def _case(case: str, recipe: Recipe, limit: int, rounds: int, device: str) -> Case:
    samples = _samples(recipe, max(256, 2 * recipe.batch_size), limit)
    network = build_network(recipe, N_CLASSES, Path("no-weights-needed"))
    resident = list(batches(samples, recipe, 0, _n_steps(recipe), device))

    def ours() -> dict[str, Tensor]:
        trained = copy.deepcopy(network)
        fit(trained, samples, None, recipe, device=device)
        state: dict[str, Tensor] = trained.state_dict()
        return state

    def bare() -> dict[str, Tensor]:
        trained = copy.deepcopy(network)
        trained.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        n_steps, per_epoch = _n_steps(recipe), -(-len(samples) // recipe.batch_size)
        losses = []
        with pinned(recipe.seed, device):
            stepper = Stepper(trained, samples, recipe, device)
            for step, batch in enumerate(resident):
                rate = learning_rate_at(recipe, step, n_steps, per_epoch)
                losses.append(stepper.take(batch, step, rate))
            assert bool(torch.stack(losses).isfinite().all())
        state: dict[str, Tensor] = trained.state_dict()
        return state

    return Case(
        bench=BENCH,
        case=case,
        ours=_reported(ours, recipe) if device == "cuda" else ours,
        peer="resident batches",
        theirs=bare,
        target=TARGET,
        equal=_same_weights if device == "cpu" else _alike,
        rounds=rounds,
    )


def _predicting(recipe: Recipe) -> Case:
    """Predicting pictures that are decoded meanwhile, against decoded ones."""
    network = build_network(recipe, N_CLASSES, Path("no-weights-needed"))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    files, decoded = _samples(recipe, 256, 1), _samples(recipe, 256, 10**10)

    def on(samples: Samples) -> Callable[[], NDArray[np.float32]]:
        return lambda: predict_probs(
            network, samples.images, len(samples), flip_average=recipe.flip_average, device="cpu"
        )

    return Case(
        bench=BENCH,
        case=f"predicting with {recipe.backbone} {recipe.image_px} px, JPEG",
        ours=on(files),
        peer="decoded pictures",
        theirs=on(decoded),
        target=TARGET,
        equal=np.array_equal,
    )


def _n_steps(recipe: Recipe) -> int:
    assert recipe.max_steps is not None
    return recipe.max_steps


def _samples(recipe: Recipe, n: int, limit: int) -> Samples:
    """Soft pictures of the size and about the bytes of face crops, 224 px and 17 KB."""
    rng = np.random.default_rng(0)
    files = [encode_jpeg(image) for image in _pictures(min(n, 256), 224)]
    targets = rng.integers(0, N_CLASSES, n)
    return make_samples(
        [files[number % len(files)] for number in range(n)],
        targets,
        N_CLASSES,
        recipe.image_px,
        view=recipe.view,
        memory_limit_bytes=limit,
    )


def _pictures(n: int, side: int) -> NDArray[np.uint8]:
    """(n, side, side, 3) uint8."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (n, side // 28, side // 28, 3)).astype(np.uint8)
    large = [cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in coarse]
    grain = rng.integers(-1, 2, (n, side, side, 1))
    noisy = np.clip(np.stack(large).astype(np.int16) + grain, 0, 255)
    return np.asarray(noisy, np.uint8)


def _reported(work: Callable[[], Any], recipe: Recipe) -> Callable[[], Any]:
    """`work`, with images per second and the share of the card's peak on stderr."""
    name = torch.cuda.get_device_name()
    peak = next((flops for card, flops in PEAK_BF16_FLOPS.items() if card in name), None)

    def timed() -> Any:
        start = time.perf_counter()
        result = work()
        torch.cuda.synchronize()
        rate = recipe.batch_size * _n_steps(recipe) / (time.perf_counter() - start)
        share = None if peak is None else round(rate * RESNET50_TRAINING_FLOP / peak, 4)
        row = {"card": name, "images_per_s": round(rate, 1), "share_of_bf16_peak": share}
        print(json.dumps(row), file=sys.stderr, flush=True)
        return result

    return timed


def _same_weights(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


def _alike(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    """On CUDA two runs differ in their last bits."""
    pairs = [(value.float(), theirs[name].float()) for name, value in ours.items()]
    return all(float((a - b).norm()) <= 0.1 * float(b.norm()) + 1e-3 for a, b in pairs)


def _variation(recipe: Recipe, px: int) -> Case:
    images = _pictures(recipe.batch_size, px)
    settings = recipe.augmentation
    transform = _torchvision(recipe)

    def ours() -> Tensor:
        generator = torch.Generator().manual_seed(0)
        varied = augment(to_tensor(images, "cpu"), settings, generator)
        return varied.contiguous(memory_format=torch.channels_last)

    def theirs() -> Tensor:
        torch.manual_seed(0)
        varied = torch.stack([transform(torch.from_numpy(one).permute(2, 0, 1)) for one in images])
        return varied.contiguous(memory_format=torch.channels_last)

    def is_alike(a: Tensor, b: Tensor) -> bool:
        """Both change pictures about as much."""
        before = to_tensor(images, "cpu")
        shifts = [float((after - before).abs().mean()) for after in (a, b)]
        return a.shape == b.shape and 0.7 < shifts[0] / shifts[1] < 1.4

    return Case(
        bench=BENCH,
        case=f"varying {recipe.batch_size} pictures of {px} px",
        ours=ours,
        peer="torchvision v2, each picture",
        theirs=theirs,
        target=1.0,
        equal=is_alike,
    )


def _torchvision(recipe: Recipe) -> nn.Module:
    """The recipe's augmentation in v2 transforms."""
    from torchvision.transforms import v2

    given = recipe.augmentation
    composed: nn.Module = v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5 if given.flip else 0.0),
            v2.RandomAffine(
                given.rotation_deg,
                (given.shift, given.shift),
                (1 / (1 + given.scale), 1 + given.scale),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.ColorJitter(given.brightness, given.contrast, given.saturation),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomErasing(given.erase_prob, given.erase_area, (1.0, 1.0), value=0.5),
        ]
    )
    return composed

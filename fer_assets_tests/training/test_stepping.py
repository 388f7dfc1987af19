"""One step: SAM against two plain passes, clipping, a batch in parts, a translated network."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_assets.training.loader import Batch
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.stepping import Stepper
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe

TRAIN = bar_samples(32, 0)


class PlainBody(nn.Module):
    """A network that treats each picture on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, stride=4)
        self.classifier = nn.Linear(8, 3)

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.classifier

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        return self.classifier(self.conv(images).relu().amax((2, 3)))  # type: ignore[no-any-return]


class ShortOfMemory(nn.Module):
    """Another network's body on a device where more than `limit` pictures don't fit, or where the
    call of a certain number fails."""

    def __init__(self, body: Any, limit: int = 10**9, failing: int = -1) -> None:
        super().__init__()
        self.body, self.limit, self.failing, self.calls = body, limit, failing, 0

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.body.get_classifier()  # type: ignore[no-any-return]

    def forward(self, images: Tensor) -> Tensor:
        """Logits, after all that the body does, or no memory."""
        logits: Tensor = self.body(images)
        self.calls += 1
        if len(images) > self.limit or self.calls == self.failing:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits


def plain() -> nn.Module:
    torch.manual_seed(0)
    return PlainBody()


def normalising() -> nn.Module:
    return build_network(tiny_recipe(), 3, Path("none")).body


def network_of(body: nn.Module) -> PictureNetwork:
    return PictureNetwork(body, (127.5,) * 3, (127.5,) * 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def a_batch(step: int) -> Batch:
    rows = np.arange(16) + step
    images = torch.from_numpy(TRAIN.images(rows)).permute(0, 3, 1, 2).float() / 255
    return Batch(rows, images, torch.from_numpy(TRAIN.targets[rows]))


def steps(body: nn.Module, recipe: Recipe, n: int = 3, parts: int = 1) -> tuple[Stepper, list[Any]]:
    stepper = Stepper(network_of(body), TRAIN, recipe, "cpu")
    stepper.parts = parts
    return stepper, [float(stepper.take(a_batch(step), step, 0.01)) for step in range(n)]


def weights(stepper: Stepper) -> dict[str, Tensor]:
    return {
        name.replace("body.body", "body"): v for name, v in stepper.network.state_dict().items()
    }


def assert_same(first: Stepper, second: Stepper, *, exactly: bool) -> None:
    one, other = weights(first), weights(second)
    assert set(one) == set(other)
    for name, value in one.items():
        if exactly:
            assert torch.equal(value, other[name]), name
        else:
            torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-5, msg=name)


def test_sam_equals_two_plain_passes() -> None:
    """Statistics from the first pass only; the second pass's gradients at the old weights."""
    body = normalising()
    recipe = tiny_recipe(optimiser="sam", sam_rho=0.1, weight_decay=0.05, label_smoothing=0.0)
    reference = network_of(copy.deepcopy(body)).train()
    stepper, losses = steps(body, recipe, n=1)
    batch = a_batch(0)
    loss = functional.cross_entropy(reference(batch.images), batch.goal)
    loss.backward()  # type: ignore[no-untyped-call]
    assert losses[0] == pytest.approx(loss.item(), rel=1e-5)
    statistics = {name: value.clone() for name, value in reference.named_buffers()}
    norm = torch.stack([p.grad.square().sum() for p in reference.parameters()]).sum().sqrt()  # type: ignore[union-attr]
    with torch.no_grad():
        for parameter in reference.parameters():
            assert parameter.grad is not None
            parameter.copy_(parameter + 0.1 * parameter.grad / norm)
    reference.zero_grad()
    functional.cross_entropy(reference(batch.images), batch.goal).backward()  # type: ignore[no-untyped-call]
    for name, parameter in stepper.network.named_parameters():
        # Not the weights: where the gradient is 0 but for rounding, Adam makes noise a whole step.
        expected = reference.get_parameter(name).grad
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-3, atol=1e-5, msg=name)
    for name, value in stepper.network.named_buffers():
        torch.testing.assert_close(value, statistics[name])


def test_clipping_cuts_the_norm_of_the_whole_batch_s_gradient() -> None:
    recipe = tiny_recipe(clip_norm=1e-3)
    for parts in (1, 4):
        stepper, _ = steps(plain(), recipe, n=1, parts=parts)
        gradients = [p.grad for p in stepper.network.parameters() if p.grad is not None]
        square = sum(float((gradient.double() ** 2).sum()) for gradient in gradients)
        assert square**0.5 == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("optimiser", ["adamw", "sam"])
def test_a_batch_in_parts_takes_the_same_step(optimiser: str) -> None:
    recipe = tiny_recipe(optimiser=optimiser, class_weights="balanced", clip_norm=1.0)
    whole, losses = steps(plain(), recipe)
    parted, same_losses = steps(ShortOfMemory(plain(), limit=4), recipe)
    assert parted.parts == 4
    assert losses == pytest.approx(same_losses, rel=1e-4)
    assert_same(whole, parted, exactly=False)
    assert whole.notes() == ()
    assert parted.notes() == (
        "CPU out of memory at 16 pictures: run in 4 parts of 4, same effective batch",
    )


@pytest.mark.parametrize(("optimiser", "failing"), [("adamw", 1), ("adamw", 2), ("sam", 2)])
def test_what_a_failed_attempt_did_is_undone(optimiser: str, failing: int) -> None:
    """Statistics of batch normalisation, SAM's climb: as if the parts had been there at once."""
    recipe = tiny_recipe(optimiser=optimiser)
    before = 1 if failing == 2 and optimiser == "adamw" else 0
    failed = Stepper(
        network_of(ShortOfMemory(normalising(), failing=failing)), TRAIN, recipe, "cpu"
    )
    smooth = Stepper(network_of(normalising()), TRAIN, recipe, "cpu")
    for step in range(3):
        smooth.parts = 1 if step < before else 2
        for stepper in (failed, smooth):
            stepper.take(a_batch(step), step, 0.01)
    assert failed.parts == 2
    assert_same(failed, smooth, exactly=True)
    assert "batch normalisation saw 8 pictures at a time" in failed.notes()[0]


def test_too_little_memory_for_the_smallest_part_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"room for 1 pictures.*smaller backbone"):
        steps(ShortOfMemory(plain(), limit=0), tiny_recipe())
    with pytest.raises(RecipeError, match="room for 2 pictures"):
        steps(ShortOfMemory(normalising(), limit=1), tiny_recipe())


def test_other_errors_of_the_device_are_raised() -> None:
    body = ShortOfMemory(plain())
    body.forward = lambda images: torch.empty(2**62)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match=r"memory|overflow"):
        steps(body, tiny_recipe())


def test_a_translated_network_keeps_its_names_and_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """The translation without the compiler, which takes a minute."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    translated, losses = steps(plain(), tiny_recipe(compile=True))
    whole, same = steps(plain(), tiny_recipe())
    assert losses == pytest.approx(same, rel=1e-5)
    assert list(translated.network.state_dict()) == list(whole.network.state_dict())
    assert_same(translated, whole, exactly=False)
    assert type(translated.network) is PictureNetwork


def test_where_nothing_can_be_translated_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_compiler(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no working C++ compiler")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=no_compiler))
    with pytest.raises(RecipeError, match="compile = false") as refused:
        steps(plain(), tiny_recipe(compile=True))
    assert "no working C++ compiler" in refused.value.found

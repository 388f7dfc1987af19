"""What a dataset of faces owes its users: limits, people in it, how it was made.

Belongs here: the statements that hold for every release, and Croissant's RAI fields. Does not
belong here: counts of one release (`card.py`).
"""

from __future__ import annotations

from typing import Any, Final

from fer_assets.release.version_files import Version

KNOWN_LIMITS: Final = (
    "People act an expression when prompted: a label says what a face shows, not what is felt.",
    "Skin tone, age group and gender are what others saw, not what people say of themselves.",
    "Faces of one person are alike; count people, not images, when judging a difference.",
    "People are told apart by a network: some may be split in two or taken for one.",
    "A label is missing where no convincing majority agreed; those faces are harder than the rest.",
)

USES: Final = (
    "Training and scoring classifiers of posed facial expressions.",
    "Studying agreement of people on expressions.",
)

MISUSES: Final = (
    "Telling what somebody feels, means or is.",
    "Recognising or finding people.",
    "Decisions about people, e.g. on work, credit, school, health or the law.",
)

COLLECTION: Final = (
    "Videos in which people answer the prompts of an expression challenge. Prompts are found by "
    "their sound, frames sampled at 2 per second after each, faces detected, aligned to a "
    "template and cropped to 224 x 224."
)

ANNOTATION: Final = (
    "Several workers answer a branching questionnaire on each crop: is there a face, skin tone, "
    "age group, gender, an Ekman expression, and only if none fits one beyond Ekman's. A label "
    "needs a convincing majority; soft labels weigh workers by their estimated accuracy."
)


def responsible_ai(version: Version) -> dict[str, Any]:
    """Croissant's RAI fields, as far as they are known."""
    simulated = " Some answers are simulated and marked so." if version.is_simulated else ""
    labelled, faces = version.counts["labelled"], version.counts["faces"]
    return {
        "rai:dataCollection": COLLECTION,
        "rai:dataCollectionType": ["Existing Datasets", "Others"],
        "rai:dataCollectionMissingData": f"{faces - labelled} of {faces} faces have no label, "
        "because no convincing majority agreed.",
        "rai:dataPreprocessingProtocol": [
            "Exact copies of a face are left out.",
            "Faces of one person are in one split only; faces of different splits that look like "
            "one picture are put into the split excluded.",
        ],
        "rai:dataAnnotationProtocol": ANNOTATION + simulated,
        "rai:dataAnnotationAnalysis": [
            "Column agreement: share of the answers on a face that agree with its first choice."
        ],
        "rai:machineAnnotationTools": ["Face detection and identity features by neural networks."],
        "rai:dataBiases": [KNOWN_LIMITS[1], KNOWN_LIMITS[4]],
        "rai:dataLimitations": [*KNOWN_LIMITS, *(f"Not for: {text}" for text in MISUSES)],
        "rai:dataUseCases": list(USES),
        "rai:personalSensitiveInformation": [
            "Pictures of faces, with skin tone, age group and gender as others saw them, and "
            "which faces are of one person. No name, no account, no text of the uploader."
        ],
        "rai:dataReleaseMaintenancePlan": "Versions do not change, except that people can be "
        "withdrawn; the version then carries a notice and a new digest.",
    }

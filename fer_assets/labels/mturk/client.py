"""A client of the service, and its errors in words.

Belongs here: endpoints, retries, credentials. Does not belong here: any call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fer_assets.errors import FerError

REGION: Final = "us-east-1"
SANDBOX: Final = "https://mturk-requester-sandbox.us-east-1.amazonaws.com"
PRODUCTION: Final = "https://mturk-requester.us-east-1.amazonaws.com"
SUBMIT_SANDBOX: Final = "https://workersandbox.mturk.com/mturk/externalSubmit"
SUBMIT_PRODUCTION: Final = "https://www.mturk.com/mturk/externalSubmit"


class MTurkError(FerError):
    """The service can't be used, or refused a call."""


def open_client(*, is_production: bool) -> Any:
    """A client of the sandbox, or of the real thing if asked for; throttling is waited out.

    Raises:
        MTurkError: boto3 is not installed, or there are no credentials.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MTurkError(
            "Mechanical Turk", expected="the package boto3", found="none",
            remedy="Install it: pip install 'fer_assets[mturk]'",
        ) from error  # fmt: skip
    with service_errors():
        session = boto3.session.Session()
        if session.get_credentials() is None:
            raise MTurkError("Mechanical Turk", **_NO_CREDENTIALS)
        return session.client(
            "mturk",
            region_name=REGION,
            endpoint_url=PRODUCTION if is_production else SANDBOX,
            config=Config(retries={"mode": "adaptive", "max_attempts": 10}),
        )


_NO_CREDENTIALS: Final = {
    "expected": "credentials of an AWS account linked to a requester",
    "found": "none",
    "remedy": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
}


@contextmanager
def service_errors() -> Iterator[None]:
    """Turn what botocore raises into one sentence."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise MTurkError("Mechanical Turk", **_NO_CREDENTIALS) from error
    except ClientError as error:
        code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
        raise MTurkError(
            f"Mechanical Turk: {error.operation_name}",
            expected="the call to be accepted",
            found=f"{code}: {message}"[:400],
            remedy="What was done before stays done; the same command goes on from there.",
        ) from error
    except BotoCoreError as error:
        raise MTurkError(
            "Mechanical Turk", expected="the service to answer", found=str(error)[:200],
            remedy="Try again; the same command goes on where it stopped.",
        ) from error  # fmt: skip


def error_code(error: Any) -> str:
    """The service's own code of a ClientError, e.g. ``AWS.MechanicalTurk.InvalidHITState``."""
    found = error.response
    return str(found.get("TurkErrorCode") or found.get("Error", {}).get("Code", ""))


def has_code(error: Any, *names: str) -> bool:
    """Whether a ClientError has one of these codes; the service's capitals vary."""
    code = error_code(error).lower().rpartition(".")[2]
    return code in {name.lower() for name in names}

"""Reading submitted forms.

Belongs here: a urlencoded body to plain fields. Does not belong here: what the fields mean.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from fer_assets.web.errors import PageError

MAX_FIELDS: Final = 64
_TYPE: Final = "application/x-www-form-urlencoded"


class FormError(PageError):
    """A body that is no form of ours."""


async def read_form(request: Request) -> dict[str, str]:
    """Field to value of a urlencoded form; blank fields are kept.

    Raises:
        FormError: another content type, not UTF-8, too many fields, or a field given twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != _TYPE:
        raise FormError("This is not a form of this page", status=415)
    return parse_fields(body)


def parse_fields(body: bytes) -> dict[str, str]:
    """Field to value of urlencoded bytes: a form's body or a query.

    Raises:
        FormError: see `read_form`.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:  # bad encoding, or too many fields
        raise FormError("This form can't be read") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormError("This form has a field twice")
    return fields

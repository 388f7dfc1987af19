"""Metadata inside the Arrow schema of a Parquet file, where `datasets` looks for its features.

Belongs here: putting key and value pairs into a serialised Arrow schema. Does not belong here:
which ones (`parquet.py`).

polars writes pairs into the file's footer. pyarrow, on which `datasets` rests, takes the schema's
metadata from the schema that is serialised there under ``ARROW:schema``, and sees no other. That
schema is a FlatBuffers message (Arrow's Message.fbs and Schema.fbs): here a new message and schema
are put in front of the old buffer, and the new schema points on to the old one's fields. Offsets
in FlatBuffers are relative and lead forward, so the old bytes can stay as they are, but for one:
`datasets` takes a feature only for a column of exactly its type, and means Arrow's types with
32-bit offsets where polars writes those with 64-bit ones; in a file both are the same.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Mapping
from typing import Final

import polars as pl

ARROW_SCHEMA: Final = "ARROW:schema"
_CONTINUES: Final = 0xFFFFFFFF
_METADATA_V5: Final = 4
_HEADER_IS_SCHEMA: Final = 1
_ALIGNMENT: Final = 8
_NARROW: Final = {19: 4, 20: 5, 21: 12, 23: 4, 24: 5, 25: 12}
"""Number of a type in Schema.fbs (large or view of Binary, Utf8, List) to that of the plain one."""


def arrow_schema_with(frame: pl.DataFrame, metadata: Mapping[str, str]) -> str:
    """The frame's schema as polars writes it, with pairs added; base64, as Parquet keeps it.

    Args:
        frame: a frame of the wanted columns; rows are not looked at.
        metadata: the pairs.
    """
    buffer = io.BytesIO()
    frame.clear().write_parquet(buffer)
    found = pl.read_parquet_metadata(buffer.getvalue())[ARROW_SCHEMA]
    return base64.b64encode(add_metadata(base64.b64decode(found), metadata)).decode("ascii")


def add_metadata(message: bytes, metadata: Mapping[str, str]) -> bytes:
    """An encapsulated Arrow schema message with pairs added and types narrowed.

    Args:
        message: continuation mark, length, FlatBuffers message.
        metadata: the pairs; the schema must have none yet.

    Raises:
        ValueError: the bytes are no such message.
    """
    mark, length = struct.unpack_from("<II", message)
    if mark != _CONTINUES:
        raise ValueError("not an encapsulated Arrow message")
    old = bytearray(message[8 : 8 + length])
    fields = _fields_at(old)
    _narrow(old, fields)
    # root offset, vtable and table of the message, vtable and table of the schema
    front = bytearray(struct.pack("<I", 16))
    front += struct.pack("<5H2x", 10, 12, 8, 10, 4)
    front += struct.pack("<iIhBx", 12, 20, _METADATA_V5, _HEADER_IS_SCHEMA)
    front += struct.pack("<5H2x", 10, 12, 0, 4, 8)
    schema = len(front)
    front += struct.pack("<iII", 12, 0, 4)  # the pairs follow at once, the fields far behind
    front += _pairs(metadata)
    front += bytes(-len(front) % _ALIGNMENT)
    struct.pack_into("<I", front, schema + 4, len(front) + fields - (schema + 4))
    whole = bytes(front) + old
    whole += bytes(-len(whole) % _ALIGNMENT)
    return struct.pack("<II", _CONTINUES, len(whole)) + whole


def _pairs(metadata: Mapping[str, str]) -> bytes:
    """A vector of KeyValue tables with their strings behind it."""
    vector = bytearray(struct.pack("<I", len(metadata)) + bytes(4 * len(metadata)))
    for number, (key, value) in enumerate(sorted(metadata.items())):
        vector += struct.pack("<4H", 8, 12, 4, 8)
        table = len(vector)
        slot = 4 + 4 * number
        struct.pack_into("<I", vector, slot, table - slot)
        vector += struct.pack("<iII", 8, 0, 0)
        for offset, text in ((4, key), (8, value)):
            struct.pack_into("<I", vector, table + offset, len(vector) - (table + offset))
            data = text.encode()
            vector += struct.pack("<I", len(data)) + data + b"\0"
            vector += bytes(-len(vector) % 4)
    return bytes(vector)


def _fields_at(buffer: bytearray) -> int:
    """Where the vector of fields lies in a message that holds a schema."""
    message = struct.unpack_from("<I", buffer)[0]
    fields = _target(buffer, _target(buffer, message, 2), 1)
    if not fields:
        raise ValueError("an Arrow schema without fields")
    return fields


def _narrow(buffer: bytearray, fields: int) -> None:
    """Change the types of a vector of fields, and of their children, in place."""
    if not fields:
        return
    for number in range(struct.unpack_from("<I", buffer, fields)[0]):
        at = fields + 4 + 4 * number
        field = at + struct.unpack_from("<I", buffer, at)[0]
        kind = field + _offset(buffer, field, 2)
        buffer[kind] = _NARROW.get(buffer[kind], buffer[kind])
        _narrow(buffer, _target(buffer, field, 5))


def _target(buffer: bytearray, table: int, slot: int) -> int:
    """What the offset in a table's slot leads to; 0 for an absent one."""
    inside = _offset(buffer, table, slot)
    if not inside:
        return 0
    return int(table + inside + struct.unpack_from("<I", buffer, table + inside)[0])


def _offset(buffer: bytearray, table: int, slot: int) -> int:
    """Where a slot's value lies in its table; 0 for an absent one."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    size, at = struct.unpack_from("<H", buffer, vtable)[0], 4 + 2 * slot
    return int(struct.unpack_from("<H", buffer, vtable + at)[0]) if at < size else 0

"""JSON files that tell whether they are whole."""

from __future__ import annotations

import json
from typing import Any

import google_crc32c


def sealed(document: dict[str, Any]) -> bytes:
    """Return ``document`` as JSON with a checksum of itself.

    Examples:
        >>> sealed({"rows": [0, 8]})
        b'{"rows": [0, 8], "crc32c": 3576438672}'
        >>> unsealed(sealed({"rows": [0, 8]}))
        {'rows': [0, 8]}
    """
    return json.dumps({**document, "crc32c": _checksum(document)}).encode()


def unsealed(content: bytes) -> dict[str, Any]:
    """Return the document of a sealed file.

    Raises:
        ValueError: it is no such file, or was changed.
    """
    try:
        document = json.loads(content)
    except RecursionError as error:
        raise ValueError("the file is nested too deeply") from error
    if not isinstance(document, dict) or document.pop("crc32c", None) != _checksum(document):
        raise ValueError("the file does not match its own checksum: it was changed or damaged")
    return document


def _checksum(document: dict[str, Any]) -> int:
    return int(google_crc32c.value(json.dumps(document, sort_keys=True).encode()))

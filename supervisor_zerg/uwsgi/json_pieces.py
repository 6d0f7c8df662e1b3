"""Reads JSON in pieces and within limits.

json.loads would hold supervisord's loop for a document that an instance makes as expensive as it
can (20,000 rows: 345 ms). Only those members of objects are kept that are asked for. Strings are
not unescaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from typing import NoReturn, Union

from ..linux.pieces import Pacer, Pieces

Json = Union[None, bool, int, float, str, list["Json"], dict[str, "Json"]]

DEPTH_LIMIT = 16
TOKENS_LIMIT = 262_144
CONTAINERS_LIMIT = 32_768  # kept ones: a full garbage collection has to go through them
TOKEN_BYTES_LIMIT = 66_000  # uWSGI's variables are at most 64 KiB long
DIGITS_LIMIT = 20  # of an unsigned 64-bit number

TOKEN = re.compile(
    rb"[ \t\r\n]{0,256}(?:"
    rb"(?P<mark>[{}\[\],:])"
    rb'|"(?P<string>[^"\\]*(?:\\.[^"\\]*)*)"'
    rb"|(?P<integer>-?[0-9]+)(?![0-9.eE])"
    rb"|(?P<float>-?[0-9]{1,20}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?)(?![0-9.eE])"
    rb"|(?P<word>true|false|null)"
    rb")",
    re.DOTALL,
)
WORDS: dict[bytes, Json] = {b"true": True, b"false": False, b"null": None}


class InvalidJson(ValueError):
    """It is not JSON, or beyond the limits. The message says which."""


def read_small(data: bytes) -> Json:
    """Return a document that is small enough to be read in one piece, 10 times as fast.

    Raises:
        InvalidJson: it is not JSON, or too deep.
    """
    try:
        document: Json = json.loads(data.decode("utf-8", "replace"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidJson(" ".join(str(error).split())[:100]) from None
    return document


def _refuse(constant: str) -> NoReturn:
    raise InvalidJson(f"{constant} is no JSON")


class JsonReader:
    """Reads one document.

    Args:
        data: its bytes.
        keep: names of the members that are kept.
        pacer: divides the reading.
    """

    def __init__(self, data: bytes, keep: Set[str], pacer: Pacer) -> None:
        self.data = data
        self.keep = keep
        self.pacer = pacer
        self._position = 0
        self._tokens = 0
        self._containers = 0

    def read(self) -> Pieces[Json]:
        """Read the document.

        Raises:
            InvalidJson: see there.
        """
        value = yield from self._value(self._next(), True, 0)
        if self.data[self._position :].strip():
            raise InvalidJson("more than one document")
        return value

    def _next(self) -> re.Match[bytes]:
        match = TOKEN.match(self.data, self._position, self._position + TOKEN_BYTES_LIMIT)
        if match is None:
            raise InvalidJson(f"no JSON at byte {self._position}")
        self._position = match.end()
        self._tokens += 1
        if self._tokens > TOKENS_LIMIT:
            raise InvalidJson(f"more than {TOKENS_LIMIT} values")
        return match

    def _value(self, token: re.Match[bytes], kept: bool, depth: int) -> Pieces[Json]:
        if self.pacer.due():
            yield
        if token.lastgroup != "mark":
            return _scalar(token)
        if depth >= DEPTH_LIMIT:
            raise InvalidJson(f"deeper than {DEPTH_LIMIT}")
        self._containers += kept
        if self._containers > CONTAINERS_LIMIT:
            raise InvalidJson(f"more than {CONTAINERS_LIMIT} objects and lists")
        if token["mark"] == b"{":
            return (yield from self._object(kept, depth + 1))
        if token["mark"] == b"[":
            return (yield from self._list(kept, depth + 1))
        raise self._unexpected(token)

    def _object(self, kept: bool, depth: int) -> Pieces[Json]:
        found: dict[str, Json] = {}
        token = self._next()
        while token["mark"] != b"}":
            if token.lastgroup != "string" or self._next()["mark"] != b":":
                raise self._unexpected(token)
            name = token["string"].decode("utf-8", "replace")
            wanted = kept and name in self.keep
            value = yield from self._value(self._next(), wanted, depth)
            if wanted:
                found[name] = value
            token = self._after(b"}")
        return found

    def _list(self, kept: bool, depth: int) -> Pieces[Json]:
        found: list[Json] = []
        token = self._next()
        while token["mark"] != b"]":
            value = yield from self._value(token, kept, depth)
            if kept:
                found.append(value)
            token = self._after(b"]")
        return found

    def _after(self, end: bytes) -> re.Match[bytes]:
        """The token after a member: the end, or the first one of the next member."""
        token = self._next()
        if token["mark"] == end:
            return token
        if token["mark"] != b",":
            raise self._unexpected(token)
        token = self._next()
        if token["mark"] == end:
            raise self._unexpected(token)
        return token

    def _unexpected(self, token: re.Match[bytes]) -> InvalidJson:
        return InvalidJson(f"unexpected value at byte {token.start()}")


def _scalar(token: re.Match[bytes]) -> Json:
    if token.lastgroup == "integer":
        digits = token["integer"]
        if len(digits) > DIGITS_LIMIT:
            raise InvalidJson(f"a number of {len(digits)} digits")
        return int(digits)
    if token.lastgroup == "string":
        return token["string"].decode("utf-8", "replace")
    if token.lastgroup == "float":
        return float(token["float"])
    return WORDS[token["word"]]

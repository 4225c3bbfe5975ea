"""What a body of JSON objects of one kind holds, and what is wrong with those that don't fit."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from metrics.ingest.constants import as_numbers, named_in
from metrics.ingest.counting import filled_lines, has_more_elements

T = TypeVar("T", bound=msgspec.Struct)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_OUT_OF_RANGE = "Number out of range"
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class Rejection(msgspec.Struct):
    """Why one row was not stored: which field, what is wrong with it, how to mend it."""

    index: int
    field: str
    problem: str
    fix: str


class MalformedBody(Exception):
    """The body as a whole is not what the endpoint takes."""


class Form(Generic[T]):
    """One kind of object on the wire; ``fixes`` says of each field what it may be."""

    def __init__(self, kind: type[T], fixes: Mapping[str, str], noun: str) -> None:
        self.fields = tuple(field.name for field in msgspec.structs.fields(kind))
        self.fixes, self._noun = fixes, noun
        self._one = msgspec.json.Decoder(kind)
        # mypy takes no type that is known only at run time.
        self._many = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]

    def decode(self, body: bytes, most: int) -> tuple[list[tuple[int, T]], list[Rejection]]:
        """Objects with their index in the body, and the rejections of those that don't fit.

        Raises MalformedBody for anything but one JSON object or a list of at most
        ``most``. A body without fault is decoded in one pass; only one with a
        fault is gone through one by one, to say where.
        """
        is_list = body.lstrip()[:1] == b"["
        try:
            found = self._many.decode(body) if is_list else [self._one.decode(body)]
        except msgspec.ValidationError:
            return self.one_by_one(body, is_list, most)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            numbered = as_numbers(body, most)
            if numbered is not body:
                return self.one_by_one(numbered, is_list, most)
            raise MalformedBody(f"The body is no JSON: {error}.") from error
        self._check_count(len(found), most)
        return list(enumerate(found)), []

    def decode_lines(self, body: bytes, most: int) -> tuple[list[tuple[int, T]], list[Rejection]]:
        """As ``decode``, for one JSON object a line; blank lines are skipped and not counted.

        A line that is no JSON is a rejection of its own: the others are still whole.
        """
        self._check_count(filled_lines(body), most)
        lines = [line for line in body.splitlines() if line.strip()]
        try:
            found = [self._one.decode(line) for line in lines]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._each([as_numbers(line, most) for line in lines])
        return list(enumerate(found)), []

    def one_by_one(
        self, body: bytes, is_list: bool, most: int
    ) -> tuple[list[tuple[int, T]], list[Rejection]]:
        """As ``decode``, each object by itself."""
        if is_list and has_more_elements(body, most):
            raise MalformedBody(f"More than {most} {self._noun}s in one request.")
        try:
            # The fault found may have ended the reading early: only now is all of it looked at.
            raws = _RAWS.decode(body) if is_list else [_RAW.decode(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedBody(f"The body is no JSON: {error}.") from error
        self._check_count(len(raws), most)
        return self._each(raws)

    def _each(
        self, raws: Sequence[bytes | msgspec.Raw]
    ) -> tuple[list[tuple[int, T]], list[Rejection]]:
        found: list[tuple[int, T]] = []
        rejections: list[Rejection] = []
        for index, raw in enumerate(raws):
            try:
                found.append((index, self._one.decode(raw)))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                rejections.append(self._explain(index, str(error), bytes(raw)))
        return found, rejections

    def _check_count(self, count: int, most: int) -> None:
        if count == 0:
            raise MalformedBody(f"The body holds no {self._noun}: send at least one.")
        if count > most:
            raise MalformedBody(f"{count} {self._noun}s in one request; send at most {most}.")

    def _explain(self, index: int, message: str, raw: bytes) -> Rejection:
        """Turn msgspec's message into field, problem and fix."""
        problem, _, path = message.partition(" - at `$")
        if named := re.search(r"unknown field `(.*)`$", problem, re.DOTALL):
            field = named.group(1)
            near = difflib.get_close_matches(field, self.fields, n=1)
            known = f"Leave it out; known: {', '.join(self.fields)}."
            fix = f"Did you mean {near[0]}?" if near else known
            return Rejection(index, field or self._whole, "This field is unknown.", fix)
        if named := re.search(r"missing required field `(.*)`$", problem):
            field = named.group(1)
            return Rejection(index, field, "This required field is missing.", self.fixes[field])
        field = re.match(r"\.?(\w*)", path).group(1)  # type: ignore[union-attr]  # always matches
        problem = problem.replace("`", "")
        if problem == _OUT_OF_RANGE and (name := named_in(raw)):
            problem = f"This is {name}, which is no number in JSON"
        fix = self.fixes.get(field, f"Send an object with the fields of a {self._noun}.")
        return Rejection(index, field or self._whole, f"{problem}.", fix)

    @property
    def _whole(self) -> str:
        """What stands for the field where the fault is in none."""
        return f"({self._noun})"

"""Read a protobuf message from its bytes, strictly and without a library.

The wire format is described at https://protobuf.dev/programming-guides/encoding. What a lenient reader would
merge, skip or guess is refused here, so that no other reader finds more in the same bytes.
"""

import re
from collections import defaultdict
from typing import TypeAlias

Value: TypeAlias = int | memoryview  # a number; or bytes: a text, a message, packed numbers
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # kinds of values; others are no longer used
_LONGEST = 10  # bytes of a varint
FAR = 64  # bits of a number


class BadMessage(ValueError):
    "These bytes are not a message, or can be read in more than one way."


class Message:
    "The fields of one message: values by number, in their order."

    def __init__(
        self,
        content: bytes | memoryview,
        skip: re.Pattern[bytes] | None = None,  # fields that are passed over, many at once
    ) -> None:
        "Parse a message. Raises BadMessage."
        self.size = len(content)
        self._fields: dict[int, list[Value]] = defaultdict(list)
        view, at = memoryview(content), 0
        while at < self.size:
            if skip and (passed := skip.match(view, at)):
                at = passed.end()
                continue
            number, value, at = _field(view, at)
            self._fields[number].append(value)

    def has(self, *numbers: int) -> bool:
        "Is there any value of these fields?"
        return any(number in self._fields for number in numbers)

    def bytes_of(self, number: int) -> list[memoryview]:
        "Every value of a field of bytes. Raises BadMessage for a number."
        values = self._fields.get(number, [])
        texts = [value for value in values if isinstance(value, memoryview)]
        if len(texts) < len(values):
            raise BadMessage(f"field {number} holds numbers")
        return texts

    def one(self, number: int) -> memoryview:
        "Return the only value of a field of bytes; empty without one. Raises BadMessage for several."
        values = self.bytes_of(number)
        if len(values) > 1:
            raise BadMessage(f"field {number} stands twice")
        return values[0] if values else memoryview(b"")

    def numbers_of(self, number: int) -> list[int]:
        "Every number of a field, packed or not, as signed 64 bits. Raises BadMessage."
        numbers: list[int] = []
        for value in self._fields.get(number, []):
            numbers += [value] if isinstance(value, int) else _packed(value)
        return [one - (1 << FAR) if one >> (FAR - 1) else one for one in numbers]


def _field(view: memoryview, at: int) -> tuple[int, Value, int]:
    "Return number and value of the field that begins here, and where the next one begins."
    key, at = _varint(view, at)
    number, kind = key >> 3, key & 7
    if kind == VARINT and number:
        value, at = _varint(view, at)
        return number, value, at
    size = {EIGHT: 8, FOUR: 4}.get(kind, -1)
    if kind == BYTES:
        size, at = _varint(view, at)
    if size < 0 or not number or at + size > len(view):
        raise BadMessage(f"byte {at} belongs to no field")
    return number, view[at : at + size], at + size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_LONGEST):
        if at + place >= len(view):
            break
        byte = view[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number & ((1 << FAR) - 1), at + place + 1
    raise BadMessage(f"byte {at} begins no number")


def _packed(view: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(view):
        number, at = _varint(view, at)
        numbers.append(number)
    return numbers

"""Remember answers: a prediction is a pure function of record and version, so the memo is exact.

It belongs to what is live and is gone with it, and holds a bounded number of bodies of bounded size.
"""

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.asking import Ask, Asked
    from serving.models import Models

LONGEST = 4_096  # bytes of a body, and characters of a key, that are remembered


class Memo(dict[tuple[str, bytes], "Asked"]):
    "What was answered, by key and body; finding takes no lock, only keeping does."

    __slots__ = ("_lock", "_order")

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._order: deque[tuple[str, bytes]] = deque()  # a dict takes long to find its own first key

    def keep(self, asked_with: tuple[str, bytes], asked: "Asked", most: int) -> None:
        "Keep one answer, and never more than `most`: the oldest is forgotten first."
        with self._lock:
            if asked_with in self:
                return
            if len(self) >= most:
                del self[self._order.popleft()]
            self._order.append(asked_with)
            self[asked_with] = asked


def remembering(ask: "Ask", models: "Models", most: int) -> "Ask":
    "The same answers, the model being called only for what is new."

    def recall(body: bytes, key: str = "") -> "Asked":
        memo = models.live.memo
        known = memo.get((key, body))
        if known is not None:
            return known
        asked = ask(body, key)
        if len(body) + len(key) <= LONGEST:
            memo.keep((key, body), asked._replace(seconds=None), most)
        return asked

    return recall

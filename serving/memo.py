"""Remember answers: a prediction is a pure function of record and version, so the memo is exact.

It belongs to what is live and is gone with it, and holds a bounded number of bodies of bounded size.
"""

from serving.asking import Ask, Asked
from serving.models import Models

LONGEST = 4_096  # bytes of a body, and characters of a key, that are remembered


def remembering(ask: Ask, models: Models, most: int) -> Ask:
    "The same answers, the model being called only for what is new; the oldest is forgotten first."

    def recall(body: bytes, key: str = "") -> Asked:
        memo = models.live.memo
        known: Asked | None = memo.get((key, body))
        if known is not None:
            return known
        asked = ask(body, key)
        if len(body) + len(key) <= LONGEST:
            if len(memo) >= most:
                memo.pop(next(iter(memo), None), None)
            memo[key, body] = asked._replace(seconds=None)
        return asked

    return recall

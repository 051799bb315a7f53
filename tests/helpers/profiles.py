"""Profiles of a few counts, for tests that need no training."""

from goldenpath.feedback.profile import FieldProfile, Profile, ScoreProfile


def small_profile() -> Profile:
    "Return the profile of a model of two outcomes with a text field and a number."
    colour = FieldProfile(name="colour", levels=("red", "blue"), counts=(60, 30, 10))
    age = FieldProfile(name="age", edges=(30, 60), lowest=18, highest=90, counts=(40, 35, 20), missing=5)
    score = ScoreProfile(name="yes", starts=(0, 300, 600), counts=(50, 30, 20), means=(0.1, 0.4, 0.8))
    return Profile(
        task="binary",
        rows={"train": 100, "validation": 100, "test": 100},
        fields=(colour, age),
        scores=(score,),
        labels={"no": 80, "yes": 20},
        metrics={},
        spread={},
    )

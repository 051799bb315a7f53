"""What changed for users between two changelogs: the entries of the newer one that the older one lacks."""

import re

HEADINGS = ("Removed", "Changed", "Security", "Added", "Fixed")  # what asks for attention first


def new_entries(before: str, after: str) -> list[tuple[str, str]]:  # heading and text
    "List the entries that are only in the newer changelog."
    earlier = {text for _, text in _entries(before)}
    fresh = [(heading, text) for heading, text in _entries(after) if text not in earlier]
    order = {heading: place for place, heading in enumerate(HEADINGS)}
    return sorted(fresh, key=lambda entry: order.get(entry[0], len(HEADINGS)))


def _entries(changelog: str) -> list[tuple[str, str]]:
    entries, heading = [], ""
    for block in re.split(r"(?m)^(?=#+ |- )", changelog):
        if block.startswith("#"):
            heading = block.splitlines()[0].strip("# ")
        elif block.startswith("- "):
            entries.append((heading, " ".join(block.removeprefix("- ").split())))
    return entries

"""A table for the terminal whose cells are text: what looks like markup is shown as it was written."""

from typing import Any

from rich.table import Table
from rich.text import Text

from goldenpath.text.plain import plain


class TextTable(Table):
    "A `rich` table that takes nothing for markup; a cell with a style is made by `styled`."

    def __init__(self, title: str = "", *, caption: str = "", **options: Any) -> None:
        super().__init__(
            title=styled(title, "table.title") if title else None,
            caption=styled(caption, "table.caption") if caption else None,
            **options,
        )

    def add_column(self, header: Any = "", *rest: Any, **options: Any) -> None:
        super().add_column(styled(header), *rest, **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*map(styled, cells), **options)


def styled(text: str | Text, style: str = "") -> Text:
    "Mark a text with a style of `rich`, such as `bold red`."
    return text if isinstance(text, Text) else Text(plain(text), style)

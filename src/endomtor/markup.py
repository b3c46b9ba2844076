"""Text of users within markup, and tables as HTML."""

import re
from collections.abc import Iterable


def plain_in_markdown(text: str) -> str:
    """Return a user's text so that Markdown shows it as it is, HTML and links included."""
    return re.sub(r"([\\`*_{}\[\]<>$#|~])", r"\\\1", text)


def anchor(evidence_id: str) -> str:
    """Return the id of the element that belongs to a piece of evidence, of which addresses are made."""
    return re.sub(r"[^\w.+-]", "_", evidence_id)


def table(heads: Iterable[str], rows: Iterable[str], style: str = "", bodies: bool = False) -> str:
    """Return an HTML table.

    Parameters
    ----------
    heads : iterable of str
        HTML of the headings.
    rows : iterable of str
        HTML of each row, `<tr>` included; with `bodies` of each group of rows, `<tbody>` included.
    style : str
        Its classes.
    """
    # Blanks between the cells: the search of the site takes what stands between tags together as one word.
    head = " ".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(rows) if bodies else f"<tbody>{' '.join(rows)}</tbody>"
    named = f' class="{style}"' if style else ""
    return f"<table{named}><thead><tr>{head}</tr></thead> {body}</table>"

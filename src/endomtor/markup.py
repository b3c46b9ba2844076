"""Text of users within markup."""

import re


def plain_in_markdown(text: str) -> str:
    """Return a user's text so that Markdown shows it as it is, HTML and links included."""
    return re.sub(r"([\\`*_{}\[\]<>$#|~])", r"\\\1", text)

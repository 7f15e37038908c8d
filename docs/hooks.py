"""Of the site only: a link to a file outside docs/ becomes that file's name, for the site holds docs/ alone."""

import re

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs for each page before it is rendered."""
    return OUTSIDE.sub(r"\1", markdown)

"""Results as JSON lines: printed by a part as soon as it has one, read again by the table."""

import json
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError

Line = dict[str, Any]
"""One result; `part` names the part that it comes from, `error` says why there is none."""


def emit(**fields: Any) -> None:
    """Print one result of this process at once."""
    print(json.dumps(fields), flush=True)


def parse(text: str) -> Line | None:
    """The result in a line that a part has printed; None where it is something else that a library prints."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def read_lines(path: Path) -> list[Line]:
    """The results in a file of JSON lines, also where the last one was cut off. Raises UserError without any."""
    try:
        found = [parse(text) for text in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(path, f"cannot be read ({error})", "name the file that gpu.py --output wrote") from error
    lines = [line for line in found if line is not None and "part" in line]
    if not lines:
        raise UserError(path, "holds no result of gpu.py", "name the file that gpu.py --output wrote")
    return lines

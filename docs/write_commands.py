"""Writes docs/commands.md: what each command prints for --help. Run it again after an option was changed.

`python docs/write_commands.py`, from the project's folder.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "commands.md"
ENVIRONMENT = {**os.environ, "COLUMNS": "84", "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "src")}
START = """# Commands

In a clone each command is `python scripts/<command>.py`; where the package is installed it is `radiogen <command>`,
with the same options. `python docs/write_commands.py` writes this page from the commands themselves.
"""


def scripts() -> list[Path]:
    """The commands, by name."""
    return sorted(path for path in (ROOT / "scripts").glob("*.py") if path.name != "environment.py")


def page(help_of: Callable[[Path], str]) -> str:
    """The whole page; `help_of` runs a command with --help."""
    return START + "".join(f"\n## {path.stem}\n\n```text\n{help_of(path).strip()}\n```\n" for path in scripts())


def _help_of(path: Path) -> str:
    return subprocess.run([sys.executable, f"scripts/{path.name}", "--help"], env=ENVIRONMENT, cwd=ROOT, check=True,
                          text=True, capture_output=True).stdout


if __name__ == "__main__":
    PAGE.write_text(page(_help_of), encoding="utf-8")

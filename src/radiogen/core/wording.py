"""How messages name parameters and commands: as whoever called the package writes them.

The library knows parameters (`epochs`) and commands (`train`). Started as `python scripts/train.py`, a message says
`--epochs` and `python scripts/train.py`; started as `radiogen train`, or imported by somebody's program, it says
`radiogen train`. Worker processes inherit the choice through the environment.
"""

import os
import shlex
import sys
from pathlib import Path

CALLED_AS = "RADIOGEN_CALLED_AS"
"""Environment variable: `scripts`, `radiogen`, or absent where a program imported the package."""


def called_as(way: str) -> None:
    """Choose how this process and its children name parameters and commands: `scripts` or `radiogen`."""
    os.environ[CALLED_AS] = way


def parameter(name: str, value: object = None) -> str:
    """A parameter with its value, if one is given: `--batch-size 4` on the command line, else `batch_size=4`."""
    shown = "" if value is None else str(value)
    if CALLED_AS in os.environ:
        return f"--{name.replace('_', '-')} {shown}".rstrip()
    return f"{name}={shown}" if shown else name


def command(name: str, *words: object) -> str:
    """A command to copy into a terminal; words are quoted where a shell needs it."""
    return " ".join([command_start(name), *(shlex.quote(str(word)) for word in words)])


def command_start(name: str) -> str:
    """A command without its options."""
    if os.environ.get(CALLED_AS) == "scripts":
        return f"python scripts/{name.replace('-', '_')}.py"
    return f"radiogen {name.replace('_', '-')}"


def this_program() -> str:
    """The command of this process without its options: `python scripts/train.py` or `radiogen train`."""
    return sys.argv[0] if sys.argv[0].startswith("radiogen ") else f"python {sys.argv[0]}"


def this_command() -> str:
    """The command line of this process, to copy into a terminal."""
    if sys.argv[0].startswith("radiogen "):
        return " ".join([sys.argv[0], *map(shlex.quote, sys.argv[1:])])
    return shlex.join([Path(sys.executable).name, *sys.argv])

"""How messages name parameters and commands: as the caller writes them.

The library knows parameters (`epochs`) and commands (`train`). Started as `python scripts/train.py`, a message says
`--epochs` and `python scripts/train.py`; started as `radiogen train`, or imported by somebody's program, it says
`radiogen train`. Worker processes inherit the choice through the environment.
"""

import difflib
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

_NOT_GIVEN = object()
CALLED_AS = "RADIOGEN_CALLED_AS"
"""Environment variable: `scripts`, `radiogen`, or absent where a program imported the package."""


def called_as(way: str) -> None:
    """Choose how this process and its children name parameters and commands: `scripts` or `radiogen`."""
    os.environ[CALLED_AS] = way


def parameter(path: str, value: object = _NOT_GIVEN) -> str:
    """A parameter, or a recipe's field by its path, with its value if there is one.

    `optimisation.epochs=5` for a program; on the command line `--epochs 5`.
    """
    if CALLED_AS not in os.environ:
        return path if value is _NOT_GIVEN else f"{path}={value!r}"
    if value is _NOT_GIVEN or value is True:
        return option(path)
    if value is False:
        return f"--no-{option(path)[2:]}"
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([option(path), *(shlex.quote(str(each)) for each in values)])


def option(path: str) -> str:
    """The option of a parameter or of a recipe's field: `--epochs` of `optimisation.epochs`."""
    return f"--{path.rpartition('.')[2].replace('_', '-')}"


def command(name: str, *words: object) -> str:
    """A command to copy into a terminal; words are quoted where a shell needs it."""
    return " ".join([command_start(name), *(shlex.quote(str(word)) for word in words)])


def command_start(name: str) -> str:
    """A command without its options."""
    if os.environ.get(CALLED_AS) == "scripts":
        return f"python scripts/{name.replace('-', '_')}.py"
    return f"radiogen {name.replace('_', '-')}"


def as_run(folder: Path | str) -> str:
    """A run as the value of an option of a command: its name, and `--models PATH` where it lies elsewhere."""
    folder = Path(folder).absolute()
    return shlex.quote(folder.name) + models_option(folder.parent)


def models_option(models: Path | str) -> str:
    """` --models PATH`, or nothing where commands look by default."""
    return "" if Path(models).absolute() == Path("models").absolute() else f" --models {shlex.quote(str(models))}"


def this_program() -> str:
    """The command of this process without its options: `python scripts/train.py` or `radiogen train`."""
    return sys.argv[0] if sys.argv[0].startswith("radiogen ") else f"python {sys.argv[0]}"


def this_command() -> str:
    """The command line of this process, to copy into a terminal."""
    if sys.argv[0].startswith("radiogen "):
        return " ".join([sys.argv[0], *map(shlex.quote, sys.argv[1:])])
    return shlex.join([Path(sys.executable).name, *sys.argv])


def shortened(words: Sequence[str], most: int = 5, more: str = "more") -> str:
    """The first `most`, and how many there are beside them: `a, b and 3 more`."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} {more}" if rest > 0 else "")


def as_text(name: str) -> str:
    """The name of a file as text: `?` for each byte of it that is no character in this system's encoding."""
    return name.encode(errors="replace").decode()


def listing(words: Sequence[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and c`, or the first `most` of them and how many more; repeated words once; "" of none."""
    words = list(dict.fromkeys(words))
    if len(words) > most:
        return shortened(words, most)
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def duration(seconds: float) -> str:
    """Seconds in words: `8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    for large, name, small, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        whole = round(seconds / small) * small
        if whole >= large:
            return f"{whole // large} {name} {whole % large // small} {part}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def size(count: float) -> str:
    """Bytes in words: `310 kB`, `5.2 MB`, `12 GB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:.1f} {unit}" if count < 9.95 and unit != "bytes" else f"{count:.0f} {unit}"


def age(seconds: float) -> str:
    """How long ago, in one unit: `8 s`, `3 min`, `2 h`, `5 d`."""
    for large, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= large:
            return f"{seconds // large:.0f} {name}"
    return f"{seconds:.0f} s"


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean report-3d?)` where one of `known` is much like `word`, else nothing."""
    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    return f" (did you mean {names[found[0]]}?)" if found else ""

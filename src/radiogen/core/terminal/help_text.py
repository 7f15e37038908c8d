"""What `--help` prints: what the command does, an example, its options by topic with unit and default, 100 columns.

In: a function or a dataclass that tyro reads. Out: text. A line `Example: NAME OPTIONS` in a docstring becomes the
command as it is typed here.
"""

import argparse
import re
import shutil
import textwrap
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from radiogen.core.wording import command_start, this_program

WIDEST = 100
COLUMN = 28
"""Where the descriptions of options begin."""
MANY = 8
"""More options than these in one group are divided by topic."""
TOPICS = {
    "what is read": ("data", "tables", "labels", "patients", "predictions", "geometry", "case", "test", "test_labels",
                     "wheels", "python", "start_from", "leave_out", "subset"),
    "where it is kept": ("models", "output", "cache", "submissions", "delete_archive"),
    "where it runs": ("workers", "parallel_folds", "scheduler", "devices", "machines", "machine", "coordinator",
                      "fast"),
    "how tables are read": ("id_column", "fold_column", "label_column", "probability_column", "positive", "negative",
                            "scores", "split", "only"),
}
"""By topic, the parameters that belong to it; others stay in a first group."""
SWITCHES = {"True": "yes", "False": "no"}
KINDS = {"STR": "TEXT", "INT": "INTEGER", "FLOAT": "NUMBER"}


def help_text(target: Callable[..., Any], **settings: Any) -> str:
    """The help of a command; settings: as `tyro.cli` takes them."""
    parser = _parser(target, **settings)
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    paragraphs = re.split(r"\n\s*\n", (settings.get("description") or parser.description or "").strip())
    examples = [one for one in paragraphs if one.startswith("Example: ")]
    words = [str(action.metavar) for action in parser._get_positional_actions()]
    blocks = [f"usage: {' '.join([this_program(), *map(_kind, words), '[OPTIONS]'])}",
              *(textwrap.fill(" ".join(one.split()), width) for one in paragraphs if one not in examples),
              *(f"example: {_example(one)}" for one in examples)]
    for title, description, actions in _groups(parser):
        lines = [f"{title}:", *(textwrap.wrap(description, width - 2, initial_indent="  ", subsequent_indent="  ")
                                if description else ())]
        blocks.append("\n".join([*lines, *(line for action in actions for line in _option_lines(action, width))]))
    return "\n\n".join(blocks)


def option_names(target: Callable[..., Any], **settings: Any) -> list[str]:
    """The options of a command, as they are typed."""
    return [name for action in _parser(target, **settings)._actions for name in action.option_strings]


def option_helps(target: Callable[..., Any], **settings: Any) -> dict[str, str]:
    """By option, as it is typed, its description with its default."""
    return {action.option_strings[0]: _described(action) for action in _parser(target, **settings)._actions
            if action.option_strings}


def _parser(target: Callable[..., Any], **settings: Any) -> Any:
    """The command as a parser of argparse (tyro has a copy of its own), in which options can be looked at."""
    import tyro

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return tyro.extras.get_parser(target, **settings)


def _groups(parser: Any) -> Iterator[tuple[str, str, list[argparse.Action]]]:
    """Title, description and options of each group; a long one without a description is divided by topic."""
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.dest != "help"]
        title = str(group.title or "options")
        topics = {} if group.description or len(actions) <= MANY else TOPICS
        placed = {name: topic for topic, names in topics.items() for name in names}
        for topic in (title, *topics):
            chosen = [action for action in actions if placed.get(_name(action), title) == topic]
            if chosen:
                yield topic, str(group.description or ""), chosen


def _name(action: argparse.Action) -> str:
    """The parameter that an option is for."""
    return str(action.option_strings[0] if action.option_strings else action.dest).strip("-").replace("-", "_")


def _option_lines(action: argparse.Action, width: int) -> list[str]:
    head, indent = f"  {_typed(action)}", " " * COLUMN
    lines = textwrap.wrap(_described(action), width - COLUMN, break_long_words=False, break_on_hyphens=False)
    if len(head) + 2 > COLUMN:
        heads = textwrap.wrap(head.strip(), width, initial_indent="  ", subsequent_indent=" " * 6,
                              break_on_hyphens=False)
        return [*heads, *(indent + line for line in lines)]
    return [f"{head:<{COLUMN}}{line}" if number == 0 else indent + line for number, line in enumerate(lines)]


def _typed(action: argparse.Action) -> str:
    """`--epochs INTEGER`, `--[no-]tta`, `RUN ...`."""
    names = action.option_strings
    if len(names) == 2 and names[1] == f"--no-{names[0][2:]}":
        return f"--[no-]{names[0][2:]}"
    metavar = "" if action.metavar is None else str(action.metavar)
    return " ".join(filter(None, [", ".join(names), _kind(metavar)]))


def _kind(metavar: str) -> str:
    """What an option takes, in plain words: `TEXT` for `{None}|STR`, `PATH ...` for `[PATH [PATH ...]]`."""
    repeated = re.fullmatch(r"\[+(.+?) \[.+ \.\.\.\]+", metavar)
    text = f"{repeated[1]} ..." if repeated else metavar
    return re.sub(r"STR|INT|FLOAT", lambda found: KINDS[found[0]], text.replace("{None}|", ""))


def _described(action: argparse.Action) -> str:
    """The sentence and the default, `yes` or `no` of a switch, `none` where the sentence does not say it.

    In a sentence a field's name between backticks becomes its option.
    """
    whole = " ".join(str(action.help or "").replace("%%", "%").split())
    whole = re.sub(r"`(\w+)`", lambda found: f"--{found[1].replace('_', '-')}", whole)
    found = re.fullmatch(r"(.*) \(default: ([^()]*)\)", whole)
    if found is None:
        return whole
    text, default = found[1], found[2]
    if default not in ("None", "", "''"):
        return f"{text} (default: {SWITCHES.get(default, default)})"
    text = re.sub(r"; None: (.+)\.$", r" (default: \1).", text)
    return text if "(default" in text or not action.option_strings else f"{text} (default: none)"


def _example(line: str) -> str:
    """`Example: train --data D` as it is typed here."""
    name, _, options = " ".join(line.removeprefix("Example: ").split()).partition(" ")
    return f"{command_start(name)} {options}".strip()

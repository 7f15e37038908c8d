"""What was pushed to Kaggle, in one JSON file beside the runs, replaced before and after every push.

In: the record's path and the plan that it has to belong to. Out: a frozen `Record` of the dataset and the sessions. An
entry is written before its push, with the newest version that Kaggle had then: where the command was cut off in
between, a newer one at Kaggle is the one that was pushed.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter

ARRAYS, TRAIN = "arrays", "train"
"""Kinds of sessions: the first makes the arrays, without a GPU; the others train."""
PUSHING, PUSHED, COMPLETE, FAILED = "pushing", "pushed", "complete", "failed"


@dataclass(frozen=True)
class Upload:
    """The private dataset: its id, the newest version before the push (0: none), and the pushed version."""

    dataset: str
    before: int
    version: int | None = None


@dataclass(frozen=True)
class Session:
    """A session at Kaggle. before, version: as of `Upload`; reason: of a failure; result: what the session wrote."""

    number: int
    kind: str
    kernel: str
    hours: float
    before: int
    version: int | None = None
    state: str = PUSHING
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """All that is known of a plan's training at Kaggle; fetched: its runs are in models/."""

    plan: dict[str, Any]
    upload: Upload | None = None
    sessions: tuple[Session, ...] = ()
    fetched: bool = False

    @property
    def complete(self) -> tuple[Session, ...]:
        """The sessions that ended as they should."""
        return tuple(one for one in self.sessions if one.state == COMPLETE)

    @property
    def begun(self) -> bool:
        """Whether the arrays and the runs' tables are made."""
        return any(one.kind == TRAIN or one.result["done"] for one in self.complete)

    @property
    def trained(self) -> bool:
        """Whether a session has trained and predicted everything."""
        return any(one.kind == TRAIN and one.result["done"] for one in self.complete)

    def with_session(self, session: Session) -> "Record":
        """With the session in place of the one of its number and version, or after the last."""
        kept = [one for one in self.sessions if (one.number, one.before) != (session.number, session.before)]
        return replace(self, sessions=(*kept, session))


def read_record(path: Path, plan: dict[str, Any]) -> Record:
    """The record of this plan, a new one where there is none. Raises UserError where it is another plan's."""
    if not path.is_file():
        return Record(plan)
    kept = files.read_json(path)
    try:
        record = Record(kept["plan"], Upload(**kept["upload"]) if kept["upload"] else None,
                        tuple(Session(**one) for one in kept["sessions"]), kept["fetched"])
    except (KeyError, TypeError) as error:
        raise UserError(path, f"is no record of a training at Kaggle ({error})", "move it away") from None
    if record.plan != plan:
        name = next(name for name in (*plan, *record.plan) if record.plan.get(name) != plan.get(name))
        raise UserError(path, f"belongs to another training at Kaggle: its {name} differ",
                        f"repeat that command, or give this one another {parameter('title')}")
    return record


def write_record(path: Path, record: Record) -> Record:
    """Write the record, whole or not at all; returns it."""
    files.write_json(path, asdict(record))
    return record

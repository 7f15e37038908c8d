"""The house stands as docs/architecture.md draws it: who imports whom, and what a light command does not load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radiogen.runs import layout

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "radiogen"
MAY_IMPORT = {
    "core": (),
    "task": ("core",),
    "dataset": ("task", "core"),
    "runs": ("dataset", "task", "core"),
    "imaging": ("dataset", "task", "core"),
    "arrays": ("imaging", "dataset", "task", "core"),
    "phantom": ("cohorts", "imaging", "dataset", "task", "core"),
    "cohorts": ("dataset", "task", "core"),
    "networks": ("runs", "task", "core"),
    "training": ("networks", "arrays", "imaging", "runs", "dataset", "task", "core"),
    "inference": ("training", "networks", "arrays", "imaging", "runs", "dataset", "task", "core"),
    "tuning": ("inference", "training", "arrays", "runs", "dataset", "task", "core"),
    "pretraining": ("training", "networks", "arrays", "imaging", "runs", "dataset", "task", "core"),
    "evaluation": ("runs", "dataset", "task", "core"),
    "cli": ("kaggle", "tuning", "pretraining", "inference", "training", "evaluation", "networks", "arrays", "imaging",
            "phantom", "cohorts", "runs", "dataset", "task", "core"),
    "kaggle": ("tuning", "inference", "training", "networks", "arrays", "imaging", "phantom", "runs", "dataset", "task",
               "core"),
}
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
KERAS_ROOMS = ("networks", "training", "inference")
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.name != "environment.py")


def _imports(path):
    """The names of the modules that a file imports anywhere in it, but for those that only its annotations need."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body
                 if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in sorted(SOURCE.rglob("*.py"))}


@pytest.mark.parametrize("name", [name for name in MODULES if "." in name])
def test_no_room_imports_from_above(name):
    room = name.split(".")[1]
    for other in _imports(MODULES[name]):
        if other.startswith("radiogen.") and other != "radiogen.__version__":
            assert other.split(".")[1] in (room, *MAY_IMPORT[room]), f"{name} imports {other}"
        if other.split(".")[0] in ("keras", "tensorflow"):
            assert room in KERAS_ROOMS, f"{name} imports {other}"


def test_modules_import_each_other_without_a_circle_at_any_depth():
    graph = {name: {other for other in _imports(path) if other in MODULES and other != name}
             for name, path in MODULES.items()}
    for others in graph.values():  # `from radiogen.imaging import x` names the room, too: x alone is meant
        others -= {other for other in others if any(more.startswith(f"{other}.") for more in others)}
    while graph:
        free = {name for name, others in graph.items() if not others & set(graph)}
        assert free, f"a circle among {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in free}


@pytest.mark.parametrize("name", [name for name in MODULES if name not in (
    "radiogen", "radiogen.task")])
def test_only_the_task_names_a_molecule_or_the_competitions_columns(name):
    found = re.search(r"(?i)mgmt|methylat|BraTS21ID", MODULES[name].read_text(encoding="utf-8"))
    assert found is None, f"{name}: {found[0]}"


FOLDERS = sorted({path.parent for path in (*MODULES.values(), *BENCHMARKS)})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_folder_is_crowded(folder):
    assert len(list(folder.glob("*.py"))) <= 14


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_benchmarks_import_no_tests(path):
    assert not [name for name in _imports(path) if name.split(".")[0] in ("tests", "conftest")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_help_loads_neither_tensorflow_nor_pandas(script):
    program = (f"import sys, runpy\nsys.path.insert(0, {str(script.parent)!r})\n"
               f"sys.argv = [{str(script)!r}, '--help']\n"
               "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
               "except SystemExit as end:\n    assert not end.code, end.code\n"
               "print([name for name in ('tensorflow', 'keras', 'pandas', 'matplotlib') if name in sys.modules])")
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert end.returncode == 0, end.stderr
    assert "usage:" in end.stdout and end.stdout.splitlines()[-1] == "[]"


def test_importing_the_package_loads_no_tensorflow():
    program = "import radiogen, radiogen.arrays, radiogen.imaging, sys; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_judging_predictions_waits_for_no_network_and_for_nothing_that_draws_or_fits():
    program = ("import radiogen, radiogen.cli.runs.evaluate, radiogen.evaluation.others.judge, sys\n"
               "print([name for name in ('tensorflow', 'keras', 'jax', 'torch', 'scipy', 'sklearn', 'matplotlib', "
               "'PIL', 'jinja2', 'numba', 'pydicom', 'nibabel', 'cv2', 'albumentations', 'joblib', 'kaggle')"
               " if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_scripts_and_commands_are_short_and_sources_not_long():
    assert not [path.name for path in SCRIPTS if len(path.read_text().splitlines()) > 13]
    assert not [path.name for path in (SOURCE / "cli").rglob("*.py") if len(path.read_text().splitlines()) > 64]
    assert not [path.name for path in (*SOURCE.rglob("*.py"), *BENCHMARKS) if len(path.read_text().splitlines()) > 400]


def _run_file_names():
    """The names that runs/layout.py gives to what lies in a run's folder, and the beginning of a fold's folder."""
    names = [value for name, value in vars(layout).items()
             if not name.startswith("__") and isinstance(value, str) and re.fullmatch(r"\w+\.[a-z0-9.]+", value)]
    return re.compile("|".join(rf"(?<![\w.-]){re.escape(name)}" for name in [*names, "fold-"]))


@pytest.mark.parametrize("path", [path for path in [*MODULES.values(), *SCRIPTS]
                                  if path.name not in ("layout.py", "task.py")],
                         ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_file_of_a_run_is_named_outside_of_runs_layout(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings may name them
    assert not [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
                and id(node) not in texts and _run_file_names().search(node.value)]


def test_every_source_file_says_what_it_is_for():
    for path in [*SOURCE.rglob("*.py"), *SCRIPTS, *BENCHMARKS]:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path

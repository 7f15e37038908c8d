"""The house stands as docs/architecture.md draws it: who imports whom, and what a light command does not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "radiogen"
GROUND = {"files", "errors", "progress", "parallel", "owned", "locks", "memory"}
MAY_IMPORT = {
    "ground": set(),
    "dataset": {"ground"},
    "imaging": {"ground", "dataset"},
    "learning": {"ground", "dataset", "imaging"},
    "evaluation": {"ground", "dataset"},
    "competition": {"ground", "dataset", "imaging", "learning"},
}
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


def _room(path):
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else "ground"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_room_imports_from_above(path):
    room = _room(path)
    for name in _imports(path):
        if name.startswith("radiogen."):
            other = name.split(".")[1]
            other = "ground" if other in GROUND or other == "__version__" else other
            assert other == room or other in MAY_IMPORT[room], f"{path.name} imports {name}"
        if name.split(".")[0] in ("keras", "tensorflow"):
            assert room == "learning", f"{path.name} imports {name}"


@pytest.mark.parametrize("room", sorted({path.parent for path in SOURCE.rglob("*.py")}), ids=lambda path: path.name)
def test_files_of_a_room_import_each_other_without_a_circle(room):
    prefix = f"radiogen.{room.name}." if room != SOURCE else "radiogen."
    graph = {path.stem: {name.removeprefix(prefix).split(".")[0] for name in _imports(path) if name.startswith(prefix)}
             for path in room.glob("*.py") if path.name != "__init__.py"}
    while graph:
        free = {name for name, others in graph.items() if not others & set(graph)}
        assert free, f"a circle among {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in free}


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
    program = "import radiogen, radiogen.imaging, sys; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_scripts_are_short_and_sources_not_long():
    assert not [path.name for path in SCRIPTS if len(path.read_text().splitlines()) > 70]
    assert not [path.name for path in SOURCE.rglob("*.py") if len(path.read_text().splitlines()) > 400]


def test_every_source_file_says_what_it_is_for():
    for path in [*SOURCE.rglob("*.py"), *SCRIPTS]:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert text or (path.name == "__init__.py" and not path.read_text()), path

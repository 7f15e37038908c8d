"""What the documents show is run as it stands there: every Python block, and every command that needs no more than a
tiny phantom. A command that is not run has its reason in `SKIPPED`, and even its options have to exist. What is made
smaller, and what stands for a name that the reader replaces, is in `REPLACED` and `ADDED`.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogen.task import RSNA_MICCAI

from .scripts.clone import ENVIRONMENT
from .warm_commands import run_python

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if path.name != "commands.md")]

TOKEN, DEVICES = "needs a token of Kaggle", "needs GPUs, or other machines"
LONG = "trains a network of real size"
SKIPPED = {
    r"make (demo|test|docs)\b.*": "sets up an environment of its own; what `make demo` calls is the tutorial's block",
    r"python -m webbrowser models/phantom-ensemble/.*": "the tutorial's block makes it, and its test looks for it",
    r"(git clone|cd|pip install|pip-audit)\b.*": "is about the network; the wheel has a test of its own",
    r"python scripts/(download|train_on_kaggle|probe_kaggle_image)\.py.*": TOKEN,
    r"python scripts/push_kernel\.py.*": "rehearses in an environment of its own (tests/kaggle/kernels)",
    r"python scripts/train\.py --recipe report-3d": LONG,
    r"python scripts/train\.py .*--(devices|parallel-folds|scheduler)\b.*": DEVICES,
    r"(KERAS_BACKEND|CUDA_VISIBLE_DEVICES)=\S+ .*": DEVICES,
    r"python scripts/train\.py .*--weights (?!pretrained:).*": "needs weights from outside",
    r"python scripts/\w+\.py .*\bside\b.*": "needs data that is not in the repository (docs/results.md says which)",
    r"python benchmarks/.*": "takes hours; tests/benchmarks runs the benchmarks in short",
}
REPLACED = {"--cases 200": "--cases 20 --test-cases 2 --scale 0.05", " [RUN ...]": "", "RUN RUN": "RUN RUN-2",
            "FOLDER --tables TABLE.csv": "COHORT/images --tables COHORT/metadata.csv",
            "/data/UCSF-PDGM --tables UCSF-PDGM-metadata_v2.csv":
                "COHORT/images --tables COHORT/metadata.csv --output input/second",
            "--trials 30": "--trials 2 --inner-folds 2 --folds 2",
            "--start-from a --epochs 20": "--start-from RUN --epochs 3",
            "--case FOLDER": "--case input/NAME/test/00026", "--case CASE": "--case 00000"}
"""What is smaller in the test, or stands for a name that the reader replaces."""
SMALL = " --size 16 --width 4 --epochs 2"
ADDED = {"--folds-by site": SMALL, "--recipe demo-2d demo-3d": SMALL, "--recipe demo-3d --space": SMALL,
         "--recipe isotropic-3d --fold all": f"{SMALL} --folds 2", "judge_features.py": " --learners centroid",
         "pretrain.py": " --epochs 1", "--weights pretrained:": " --epochs 1 --folds 2"}
"""What is added to a command, which makes it smaller."""


def _blocks(page: Path, kind: str) -> list[str]:
    return [text for found, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
            if found == kind]


def _commands(page: Path) -> list[str]:
    """The commands of a page's blocks, one each, without comments."""
    lines = [re.sub(r"\s+#.*", "", line) for block in _blocks(page, "")
             for line in block.replace("\\\n", " ").splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if re.match(r"(python|make|radiogen|git|pip|pip-audit|[A-Z_]+=\S+|cd) \S", part)]


def _reasons(command: str) -> list[str]:
    return [reason for pattern, reason in SKIPPED.items() if re.fullmatch(pattern, command)]


def _page_id(page: Path) -> str:
    return page.name


EVERY = [(page, command) for page in PAGES for command in _commands(page)]
RUN = [page for page in PAGES if any(not _reasons(command) for command in _commands(page))]
PYTHON = [page for page in PAGES if _blocks(page, "python") and page.name != "README.md"]


def test_each_reason_to_skip_a_command_is_about_one():
    assert len(EVERY) > 50
    assert not [one for one in SKIPPED if not any(re.fullmatch(one, command) for _, command in EVERY)]


@pytest.mark.parametrize("page", PAGES, ids=_page_id)
def test_every_option_of_a_command_in_the_documents_is_in_its_help(page):
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    help_of = dict(re.findall(r"^## (\w+)\n\n```text\n(.*?)^```", text, re.S | re.M))
    for command in _commands(page):
        name = re.match(r"(?:[A-Z_]+=\S+ )*(?:python scripts/(\w+)\.py|radiogen ([\w-]+))", command)
        if name:
            shown = help_of[(name[1] or name[2]).replace("-", "_")]
            for option in re.findall(r"(?<=\s)--[a-z][\w-]*", command):
                bare = option.removeprefix("--").removeprefix("no-")  # help shows both at once: --[no-]open
                assert re.search(rf"--(\[no-\])?{bare}(?![\w-])", shown), f"{command}: {option}"


def test_each_of_the_three_ways_in_takes_at_most_five_commands():
    ways = [[part for line in block.splitlines() for part in line.split(" && ")]
            for block in _blocks(DOCS / "start.md", "")]
    assert len(ways) == 3 and max(map(len, ways)) <= 5


@pytest.mark.parametrize("page", PAGES, ids=_page_id)
def test_every_json_block_of_the_documents_is_json(page):
    for block in _blocks(page, "json"):
        assert isinstance(json.loads(block), dict)


def _must(folder: Path, *words: object) -> None:
    end = run_python(*words, cwd=folder, env={**ENVIRONMENT, "BROWSER": "true"})
    assert end.returncode == 0, f"{' '.join(map(str, words))}\n{end.stdout[-2000:]}\n{end.stderr[-2000:]}"


@pytest.fixture
def clone(tmp_path) -> Path:
    """A clone in which nothing was done yet."""
    return _begin_clone(tmp_path)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """What the pages take for granted: two phantoms, a folder of DICOM, two trained runs, tables of others."""
    return _furnish(_begin_clone(tmp_path_factory.mktemp("world")))


def _begin_clone(folder: Path) -> Path:
    for name in ("scripts", "benchmarks"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    return folder


def _furnish(folder: Path) -> Path:
    small = ("--cases", 20, "--test-cases", 2, "--scale", 0.05, "--workers", 1)
    for name, seed in (("NAME", 1), ("OTHER", 2)):
        _must(folder, "scripts/make_phantom.py", "--data", f"input/{name}", *small, "--seed", seed)
    labels = pd.read_csv(folder / "input/NAME/train_labels.csv", dtype=str)
    sites = labels[["BraTS21ID"]].assign(patient=labels["BraTS21ID"], site=list("ABCDE") * 4)
    sites.to_csv(folder / "input/NAME/patients.csv", index=False)
    for copy, source in (("phantom", "NAME"), ("mine", "NAME"), ("other", "OTHER"), ("others", "OTHER"),
                         (RSNA_MICCAI.name, "NAME")):
        shutil.copytree(folder / "input" / source, folder / "input" / copy)
    shutil.copytree(folder / "input/OTHER/train", folder / "FOLDER")
    _must(folder, "scripts/make_phantom.py", "--data", "COHORT", *small, "--format", "ucsf-pdgm")
    (folder / "train").symlink_to(folder / "input/NAME/train", target_is_directory=True)
    for name, seed in (("RUN", 42), ("RUN-2", 43)):
        _must(folder, "scripts/train.py", "--data", "input/NAME", "--run", name, "--recipe", "demo-3d", "--size", 16,
              "--width", 4, "--epochs", 2, "--folds", 2, "--seed", seed, "--split-seed", 42, "--no-forecast")
        _must(folder, "scripts/predict.py", "--run", name)
    _write_tables(folder)
    return folder


def _write_tables(folder: Path) -> None:
    random = np.random.default_rng(0)
    ids, labels = [f"P{number:03d}" for number in range(40)], np.arange(40) % 2
    logits = random.normal(labels, 1)
    cases = pd.DataFrame({"id": ids, "fold": np.arange(40) % 5, "label": labels,
                          "probability": 1 / (1 + np.exp(-logits))})
    for name in ("mine", "theirs", "ours"):
        cases.to_csv(folder / f"{name}.csv", index=False)
    cases[["id", "label"]].to_csv(folder / "labels.csv", index=False)
    words = np.where(labels, "mutant", "wildtype")
    cases.assign(label=words, score=logits).drop(columns="probability").to_csv(folder / "scores.csv", index=False)
    pd.DataFrame({"id": ids, "patient": ids, "age": random.integers(40, 80, 40), "sex": "F", "site": "A",
                  "status": np.where(labels, "yes", "no")}).to_csv(folder / "clinical.csv", index=False)
    features = pd.DataFrame(random.normal(size=(40, 25)), columns=[f"f{number}" for number in range(25)])
    for name in ("radiomics", "TABLE", "here"):
        features.assign(id=ids).to_csv(folder / f"{name}.csv", index=False)
    for name in ("FILE", "here-labels.csv"):
        cases[["id", "label"]].to_csv(folder / name, index=False)
    elsewhere = [f"X{number:03d}" for number in range(40)]
    features.sample(frac=1, random_state=1).assign(id=elsewhere).to_csv(folder / "there.csv", index=False)
    cases[["label"]].assign(id=elsewhere).to_csv(folder / "there-labels.csv", index=False)
    space = {**json.loads(_blocks(DOCS / "tuning.md", "json")[0]), "optimisation.epochs": [1, 2], "network.width": [4]}
    (folder / "space.json").write_text(json.dumps(space), encoding="utf-8")


def _words(command: str, folder: Path) -> list[object]:
    """The words after `python`."""
    command += "".join(more for shown, more in ADDED.items() if shown in command)
    for shown, meant in REPLACED.items():
        command = command.replace(shown, meant)
    words = shlex.split(command)
    words = words[1:] if words[0] == "python" else ["-m", "radiogen.cli", *words[1:]]
    return [name for word in words for name in (sorted(map(str, folder.glob(word))) if "*" in word else [word])]


@pytest.mark.slow  # whole trainings of tiny networks: 20 cases
@pytest.mark.parametrize("page", RUN, ids=_page_id)
def test_the_commands_of_a_page_run_as_they_stand(page, request):
    from_nothing = page.name == "tutorial.md"
    folder = request.getfixturevalue("clone" if from_nothing else "world")
    for command in _commands(page):
        if not _reasons(command) and command.startswith("python -m webbrowser"):
            assert (folder / command.split()[-1]).is_file(), command
        elif not _reasons(command):
            _must(folder, *_words(command, folder))
    if from_nothing:
        assert (folder / "models/phantom-ensemble/report.html").is_file()


@pytest.mark.slow  # the blocks train, read series and export them
@pytest.mark.parametrize("page", PYTHON, ids=_page_id)
def test_the_python_blocks_of_a_page_run_as_they_stand(page, world):
    np.save(world / "volumes.npy", np.random.default_rng(0).random((30, 8, 8, 8), np.float32))
    np.save(world / "labels.npy", np.arange(30) % 2)
    for block in _blocks(page, "python"):
        smaller = block.replace("DEMO_3D.replace(", "DEMO_3D.replace(epochs=1, width=4, size=8, ")
        (world / "block.py").write_text(smaller, encoding="utf-8")
        end = subprocess.run([sys.executable, "block.py"], cwd=world, env=ENVIRONMENT, capture_output=True, text=True)
        assert end.returncode == 0, f"{block}\n{end.stderr[-3000:]}"

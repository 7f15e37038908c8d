"""What `studies.py` trains: each trial is a phantom with a known answer and a recipe, both written out in full.

In: the name of a study. Out: its trials. A recipe family keeps what makes it what it is (which series, geometry,
normalisation, augmentation, schedule, rate) and is made small enough for two cores: network, size, epochs. All trials
of one phantom share its images and its folds; nothing here was chosen on them: the phantom for choosing has seed 1.
"""

from dataclasses import dataclass, replace

from radiogen.phantom.data_set import PhantomSettings
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.recipes import RECIPES
from radiogen.training.runs import seeded_names

SEED, CHOOSING_SEED = 42, 1
"""Of the phantoms that are reported, and of the one on which the best recipe was chosen."""
EFFECTS = (0.0, 1.0, 2.0, 3.0)
CASES = 200
_FINER, _ROTATED = {"size": 64}, {"rotation_degrees": 15.0, "zoom": 0.1}
LATER = {"phantom-3d, rotated": _ROTATED, "phantom-3d, finer": _FINER,
         "phantom-3d, finer and rotated": _FINER | _ROTATED}
"""What was tried on phantom-3d later, and gained nothing: voxels of 2.75 mm instead of 3.7, and images that are
rotated and zoomed at random."""
STUDIES = ("choice", "ceiling", "cases", "report", "memorisation", "traps")


@dataclass(frozen=True)
class Trial:
    """One run: `study` and `row` say where its figure is shown, `name` is the recipe's in that study.

    recipe: None is no network but a logistic regression on 26 numbers of a case's cubes that were chosen with
    knowledge of the phantom (`case_features.py`): what its images give a method that knows where to look.
    train_plane, test_plane: train on the cases whose FLAIR lies in the one plane and predict those of the other, in
    place of five folds.
    seeds: so many trainings on the same folds, whose mean predicts, as `train.py --seeds` and `ensemble.py` do it.
    on_hidden: the 26 numbers are trained on the hidden variable itself in place of labels: what these images would give
    a method that lacks no case.
    masks: the phantom's own, or how they are wrong (`regions.py`).
    """

    study: str
    row: str
    name: str
    phantom: PhantomSettings
    recipe: Recipe | None
    train_plane: str | None = None
    test_plane: str | None = None
    seeds: int = 1
    on_hidden: bool = False
    masks: str = "true"

    def members(self) -> "list[Trial]":
        """A trial a seed; itself where there is but one."""
        if self.seeds == 1:
            return [self]
        return [replace(self, recipe=recipe, seeds=1)
                for recipe in seeded_names("", self.recipe, self.seeds).values()]


def small(name: str, **changes: object) -> Recipe:
    """A recipe family at a size for two cores; `changes` on top. No case is held out: five folds score all of them."""
    tiny = {"architecture": "resnet6", "width": 16, "stem_kernel_size": 3, "micro_batch_size": 8, "batch_size": 8,
            "size": 32, "epochs": 24}
    own = {
        "report-2d": {"size": 48, "epochs": 8, "batch_size": 64, "micro_batch_size": 64},
        "report-3d": {"epochs": 16},
        "report-3d-slices": {"epochs": 8, "batch_size": 128, "micro_batch_size": 128},
        "winner-3d": {"size": 64, "depth": 32, "epochs": 15, "stem_stride": 2},
        "isotropic-3d": {"size": 48, "epochs": 36, "learning_rate": 0.002},
        "demo-2d": {"size": 48, "epochs": 12, "batch_size": 32, "micro_batch_size": 32},
        "demo-3d": {},
        "phantom-3d": {"size": 48, "epochs": 48},
        "demo-3d-tumour": {"size": 24},
    }
    return RECIPES[name].replace(**{**tiny, **own[name], "holdout_fraction": 0.0, **changes})


def best() -> Recipe:
    """The recipe that was best on the phantom for choosing."""
    return small("phantom-3d")


def phantom(effect: float = 3.0, cases: int = CASES, *, seed: int = SEED, scale: float = 0.2,
            confound: bool = False) -> PhantomSettings:
    """A phantom without test cases; the first cases of a larger one are those of a smaller one."""
    return PhantomSettings(cases=cases, test_cases=0, effect=effect, confound=confound, scale=scale, seed=seed)


def trials(study: str) -> list[Trial]:
    """All trials of a study, the cheapest first."""
    return {"choice": _choice, "ceiling": _ceiling, "cases": _cases, "report": _report, "memorisation": _memorisation,
            "traps": _traps}[study]()


def _choice() -> list[Trial]:
    """What was tried on the phantom for choosing."""
    fewer = {"flips": ("left-right",)}
    tried = {"isotropic-3d, mirrored left-right, average": {**fewer, "pooling": "average"},
             "isotropic-3d, mirrored left-right": fewer, "isotropic-3d, average": {"pooling": "average"},
             "isotropic-3d": {}}
    earlier = [Trial("choice", "3", name, phantom(seed=CHOOSING_SEED), small(name))
               for name in ("demo-3d", "phantom-3d")]
    return earlier + [Trial("choice", "2", name, phantom(2.0, seed=CHOOSING_SEED), small(family, **changes))
                      for family, changed in (("isotropic-3d", tried), ("phantom-3d", {"phantom-3d": {}} | LATER))
                      for name, changes in changed.items()]


def _ceiling() -> list[Trial]:
    """Each family against what is possible."""
    names = ("phantom-3d", "demo-3d", "demo-3d-tumour", "isotropic-3d", "winner-3d", "report-3d", "demo-2d",
             "report-2d", "report-3d-slices")
    recipes = {"26 chosen features": None, **{name: small(name) for name in names}}
    single = [Trial("ceiling", f"{effect:g}", name, phantom(effect), recipe)
              for name, recipe in recipes.items() for effect in reversed(EFFECTS)]
    single += [Trial("ceiling", f"{effect:g}", "26 features, hidden variable", phantom(effect), None, on_hidden=True)
               for effect in (3.0, 2.0, 1.0)]
    single += [Trial("ceiling", f"{effect:g}", "phantom-3d, three seeds", phantom(effect), best(), seeds=3)
               for effect in (3.0, 2.0)]
    return single + [Trial("ceiling", "2", name, phantom(2.0), small("phantom-3d", **LATER[name]))
                     for name in ("phantom-3d, finer", "phantom-3d, finer and rotated")]


def _cases() -> list[Trial]:
    """The best recipe against the number of patients."""
    return [Trial("cases", f"{cases}", f"effect {effect:g}", phantom(effect, cases), best())
            for effect in (3.0, 2.0) for cases in (50, 100, 200, 400)]


def _report() -> list[Trial]:
    """The report's own question: what resizing and distorting cost, one thing changed at a time, on finer images."""
    fine = phantom(scale=0.3)
    base = small("demo-3d", sequences=("T1wCE",), sequences_as_channels=False, geometry="stretch",
                 normalisation="min-max", size=64, flips=(), epochs=16)
    true = base.replace(geometry="isotropic", edge_mm=192.0)
    sizes = [Trial("report", f"{size}", name, fine, recipe.replace(size=size))
            for size in (32, 64, 96, 128) for name, recipe in (("stretch", base), ("isotropic", true))]
    four = ("FLAIR", "T1w", "T1wCE", "T2w")
    named = {"T1wCE alone": base, "four, each an input of its own": base.replace(sequences=four),
             "T1wCE alone, isotropic": true, "four, channels of one isotropic cube":
             true.replace(sequences=four, sequences_as_channels=True), "min-max of each slice": base.replace(
                 normalisation="min-max slices"), "percentiles of the head": base.replace(
                     normalisation="percentile")}
    return [*sizes[:4], *(Trial("report", name, "64", fine, recipe) for name, recipe in named.items()), *sizes[4:]]


def _memorisation() -> list[Trial]:
    """Memorisation: the report's network on few patients, and what helps, without and with a signal."""
    plain = small("report-3d", sequences=("T1wCE",), learning_rate=0.001, epochs=20)
    large = plain.replace(architecture="resnet50", width=64, stem_kernel_size=7)
    helped = {"shift": 0.06, "gamma": 0.15, "flips": ("left-right", "front-back", "up-down"),
              "geometry": "isotropic", "edge_mm": 176.0, "normalisation": "percentile", "pooling": "maximum"}
    named = {"small network": plain, "ResNet-50": large, "small network, changed images": plain.replace(
        shift=0.06, gamma=0.15), "small network, changed images, isotropic": plain.replace(**helped),
        "the same, cosine to zero, weight decay": plain.replace(**helped, schedule="cosine", weight_decay=0.001,
                                                          learning_rate=0.002)}
    return [Trial("memorisation", f"{effect:g}", name, phantom(effect), recipe)
            for name, recipe in named.items() for effect in (2.0, 0.0)]


def _traps() -> list[Trial]:
    """Which recipes learn the acquisition plane, and which do without it."""
    four = ("FLAIR", "T1w", "T1wCE", "T2w")
    stretch = small("report-3d", sequences=("FLAIR",), pooling="maximum", schedule="cosine", learning_rate=0.002,
                    weight_decay=0.001, shift=0.06, epochs=24)
    grid = stretch.replace(geometry="isotropic", edge_mm=192.0, normalisation="percentile")
    named = {"stretch, 32": stretch, "slices as they are": small("report-2d", sequences=("FLAIR",)),
             "isotropic, 24": grid.replace(size=24), "isotropic, 32": grid, "isotropic, 48": grid.replace(size=48),
             "isotropic, 32, balanced": grid.replace(balance="planes"),
             "stretch, 32, balanced": stretch.replace(balance="planes"),
             "isotropic, 32, four sequences": grid.replace(sequences=four, sequences_as_channels=True),
             "isotropic, 24, middle 144 mm": grid.replace(size=24, edge_mm=144.0),
             "isotropic, 32, T1w and T1wCE": grid.replace(sequences=("T1w", "T1wCE"), sequences_as_channels=True),
             "isotropic-3d": small("isotropic-3d")}
    tied = [Trial("traps", "tied", name, phantom(confound=True), recipe) for name, recipe in named.items()]
    seen = small("phantom-3d", sequences=("FLAIR",))
    moved = {"isotropic": seen, "stretch": seen.replace(geometry="stretch", sequences_as_channels=False),
             "isotropic, balanced": seen.replace(balance="planes")}
    ways = {"axial to coronal": ("axial", "coronal"), "coronal to axial": ("coronal", "axial"), "five folds": ()}
    return tied + [Trial("traps", way, name, phantom(3.0), recipe, *planes)
                   for name, recipe in moved.items() for way, planes in ways.items()
                   if way == "five folds" or recipe.optimisation.balance == "nothing"]

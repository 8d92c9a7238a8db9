"""Settings to begin with: Needle's own, and those of published studies, so that they can be redone.

A preset replaces the settings of a training; the dataset and the rare type stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from core.config import ClassifierConfig, LorasConfig, TrainingConfig

__all__ = ["PRESETS", "SC_SYNO_DOI", "Preset", "matching_preset"]

SC_SYNO_DOI = "10.1186/s12859-021-04469-x"


@dataclass(frozen=True)
class Preset:
    """Settings under a name, with where they come from.

    Parameters
    ----------
    name : str
        Short name, the same in every version.
    label : str
        Name on the screen.
    config : TrainingConfig
        All settings.
    optimistic : bool
        Whether the variant with markers from all cells is computed as well, which is how the study
        chose them.
    doi : str
        Of the study; empty for Needle's own.
    known : str
        What the study says, in one or two sentences.
    unknown : str
        What it leaves open or Needle does otherwise, and what stands in for it here.
    """

    name: str
    label: str
    config: TrainingConfig
    optimistic: bool = False
    doi: str = ""
    known: str = ""
    unknown: str = ""

    def apply(self, config: TrainingConfig) -> TrainingConfig:
        """Settings of this preset in place of `config`.

        Genes of the user's own stay with Needle's defaults; a study's number of markers is part of
        its protocol, and takes their place.

        Examples
        --------
        >>> PRESETS["defaults"].apply(TrainingConfig(n_repeats=1, genes=("CD34",))).genes
        ('CD34',)
        """
        return replace(self.config, genes=None if self.doi else config.genes)


def matching_preset(config: TrainingConfig, *, optimistic: bool) -> Preset | None:
    """Name the preset that gives just these settings, if there is one.

    The goal of the threshold does not count: it is chosen on finished scores.

    Examples
    --------
    >>> matching_preset(TrainingConfig(), optimistic=False).name
    'defaults'
    """
    for preset in PRESETS.values():
        same = replace(preset.apply(config), goal=config.goal)
        if same == config and preset.optimistic == optimistic:
            return preset
    return None


def _sc_syno(
    name: str, label: str, *, k: int, affine: int, markers: int, folds: int, known: str
) -> Preset:
    """Make a preset of sc-SynO, with all that its studies have in common."""
    config = TrainingConfig(
        markers=markers,
        min_fraction=0.25,
        min_logfc=0.25,
        classifiers=("knn", "lr"),
        samplers=("none", "loras"),
        n_splits=folds,
        n_repeats=1,
        goal="fixed",
        loras=LorasConfig(n_neighbors=k, n_affine=affine, noise_scale=0.005, weights="integers"),
        knn_neighbors=30,
        classifier=ClassifierConfig(lr_c=1e5),
    )
    return Preset(name, label, config, optimistic=True, doi=SC_SYNO_DOI, known=known, unknown=_OPEN)


_COMMON = (
    "markers chosen once on all cells, integer weights, noise 0.005, calls at a score of 0.5; "
    "knn and logistic regression with and without LoRAS"
)
_OPEN = (
    "The paper reports 30 neighbours for knn, its notebooks use 10. From the notebooks and scripts "
    "alone are C = 100,000 for logistic regression and Seurat's markers, by the Wilcoxon test, in "
    "at least 25 % of the cells and with a log fold change from 0.25 on; they sort these by fold "
    "change, Needle by the test. They neither scale the genes nor repeat the folds, and give every "
    "neighbourhood the same random numbers; Needle scales inside each training part, and its "
    "random numbers are its own. Published figures need not come out again."
)

_ROWS = (
    Preset("defaults", "Needle's defaults", TrainingConfig()),
    _sc_syno(
        "sc-syno-glial",
        "sc-SynO: glial cells (17 nuclei)",
        k=3,
        affine=50,
        markers=50,
        folds=3,
        known=f"17 of 8,635 nuclei, 50 markers, k = 3, A = 50, 3 folds; {_COMMON}.",
    ),
    _sc_syno(
        "sc-syno-cardiomyocytes-23",
        "sc-SynO: cardiomyocytes (625 nuclei), 23 markers",
        k=30,
        affine=23,
        markers=23,
        folds=10,
        known=f"625 of 17,008 cells, 23 markers, k = 30, A = 23, 10 folds; {_COMMON}.",
    ),
    _sc_syno(
        "sc-syno-cardiomyocytes-100",
        "sc-SynO: cardiomyocytes (625 nuclei), 100 markers",
        k=30,
        affine=100,
        markers=100,
        folds=10,
        known=f"625 of 17,008 cells, 100 markers, k = 30, A = 100, 10 folds; {_COMMON}.",
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({row.name: row for row in _ROWS})
"""Name to preset, Needle's own first."""

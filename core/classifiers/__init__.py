"""The classifiers: a file each, and a row each in :mod:`core.classifiers.registry`."""

from core.classifiers.entry import ClassifierEntry
from core.classifiers.registry import CLASSIFIERS, fit, make_classifier

__all__ = ["CLASSIFIERS", "ClassifierEntry", "fit", "make_classifier"]

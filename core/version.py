"""The version of Needle: a module of its own, so that every part of the library may name it."""

__version__ = "0.2.0"

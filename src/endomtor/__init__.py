"""endomtor: the code behind the book. Importing the package is cheap; its modules import what they need."""

from importlib.metadata import version

__version__ = version("endomtor")

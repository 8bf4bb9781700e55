"""Whisper Lab: the code behind the notebooks.

Importing this package is light: torch, whisper, librosa and matplotlib load when a
function first needs them. Import the module you need, for example
``from lab_utils import audio, samples`` or ``from lab_utils.models import load_model``.
"""

__version__ = "0.1.0"

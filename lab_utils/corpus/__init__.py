"""Recordings in, a checked corpus out: split, clean, label, check, export.

One noun a module, in the order of the work:

- ``speech``, ``split``: where somebody speaks, and where to cut;
- ``clean``: noise gate, loudness, fades;
- ``manifest``, ``pipeline``: clips on disk and the list of them, resumable and parallel;
- ``label``: a text for each clip, by Whisper, from a script or from subtitles;
- ``measure``, ``rules``, ``check``, ``report``: what a clip is, what it should be, what is wrong;
- ``export``, ``splits``, ``spelling``, ``training_config``, ``hardware``: what a trainer wants.

Taught in: notebooks/08_dataset.ipynb.
"""

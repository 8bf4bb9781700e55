"""Recordings in, a checked corpus out: split, clean, label, check, export.

One noun a module, in the order of the work:

- ``speech``, ``split``: where somebody speaks, and where to cut;
- ``clean``: noise gate, loudness, fades;
- ``manifest``, ``pipeline``: clips on disk and the list of them, resumable and parallel;
- ``script``, ``align``: a known text laid on its recording, and cuts between its sentences;
- ``heard``, ``label``: a text for each clip, by Whisper, from a script or from subtitles;
- ``session``, ``takes``: or read sentences aloud, each take checked at once;
- ``measure``, ``clipping``, ``rules``, ``findings``, ``check``, ``report``: what a clip is, what it
  should be, how that is tested, what is wrong;
- ``review``, ``sheet``: a person hears the clips, the worst first, and corrects the texts;
- ``alphabets``, ``spelling``, ``english``: what letters a language has, how numbers are read;
- ``foreign``, ``readers``, ``sources``, ``importer``: corpora of other people, and a corpus of ours
  made of them;
- ``export``, ``seal``, ``splits``, ``training_config``: what a trainer wants, written in one step
  and over nothing else.

Taught in: notebooks/08_dataset.ipynb.
"""

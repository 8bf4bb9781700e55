"""A text for each clip: heard by Whisper, taken from a script, from subtitles, or given.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import audio, batches, files, models, subtitles
from ..constants import CHUNK_LENGTH, N_SAMPLES, SAMPLE_RATE
from ..errors import AudioError, CorpusError, OptionError, TranscriptError
from ..languages import language_code
from ..progress import bar
from ..subtitles import Cue
from .manifest import Clip, Manifest
from .speech import speech_probabilities

if TYPE_CHECKING:
    import numpy as np
    from whisper import Whisper

CACHE = "heard.jsonl"
NO_SPEECH = "(no speech)"  #: heard in a clip in which nobody speaks
NO_SPEECH_PROB = 0.6  #: whisper's own threshold
SPEECH_PROB = 0.5  #: of the speech detector, for one window of 32 ms
_WORD = re.compile(r"[\w']+")
_TOKEN = re.compile(r"<\|[^|<>]*\|>")  # <|endoftext|>, <|en|>, <|0.00|>


def with_whisper(
    manifest: Manifest,
    model: Whisper | str | os.PathLike = "base",
    *,
    language: str | None = None,
    exact: bool = False,
    progress: bool = False,
) -> Manifest:
    """Let Whisper write down every clip; resumes where it stopped if interrupted.

    Parameters
    ----------
    manifest : Manifest
    model : whisper.Whisper, str or path-like
        A model, its name, or the ``.pt`` file of one.
    language : str, optional
        Of all clips. Default: the one that ``Clip.language`` names, English where it names none.
    exact : bool
        See :func:`lab_utils.batches.transcribe_clips`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Manifest
        ``heard`` is filled in every clip that can be read, and ``text`` where there was none. A
        clip in which nobody speaks is heard as :data:`NO_SPEECH` and gets no text: the check names
        it. What was heard is also kept, batch by batch, in ``heard.jsonl``: only what is new, or
        was heard in another way or by other weights, is heard again.

    Raises
    ------
    CorpusError
        The model does not know the language of a recording, a clip is longer than 30 s, or the
        folder of the corpus cannot be written.
    OptionError
        The model does not know ``language``.
    """
    name = "of your own"
    if isinstance(model, str | os.PathLike):
        name, model = Path(model).name, models.load_model(model)
    groups = _by_language(manifest, model, language)
    heard: dict[str, str] = {}
    with bar(len(manifest), progress) as move:
        for spoken, clips in groups.items():
            heard |= _hear(manifest, clips, model, language=spoken, exact=exact, move=move)
    return _with_texts(manifest, heard, f"whisper {name}")


def _hear(
    manifest: Manifest,
    clips: list[Clip],
    model: Whisper,
    *,
    language: str,
    exact: bool,
    move: Callable[..., None],
) -> dict[str, str]:
    """Clip id -> what is heard, of every clip that can be read; each file is opened once."""
    cache = manifest.folder / CACHE
    known = _read_cache(cache)
    way = f"{models.fingerprint(model)} {language} {'exact' if exact else batches.METHOD}"
    keys: dict[str, str] = {}  # clip id -> what the cache knows it by
    waiting: list[tuple[str, np.ndarray] | None] = []

    def unheard() -> Iterator[np.ndarray]:
        for clip in clips:
            y = _samples(manifest, clip)
            if y is None:
                continue
            keys[clip.id] = key = f"{hashlib.sha256(y).hexdigest()} {way}"
            if key in known:
                move()
                continue
            waiting.append((key, y))
            yield y

    for indices, texts in batches.transcribe_batches(
        unheard(), model, language=language, exact=exact
    ):
        for i, text in zip(indices, texts, strict=True):
            key, y = waiting[i]
            known[key] = text.text if somebody_speaks(y, text) else NO_SPEECH
            waiting[i] = None  # the samples can go
        _write_cache(cache, known)
        move(len(indices))
    return {name: known[key] for name, key in keys.items()}


def _with_texts(manifest: Manifest, heard: dict[str, str], by: str) -> Manifest:
    values = {}
    for clip in manifest.clips:
        if clip.id not in heard:
            continue
        values[clip.id] = {"heard": heard[clip.id]}
        if not clip.text or clip.text_by.startswith("whisper"):
            text = "" if heard[clip.id] == NO_SPEECH else heard[clip.id]
            values[clip.id] |= {"text": text, "text_by": by}
    return manifest.updated(values)


def _by_language(manifest: Manifest, model: Whisper, language: str | None) -> dict[str, list[Clip]]:
    """The clips of each language; every one is checked before the first clip is heard."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in manifest.clips:
        named = language or clip.language.strip() or "en"
        try:
            groups[language_code(named, model=model, required=True)].append(clip)
        except OptionError as error:
            if language:
                raise
            raise CorpusError(
                f"Clip {clip.id!r}: {error} Correct the column 'language', or name one language "
                "for all clips."
            ) from error
    return groups


def _samples(manifest: Manifest, clip: Clip) -> np.ndarray | None:
    """A clip as Whisper hears it; None where it cannot be read, which the check names."""
    try:
        y, _ = audio.load(manifest.path(clip), sr=SAMPLE_RATE)
    except (OSError, AudioError, CorpusError):
        return None
    if len(y) > N_SAMPLES:
        raise CorpusError(
            f"Clip {clip.id!r} lasts {len(y) / SAMPLE_RATE:.1f} s, and Whisper hears "
            f"{CHUNK_LENGTH} s at a time: cut it in a pause, or leave the row out."
        )
    return y


def somebody_speaks(y: np.ndarray, heard: batches.ClipText) -> bool:
    """Whether a text was spoken at all.

    A clip holds no speech if Whisper says so by its own rule (the no-speech token is probable and
    the text is not), or if the speech detector finds none: Whisper writes "you" into a silence, and
    is sure of it.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
        The clip, at 16 kHz.
    heard : ClipText
        What Whisper wrote down for it.
    """
    if not heard.text:
        return False
    if heard.no_speech_prob > NO_SPEECH_PROB and heard.avg_logprob < batches.LOWEST_LOGPROB:
        return False
    return bool((speech_probabilities(y, sr=SAMPLE_RATE) > SPEECH_PROB).any())


def _read_cache(path: Path) -> dict[str, str]:
    """What was heard before; a last line that a kill cut off is forgotten."""
    known: dict[str, str] = {}
    if path.is_file():
        for line in path.read_text("utf-8", "replace").split("\n"):  # a text may hold U+2028
            try:
                row = json.loads(line)
                known[str(row["clip"])] = str(row["heard"])
            except (ValueError, KeyError, TypeError):
                continue
    return known


def _write_cache(path: Path, known: dict[str, str]) -> None:
    rows = (json.dumps({"clip": k, "heard": v}, ensure_ascii=False) for k, v in known.items())
    try:
        with files.replacing(path) as temporary:
            temporary.write_text("\n".join(rows) + "\n", "utf-8")
    except OSError as error:
        raise CorpusError(f"{path.name} cannot be written in {path.parent}: {error}") from error


def from_texts(manifest: Manifest, texts: Mapping[str, str], *, by: str = "given") -> Manifest:
    """Take each clip's text from a table ``{clip id: text}``.

    Raises
    ------
    CorpusError
        A text is for a clip that the corpus does not have, or holds a special token of Whisper's.
    """
    if unknown := sorted(set(texts) - {clip.id for clip in manifest.clips})[:3]:
        raise CorpusError(f"Expected texts for clips of this corpus, found ids {unknown}.")
    for name, text in texts.items():
        _refuse_tokens(text, f"The text of clip {name!r}")
    return manifest.updated({k: {"text": v, "text_by": by} for k, v in texts.items()})


def _refuse_tokens(text: str, what: str) -> None:
    if found := _TOKEN.search(text):
        raise CorpusError(
            f"{what} holds {found[0]!r}, a special token of Whisper's and not a word. "
            "Expected only what is spoken: delete it."
        )


def parse_subtitles(text: str) -> list[Cue]:
    """Read SRT or WebVTT: see :func:`lab_utils.subtitles.parse`.

    Raises
    ------
    CorpusError
        There is no cue in it, or one that cannot be read.
    """
    try:
        return subtitles.parse(text)
    except TranscriptError as error:
        raise CorpusError(str(error)) from error


def from_subtitles(manifest: Manifest, recording: str, subtitles: str) -> Manifest:
    """Give each clip of a recording the subtitles that lie mostly inside it.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    subtitles : str
        The content of an SRT or WebVTT file.
    """
    cues, values = parse_subtitles(subtitles), {}
    for clip in _of(manifest, recording):
        inside = [cue.text for cue in cues if cue.text and _mostly_inside(cue, clip)]
        if inside:
            words = " ".join(inside).replace("\u00a0", " ").split(" ")
            values[clip.id] = {"text": " ".join(filter(None, words)), "text_by": "subtitles"}
    return manifest.updated(values)


def _mostly_inside(cue: Cue, clip: Clip) -> bool:
    if cue.start == cue.end:
        return clip.start <= cue.start < clip.end
    return min(cue.end, clip.end) - max(cue.start, clip.start) > (cue.end - cue.start) / 2


def from_script(manifest: Manifest, recording: str, script: str, *, least: float = 0.5) -> Manifest:
    """Replace what Whisper heard by the words of the script that were read out.

    The heard words of all clips are aligned with the words of the script; each clip gets the
    stretch that its own words fall on, widened to whole lines where an end is near.

    Parameters
    ----------
    recording : str
        As ``Clip.recording`` names it.
    script : str
        What was read, one sentence a line. It may hold lines that are not in any clip.
    least : float
        Share of a clip's heard words that must be found in the script; else its text stays.

    Returns
    -------
    Manifest

    Raises
    ------
    CorpusError
        The script holds no words, or one of Whisper's special tokens; the clips have not been
        heard yet.
    """
    _refuse_tokens(script, "The script")
    lines = [line.strip() for line in script.splitlines() if line.strip()]
    words = [(m.start(), m.end(), i) for i, line in enumerate(lines) for m in _WORD.finditer(line)]
    if not words:
        raise CorpusError("Expected a script with words, found none.")
    clips = [clip for clip in _of(manifest, recording) if clip.heard not in ("", NO_SPEECH)]
    if not clips:
        raise CorpusError(f"No clip of {recording!r} has been heard: run label.with_whisper first.")
    heard = [(w.lower(), n) for n, c in enumerate(clips) for w in _WORD.findall(c.heard)]
    written = [lines[i][a:b].lower() for a, b, i in words]
    matcher = difflib.SequenceMatcher(None, [w for w, _ in heard], written, autojunk=False)
    hits: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            hits[heard[block.a + k][1]].append((block.a + k, block.b + k))
    starts = {n: heard.index(next(h for h in heard if h[1] == n)) for n in hits}
    values = {}
    for n, pairs in hits.items():
        length = len(_WORD.findall(clips[n].heard))
        if len(pairs) < least * length:
            continue
        first = pairs[0][1] - (pairs[0][0] - starts[n])
        last = pairs[-1][1] + (starts[n] + length - 1 - pairs[-1][0])
        text = _stretch(lines, words, max(0, first), min(len(words) - 1, last))
        values[clips[n].id] = {"text": text, "text_by": "script"}
    return manifest.updated(values)


def _stretch(lines: list[str], words: list[tuple[int, int, int]], first: int, last: int) -> str:
    """The script from one word to another; an end within three words of a line's moves there."""
    begins = [i for i, word in enumerate(words) if i == 0 or words[i - 1][2] != word[2]]
    ends = [i - 1 for i in begins[1:]] + [len(words) - 1]
    first = min(begins, key=lambda i: (abs(i - first), i)) if _near(begins, first) else first
    last = min(ends, key=lambda i: (abs(i - last), -i)) if _near(ends, last) else last
    last = max(first, last)
    pieces = []
    for line in range(words[first][2], words[last][2] + 1):
        inside = [w for w in words[first : last + 1] if w[2] == line]
        whole_start = words.index(inside[0]) in begins
        whole_end = words.index(inside[-1]) in ends
        a = 0 if whole_start else inside[0][0]
        b = len(lines[line]) if whole_end else inside[-1][1]
        pieces.append(lines[line][a:b])
    return " ".join(pieces)


def _near(places: list[int], i: int) -> bool:
    return min(abs(place - i) for place in places) <= 3


def _of(manifest: Manifest, recording: str) -> list[Clip]:
    clips = sorted((c for c in manifest.clips if c.recording == recording), key=lambda c: c.start)
    if not clips:
        names = sorted({clip.recording for clip in manifest.clips})
        raise CorpusError(f"Expected one of the recordings {names}, found {recording!r}.")
    return clips


def read_script(path: str | os.PathLike) -> str:
    """Read a script as UTF-8.

    Raises
    ------
    CorpusError
        It is missing or not UTF-8.
    """
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"The script {Path(path).name} cannot be read as UTF-8: {error}"
        ) from error

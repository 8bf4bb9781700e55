"""Play a clip over its waveform or log-mel, each word lit while it is spoken.

A notebook holds no sound: the page asks the running kernel for it, and what is saved is the printed
form (waveform, words, text) without it. An exported page carries its own player.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import math
import os
import urllib.parse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .. import audio, samples
from ..errors import LabError
from ..plotting import figure_html
from ..plotting.speech import spoken_figure
from ..transcripts import Transcript, Word
from .messages import Answering, script

if TYPE_CHECKING:
    Spoken = Transcript | Sequence[Word]

EXPORT_VARIABLE = "WHISPER_LAB_EXPORT"  #: set to 1 while a notebook is run for export
VIEWS = ("waveform", "mel")
BINARY = ("audio", "peaks", "mel")  #: the parts of a player that are bytes, in the page's order
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LONGEST = 300.0  #: seconds in one player: at 48 kHz 25 MB in the page and 130 in the kernel (noise)
HIGHEST_RATE = 48_000  #: Hz, more than that a browser need not play
COLUMNS = 1_200  #: how finely waveform and mel are drawn

_HERE = Path(__file__).parent
_numbers = itertools.count(1)


class Player(Answering):
    """The player as a widget; :func:`play` is the usual way to show one.

    Keys: on the picture, arrows move a second, Page Up and Page Down five, Home and End to the
    ends, Space plays and pauses; in the words, arrows move from word to word and Enter plays.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    transcript : Transcript or sequence of Word, optional
        With words their moments are known; a transcript without word timestamps lights phrases.
    label : str
        What is heard, for the eye and for a screen reader.
    view : {"waveform", "mel"}

    Attributes
    ----------
    audio, peaks, mel : bytes
        Sound and pictures; no traits, because what is synced is saved with the notebook.
    data : dict
        Label, duration, words, lines.
    """

    carried = BINARY
    _esm = script("player")
    _css = _HERE / "player.css"

    data = traitlets.Dict({}).tag(sync=True)

    def __init__(
        self,
        y: np.ndarray,
        *,
        sr: int,
        label: str,
        transcript: Spoken | None = None,
        view: str = "waveform",
        **kwargs: Any,
    ):
        content = _content(y, sr=sr, transcript=transcript, label=label, view=view)
        self.audio, self.peaks, self.mel = (content.pop(name) for name in BINARY)
        super().__init__(data=content, **kwargs)

    def __repr__(self) -> str:
        return f"[player: {self.data.get('label', '')}]"


def play(
    clip: str | os.PathLike | np.ndarray,
    *,
    label: str,
    sr: int | None = None,
    transcript: Spoken | None = None,
    view: str = "waveform",
    start: float = 0.0,
    end: float | None = None,
) -> None:
    """Show a player; where no page is live, its waveform and its words.

    Parameters
    ----------
    clip : path-like or np.ndarray
        A recording, or a mono waveform, shape (n_samples,).
    label : str
        What is heard, for the eye and for a screen reader.
    sr : int, optional
        The rate of a waveform in Hz; required with an array.
    transcript : Transcript or sequence of Word, optional
        What is spoken, as :func:`lab_utils.transcripts.transcribe` returns it, best with
        ``word_timestamps=True``.
    view : {"waveform", "mel"}
        ``mel`` shows what Whisper hears.
    start, end : float
        Seconds: only this part is played, at most 300 s. Default: from the beginning to the end.

    Raises
    ------
    AudioError
        The recording cannot be read, or an array comes without its rate.
    LabError
        The label is empty, the view is none of the two, or the part is empty or longer than 300 s.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """
    from IPython.display import display

    y, rate = _sound(clip, sr, start=start, end=end)
    transcript = _part(transcript, start=start, end=end)
    parts = {"transcript": transcript, "label": label, "view": view}
    if os.environ.get(EXPORT_VARIABLE) == "1":
        markup = player_html(y, sr=rate, **parts)
        display({"text/html": markup, "text/plain": f"[player: {label}]"}, raw=True)
        return
    player = Player(y, sr=rate, **parts)
    source = None if isinstance(clip, np.ndarray) or start or end is not None else clip
    bundle = player._repr_mimebundle_()
    bundle, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    bundle["text/plain"] = f"[player: {label}]"
    bundle["text/html"] = printed_html(
        y, sr=rate, transcript=transcript, label=label, source=source
    )
    display(bundle, metadata=metadata, raw=True)


def printed_html(
    y: np.ndarray,
    *,
    sr: int,
    label: str,
    transcript: Spoken | None = None,
    source: str | os.PathLike | None = None,
) -> str:
    """The printed form of a player: a picture with the words at their moments, and the text.

    Parameters
    ----------
    y : np.ndarray, float32, shape (n_samples,)
    sr : int
        Hz.
    label : str
    transcript : Transcript or sequence of Word, optional
    source : path-like, optional
        The file that the page's plain audio element refers to.
    """
    words, lines = _spoken(transcript)
    timed = [Word(w["text"], w["start"], w["end"], w["probability"]) for w in words]
    seconds = len(y) / sr
    alt = f"Waveform of {label}, {seconds:.1f} seconds"
    alt += "; the words stand at the moments when they are spoken" if words else ""
    picture = figure_html(spoken_figure(y, sr=sr, words=timed), alt=alt, caption=label)
    text = "".join(
        f"<p{_lang(transcript)}>{html.escape(_line_text(words, line))}</p>" for line in lines
    )
    sound = audio_element(Path(source), label=label) if source is not None else ""
    return f"<div>{picture}{sound}{text}</div>"


def player_html(
    clip: str | os.PathLike | np.ndarray,
    *,
    label: str,
    sr: int | None = None,
    transcript: Spoken | None = None,
    view: str = "waveform",
    start: float = 0.0,
    end: float | None = None,
    page: bool = False,
) -> str:
    """The player as HTML that needs nothing else: sound, script and style are inside.

    The sound is 16 kHz FLAC, about 20 kB a second. Parameters as in :func:`play`.

    Parameters
    ----------
    page : bool
        A whole page rather than a piece of one.

    Returns
    -------
    str
        HTML; write it to a file with ``encoding="utf-8"``.
    """
    y, rate = _sound(clip, sr, start=start, end=end)
    transcript = _part(transcript, start=start, end=end)
    if rate > audio.SAMPLE_RATE:
        y, rate = audio.resample(y, sr=rate, target_sr=audio.SAMPLE_RATE), audio.SAMPLE_RATE
    content = _content(y, sr=rate, transcript=transcript, label=label, view=view)
    for name in BINARY:
        content[name] = base64.b64encode(content[name]).decode("ascii")
    place = f"whisper-lab-player-{next(_numbers)}"
    style = (_HERE / "player.css").read_text("utf-8")
    data = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    markup = (
        f'<style>{style}</style><div id="{place}"></div>'
        f'<script type="module">{script("player")}\n'
        "const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));\n"
        f"const data = {data};\n"
        'for (const name of ["audio", "peaks", "mel"]) data[name] = decode(data[name]);\n'
        f'mount(document.getElementById("{place}"), data);</script>'
    )
    if not page:
        return markup
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" '
        f'content="light dark"><title>{html.escape(label)}</title></head>'
        f"<body><main>{markup}</main></body></html>"
    )


def _sound(
    clip: str | os.PathLike | np.ndarray, sr: int | None, *, start: float, end: float | None
) -> tuple[np.ndarray, int]:
    """The part from ``start`` to ``end``; a file is decoded block by block, and no further."""
    if not isinstance(clip, np.ndarray):
        source = audio.describe(clip)
        _bounded(source.duration, start=start, end=end)
        if start == 0 and end is None:
            return audio.load(clip, sr=None)
        sr = source.sr or audio.SAMPLE_RATE
        y = _from_blocks(clip, sr, first=round(start * sr), last=end and round(end * sr))
    elif sr is None:
        raise audio.AudioError("Expected sr, the sampling rate in Hz, beside the waveform.")
    else:
        sr, y = audio.check_rate(sr), audio.check(clip)
        _bounded(len(y) / sr, start=start, end=end)
        y = y[round(start * sr) : end and round(end * sr)]
    if len(y) == 0:
        raise LabError(f"Expected a start before the end of the sound, found {start} s.")
    return y, sr


def _bounded(duration: float, *, start: float, end: float | None) -> None:
    """Refuse a part that is none, or that a page should not carry; duration 0 is unknown."""
    last = end if end is not None else duration or math.nan
    unknown = math.isnan(last) and end is None
    if not 0 <= start < math.inf or not (unknown or start < last < math.inf):
        found = f"{start} and {end}" if end is not None else f"{start} in {duration:.1f} s of sound"
        raise LabError(f"Expected 0 <= start < end in seconds, found {found}.")
    if min(last, duration or last) - start > LONGEST + 1e-6:
        raise LabError(
            f"Expected at most {LONGEST:.0f} s in one player, found {last - start:.0f} s. Play a "
            f"part of it: start={start:g}, end={start + LONGEST:g}."
        )


def _from_blocks(path: str | os.PathLike, sr: int, *, first: int, last: int | None) -> np.ndarray:
    kept, at = [np.zeros(0, np.float32)], 0
    for block in audio.blocks(path, sr=sr):
        kept.append(block[max(0, first - at) : None if last is None else max(0, last - at)])
        at += len(block)
        if last is not None and at >= last:
            break
        if at - first > LONGEST * sr:  # a header that promised nothing
            _bounded(0.0, start=first / sr, end=at / sr)
    return np.concatenate(kept)


def _part(transcript: Spoken | None, *, start: float, end: float | None) -> Spoken | None:
    """What is spoken from ``start`` to ``end``, at the times of the part."""
    last = math.inf if end is None else end

    def inside(spoken: Sequence) -> tuple:
        return tuple(
            replace(one, start=max(0.0, one.start - start), end=min(last, one.end) - start)
            for one in spoken
            if one.end > start and one.start < last
        )

    if not transcript or (start == 0 and end is None):
        return transcript
    if not isinstance(transcript, Transcript):
        return inside(transcript)
    segments = ((s, replace(s, words=inside(s.words))) for s in transcript.segments)
    kept = [cut for whole, cut in segments if cut.words or not whole.words]
    return replace(transcript, segments=inside(kept))


def _content(
    y: np.ndarray, *, sr: int, transcript: Spoken | None, label: str, view: str
) -> dict[str, Any]:
    """What player.js needs: numbers and words as JSON, sound and picture as bytes."""
    if not label.strip():
        raise LabError("Expected a label that says what is heard, found none.")
    if view not in VIEWS:
        raise LabError(f"Expected the view 'waveform' or 'mel', found {view!r}.")
    _bounded(len(audio.check(y)) / sr, start=0.0, end=None)
    words, lines = _spoken(transcript)
    bands, mel = _mel(y, sr) if view == "mel" else (0, b"")
    return {
        "label": label,
        "duration": len(y) / sr,
        "language": getattr(transcript, "language", "") or "",
        "words": words,
        "lines": lines,
        "mime": "audio/flac",
        "bands": bands,
        "audio": _flac(y, sr=sr),
        "peaks": _peaks(y) if view == "waveform" else b"",
        "mel": mel,
    }


def _spoken(transcript: Spoken | None) -> tuple[list[dict], list[dict]]:
    """Words, or phrases where no word is timed, and the lines that they make.

    A line is ``{start, end, first, last}``: the words ``first`` to ``last - 1``.
    """
    if transcript is None:
        return [], []
    if isinstance(transcript, Transcript):
        groups = [
            segment.words or (Word(segment.text, segment.start, segment.end, None),)
            for segment in transcript.segments
        ]
    else:
        groups = [tuple(transcript)]
    words, lines = [], []
    for group in filter(None, groups):
        first = len(words)
        words += [
            {
                "text": word.text,
                "start": round(float(word.start), 3),
                "end": round(float(word.end), 3),
                "probability": None if word.probability is None else round(word.probability, 3),
            }
            for word in group
        ]
        start, end = words[first]["start"], words[-1]["end"]
        lines.append({"start": start, "end": end, "first": first, "last": len(words)})
    return words, lines


def _line_text(words: list[dict], line: dict) -> str:
    return "".join(word["text"] for word in words[line["first"] : line["last"]]).strip()


def _lang(transcript: Spoken | None) -> str:
    language = getattr(transcript, "language", "")
    return f' lang="{html.escape(language, quote=True)}"' if language else ""


def _flac(y: np.ndarray, *, sr: int) -> bytes:
    """16-bit FLAC: half the size of a WAV, and every browser of today plays it."""
    if sr > HIGHEST_RATE:
        y, sr = audio.resample(y, sr=sr, target_sr=HIGHEST_RATE), HIGHEST_RATE
    return audio.encode(y, sr=sr, format="flac")


def _peaks(y: np.ndarray) -> bytes:
    """Lowest and highest sample of each column, as pairs of int8, scaled to the loudest."""
    edges = np.linspace(0, len(y), min(COLUMNS, len(y)) + 1).astype(int)[:-1]
    pairs = np.stack([np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)], axis=1)
    loudest = float(np.max(np.abs(pairs)))
    scaled = pairs * (127 / loudest) if loudest > 0 else pairs
    return np.round(scaled).astype(np.int8).tobytes()


def _mel(y: np.ndarray, sr: int) -> tuple[int, bytes]:
    """Whisper's log-mel as bytes, band by band from the lowest, 255 the loudest."""
    import whisper

    heard = y if sr == audio.SAMPLE_RATE else audio.resample(y, sr=sr, target_sr=audio.SAMPLE_RATE)
    mel = whisper.log_mel_spectrogram(heard.astype(np.float32)).numpy()
    edges = np.linspace(0, mel.shape[1], min(COLUMNS, mel.shape[1]) + 1).astype(int)[:-1]
    mel = np.maximum.reduceat(mel, edges, axis=1)
    low, high = float(mel.min()), float(mel.max())
    levels = np.round((mel - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
    return len(levels), levels.tobytes()


def audio_element(path: Path, *, label: str) -> str:
    """An ``<audio>`` that refers to a file; empty for a file that the page cannot reach.

    A page reaches what is in the project's assets and beside the notebook. Any other path would
    only tell where the reader keeps things.
    """
    place, here = path.resolve(), Path.cwd().resolve()
    if not any(root in place.parents for root in (here, samples.assets_dir().resolve())):
        return ""
    source = urllib.parse.quote(Path(os.path.relpath(path)).as_posix())
    name = html.escape(label, quote=True)
    return f'<audio controls preload="none" aria-label="{name}" src="{source}"></audio>'

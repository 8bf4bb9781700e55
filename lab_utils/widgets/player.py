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
from ..pictures import levels, outline, pool, run_starts
from ..plotting import figure_html
from ..plotting.speech import spoken_figure
from ..transcripts import Transcript, Word
from .messages import Answering, script, style

if TYPE_CHECKING:
    Spoken = Transcript | Sequence[Word]

EXPORT_VARIABLE = "WHISPER_LAB_EXPORT"  #: set to 1 while a notebook is run for export
VIEWS = ("waveform", "mel")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LONGEST = 300.0  #: seconds in one player: at 48 kHz 25 MB in the page and 130 in the kernel (noise)
HIGHEST_RATE = 48_000  #: Hz, more than that a browser need not play
COLUMNS = 1_200  #: how finely waveform and mel are drawn

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
    """

    carried = ("audio", "picture")  # bytes; no traits, because traits are saved with the notebook
    _esm = script("player")
    _css = style("player")

    data = traitlets.Dict({}).tag(sync=True)  #: label, duration, words, lines

    def __init__(
        self,
        y: np.ndarray,
        *,
        sr: int,
        label: str,
        transcript: Spoken | None = None,
        view: str = "waveform",
    ) -> None:
        content = playable(y, sr=sr, transcript=transcript, label=label, view=view)
        self.audio, self.picture = (content.pop(name) for name in self.carried)
        super().__init__(data=content)

    def __repr__(self) -> str:
        return f"[player: {self.data['label']}]"


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
    bundle, metadata = {"text/plain": f"[player: {label}]"}, {}
    if os.environ.get(EXPORT_VARIABLE) == "1":
        bundle["text/html"] = player_html(y, sr=rate, **parts)
    else:
        shown = Player(y, sr=rate, **parts)._repr_mimebundle_()
        live, metadata = shown if isinstance(shown, tuple) else (shown, {})
        whole = not isinstance(clip, np.ndarray) and start == 0 and end is None
        source = clip if whole else None
        printed = printed_html(y, sr=rate, transcript=transcript, label=label, source=source)
        bundle = live | bundle | {"text/html": printed}
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

    Parameters as in :class:`Player`; ``source`` is the file of the page's plain audio element.
    """
    words, lines = _spoken(transcript)
    timed = [Word(w["text"], w["start"], w["end"], w["probability"]) for w in words]
    alt = f"Waveform of {label}, {len(y) / sr:.1f} seconds"
    alt += "; the words stand at the moments when they are spoken" if words else ""
    picture = figure_html(spoken_figure(y, sr=sr, words=timed), alt=alt, caption=label)
    language = html.escape(getattr(transcript, "language", ""), quote=True)
    opening = f'<p lang="{language}">' if language else "<p>"
    texts = ("".join(w["text"] for w in words[line["first"] : line["last"]]) for line in lines)
    text = "".join(f"{opening}{html.escape(line.strip())}</p>" for line in texts)
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
    content = playable(y, sr=rate, transcript=transcript, label=label, view=view)
    for name in Player.carried:
        content[name] = base64.b64encode(content[name]).decode("ascii")
    place = f"whisper-lab-player-{next(_numbers)}"
    data = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    markup = (
        f'<style>{Player._css}</style><div id="{place}"></div>'
        f'<script type="module">{script("player")}\n'
        "const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));\n"
        f"const data = {data};\n"
        f"for (const name of {list(Player.carried)}) data[name] = decode(data[name]);\n"
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
        last = None if end is None else round(end * sr)
        y = _from_blocks(clip, sr, first=round(start * sr), last=last)
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


def playable(
    y: np.ndarray,
    *,
    sr: int,
    label: str,
    transcript: Spoken | None = None,
    view: str = "waveform",
) -> dict[str, Any]:
    """What player.js needs: numbers and words as JSON, sound and picture as bytes."""
    if not label.strip():
        raise LabError("Expected a label that says what is heard, found none.")
    if view not in VIEWS:
        raise LabError(f"Expected the view 'waveform' or 'mel', found {view!r}.")
    _bounded(len(audio.check(y)) / sr, start=0.0, end=None)
    words, lines = _spoken(transcript)
    picture = _mel(y, sr) if view == "mel" else _waveform(y)
    return {
        "label": label,
        "duration": len(y) / sr,
        "language": getattr(transcript, "language", ""),
        "words": words,
        "lines": lines,
        "rows": len(picture) if view == "mel" else 0,
        "audio": _flac(y, sr=sr),
        "picture": picture.tobytes(),
    }


def _spoken(transcript: Spoken | None) -> tuple[list[dict], list[dict]]:
    """Words, or phrases where no word is timed, and the lines that they make.

    A line is ``{start, end, first, last}``: the words ``first`` to ``last - 1``.
    """
    if isinstance(transcript, Transcript):
        groups = [
            segment.words or (Word(segment.text, segment.start, segment.end, None),)
            for segment in transcript.segments
        ]
    else:
        groups = [transcript or ()]
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


def _flac(y: np.ndarray, *, sr: int) -> bytes:
    """16-bit FLAC: half the size of a WAV, and every browser of today plays it."""
    if sr > HIGHEST_RATE:
        y, sr = audio.resample(y, sr=sr, target_sr=HIGHEST_RATE), HIGHEST_RATE
    return audio.encode(y, sr=sr, format="flac")


def _waveform(y: np.ndarray) -> np.ndarray:
    """The outline of a waveform, scaled to the loudest sample."""
    loudest = float(np.abs(y).max()) or 1.0
    return outline(y, columns=COLUMNS, low=-loudest, high=loudest)


def _mel(y: np.ndarray, sr: int) -> np.ndarray:
    """Whisper's log-mel as levels, from its lowest value to its highest."""
    import whisper

    heard = y if sr == audio.SAMPLE_RATE else audio.resample(y, sr=sr, target_sr=audio.SAMPLE_RATE)
    mel = whisper.log_mel_spectrogram(heard.astype(np.float32)).numpy()
    mel = pool(mel, run_starts(mel.shape[1], COLUMNS), axis=1)
    return levels(mel, low=mel.min(), high=mel.max())


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

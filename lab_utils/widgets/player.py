"""Play a clip over its waveform or log-mel, each word lit while it is spoken.

A notebook holds no sound: the widget gets it from the running kernel, the committed notebook keeps
the printed form (waveform, words, text), and an exported page carries its own player.

Taught in: notebooks/02_transcribe.ipynb.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from .. import audio
from ..errors import LabError
from ..plotting import figure_html
from ..plotting.speech import spoken_figure
from ..transcripts import Transcript, Word

if TYPE_CHECKING:
    Spoken = Transcript | Sequence[Word]

EXPORT_VARIABLE = "WHISPER_LAB_EXPORT"  #: set to 1 while a notebook is run for export
VIEWS = ("waveform", "mel")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
HIGHEST_RATE = 48_000  #: Hz, more than that a browser need not play
COLUMNS = 1_200  #: how finely waveform and mel are drawn

_HERE = Path(__file__).parent
_numbers = itertools.count(1)


class Player(anywidget.AnyWidget):
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

    _esm = _HERE / "player.js"
    _css = _HERE / "player.css"

    audio = traitlets.Bytes(b"").tag(sync=True)
    peaks = traitlets.Bytes(b"").tag(sync=True)
    mel = traitlets.Bytes(b"").tag(sync=True)
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
        binary = {name: content.pop(name) for name in ("audio", "peaks", "mel")}
        super().__init__(data=content, **binary, **kwargs)

    def __repr__(self) -> str:
        return f"[player: {self.data.get('label', '')}]"


def play(
    clip: str | os.PathLike | np.ndarray,
    *,
    label: str,
    sr: int | None = None,
    transcript: Spoken | None = None,
    view: str = "waveform",
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

    Raises
    ------
    AudioError
        The recording cannot be read, or an array comes without its rate.
    LabError
        The label is empty, or the view is none of the two.

    Notes
    -----
    Taught in: notebooks/02_transcribe.ipynb.
    """
    from IPython.display import display

    y, rate = _sound(clip, sr)
    parts = {"transcript": transcript, "label": label, "view": view}
    if os.environ.get(EXPORT_VARIABLE) == "1":
        markup = player_html(y, sr=rate, **parts)
        display({"text/html": markup, "text/plain": f"[player: {label}]"}, raw=True)
        return
    player = Player(y, sr=rate, **parts)
    source = None if isinstance(clip, np.ndarray) else clip
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
    sound = ""
    if source is not None:
        place = html.escape(Path(os.path.relpath(source)).as_posix(), quote=True)
        name = html.escape(label, quote=True)
        sound = f'<audio controls preload="none" aria-label="{name}" src="{place}"></audio>'
    return f"<div>{picture}{sound}{text}</div>"


def player_html(
    clip: str | os.PathLike | np.ndarray,
    *,
    label: str,
    sr: int | None = None,
    transcript: Spoken | None = None,
    view: str = "waveform",
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
    y, rate = _sound(clip, sr)
    if rate > audio.SAMPLE_RATE:
        y, rate = audio.resample(y, sr=rate, target_sr=audio.SAMPLE_RATE), audio.SAMPLE_RATE
    content = _content(y, sr=rate, transcript=transcript, label=label, view=view)
    for name in ("audio", "peaks", "mel"):
        content[name] = base64.b64encode(content[name]).decode("ascii")
    place = f"whisper-lab-player-{next(_numbers)}"
    script = (_HERE / "player.js").read_text("utf-8")
    style = (_HERE / "player.css").read_text("utf-8")
    data = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    markup = (
        f'<style>{style}</style><div id="{place}"></div>'
        f'<script type="module">{script}\n'
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


def _sound(clip: str | os.PathLike | np.ndarray, sr: int | None) -> tuple[np.ndarray, int]:
    if not isinstance(clip, np.ndarray):
        return audio.load(clip, sr=None)
    if sr is None:
        raise audio.AudioError("Expected sr, the sampling rate in Hz, beside the waveform.")
    return audio.check(clip), audio.check_rate(sr)


def _content(
    y: np.ndarray, *, sr: int, transcript: Spoken | None, label: str, view: str
) -> dict[str, Any]:
    """What player.js needs: numbers and words as JSON, sound and picture as bytes."""
    if not label.strip():
        raise LabError("Expected a label that says what is heard, found none.")
    if view not in VIEWS:
        raise LabError(f"Expected the view 'waveform' or 'mel', found {view!r}.")
    audio.check(y)
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

"""Subtitles: read from SRT and WebVTT, written with whisper's own line breaks.

Block structure is read by the libraries ``srt`` and ``webvtt-py``. What they leave open is settled
here: missing blank lines, comments that hold a cue, which ``<…>`` is a tag, and entities.

Taught in: notebooks/02_transcribe.ipynb, notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from .errors import TranscriptError
from .options import check_names, check_number

if TYPE_CHECKING:
    from .transcripts import Segment, Transcript

FORMATS = ("srt", "vtt", "tsv", "json", "txt")
LINE_OPTIONS = ("max_line_width", "max_line_count", "max_words_per_line", "highlight_words")
UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")  #: languages written without spaces

#: hours or a fraction may be missing, but not both
_TIME = (
    r"(?=[0-9]+:[0-9]+:|[0-9:]+[.,])"
    r"(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,9}))?"
)
_SETTINGS = r"((?:[ \t]+[A-Za-z]\w*:\S+)*)"
_TIMING = re.compile(rf"^\ufeff?([0-9]+\n)?[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}{_SETTINGS}$", re.M)
_ARROW = re.compile(r"^[ \t]*-?[0-9]\S*:\S*[ \t]*-->.*$", re.M)
_NOTE = re.compile(r"(?<=\n\n)NOTE(?:[ \t].*)?(?:\n.+)*")
_CLASS = r"(?:\.[\w.-]+)?"
_TAG = re.compile(
    rf"</?(?:[bisuc]|ruby|rt){_CLASS}>|</(?:v|lang|font|span)>"
    r"|<(?:font|span|[biu])(?:\s+\w+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s<>]+))*\s*>",
    re.I,
)
_VTT_TAG = re.compile(rf"<(?:v|lang){_CLASS}(?:[ \t][^<>]*)?>|<(?:[0-9]+:)?[0-9]+:[0-9.]+>", re.I)
_BREAK = re.compile(r"<br\s*/?>", re.I)
_OVERRIDE = re.compile(  # SubStation's, which some SRT files carry: {\an8}, {\i1}, {\pos(1,2)}
    r"\{(?:\\(?:an?[0-9]{1,2}|[bius][0-9]{0,3}|(?:pos|move|fade?|org|i?clip|t)\([^{}]*\)"
    r"|(?:[xy]?(?:bord|shad)|blur|be|fr[xyz]?|fa[xy]|[kK][fo]?|[pq])-?[0-9.]+"
    r"|f[ns][^\\{}]*|[1-4]?(?:c|alpha|a)&H[0-9A-Fa-f]+&?|r))+\}"
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")


@dataclass(frozen=True)
class Cue:
    """One subtitle: start and end in seconds, text in one line."""

    start: float
    end: float
    text: str


def parse(text: str) -> list[Cue]:
    """Read SRT or, if it starts with ``WEBVTT``, WebVTT.

    Tags (``<i>``, ``<font …>``, ``<v …>``, ``{\\an8}``, …) are removed; other text in angle
    brackets is kept, as in ``x < 3 and y > 5`` or ``<laughter>``. In WebVTT, entities are undone
    and comments skipped. A cue without text is kept, with an empty text.

    Raises
    ------
    TranscriptError
        There is no cue in it, a time cannot be read, or a cue ends before it starts. The message
        names the line.

    Examples
    --------
    >>> parse("1\\n00:00:00,000 --> 00:00:01,500\\n<i>Hello</i> <there>\\n")
    [Cue(start=0.0, end=1.5, text='Hello <there>')]
    """
    text = re.sub(r"\r*\n|\r", "\n", text.removeprefix("\ufeff"))
    is_vtt = text.startswith("WEBVTT")
    # in WebVTT a line of spaces does not end a cue; YouTube's begin with one
    text = re.sub(r"(?<=\S)[ \t]+$" if is_vtt else r"[ \t]+$", "", text, flags=re.M)
    if is_vtt:
        text = _NOTE.sub(lambda m: "\n" * m[0].count("\n"), text)
    for arrow in _ARROW.finditer(text):
        above = text[max(0, arrow.start() - 20) : arrow.start()]
        begins = is_vtt or re.search(r"\n[0-9]*\n\Z", f"\n\n{above}")
        if begins and not _TIMING.fullmatch(arrow[0]):
            line = text.count("\n", 0, arrow.start()) + 1
            raise TranscriptError(
                "Expected two times such as '00:00:01,000 --> 00:00:02,500' in line "
                f"{line}, found {arrow[0].strip()[:60]!r}."
            )
    if not _TIMING.search(text):
        hint = " The text looks like UTF-16: save it as UTF-8." if "\0" in text else ""
        raise TranscriptError(
            "Expected subtitles in SRT or WebVTT, with lines such as "
            f"'00:00:01,000 --> 00:00:02,500', found none.{hint}"
        )
    cues = _read_vtt(text) if is_vtt else _read_srt(text)
    for i, cue in enumerate(cues, start=1):
        if cue.end < cue.start:
            raise TranscriptError(
                f"Expected cues that end after they start; cue {i} goes from {cue.start:g} to "
                f"{cue.end:g} s ({cue.text[:40]!r}). Correct its times."
            )
    return cues


def _read_srt(text: str) -> list[Cue]:
    import srt

    try:
        found = list(srt.parse(_set_apart(text, mark=",")))
    except srt.SRTParseError as error:
        lost = error.unmatched_content.strip()
        line = text[: text.find(lost)].count("\n") + 1
        raise TranscriptError(
            f"Expected the number or the times of a cue in line {line}, found {lost[:60]!r}. "
            "Remove that text, or put it below a cue's times."
        ) from error
    return [
        Cue(cue.start.total_seconds(), cue.end.total_seconds(), _plain(cue.content, is_vtt=False))
        for cue in found
    ]


def _read_vtt(text: str) -> list[Cue]:
    import webvtt

    lines = [s for s in _set_apart(text, mark=".").split("\n") if not s or s.strip()]
    # in WebVTT an arrow always begins a cue; where it is no timing, it is text that was not escaped
    text = "\n".join(s if _TIMING.match(s) else s.replace("-->", "--&gt;") for s in lines)
    return [
        Cue(
            caption.start_time.in_milliseconds() / 1000,
            caption.end_time.in_milliseconds() / 1000,
            _plain(caption.raw_text, is_vtt=True),
        )
        for caption in webvtt.from_string(text)
    ]


def _set_apart(text: str, *, mark: str) -> str:
    """Put a blank line before each cue and write its times in full.

    A line of two times with hours always begins a cue. Without hours it does so after a blank line
    only: below a cue's times it may be what somebody says.
    """

    def cue(match: re.Match) -> str:
        index, *times, settings = match.groups()
        first = match.start() == 0 or text.endswith("\n\n", 0, match.start())
        if not (first or (times[0] and times[4]) or text.startswith("WEBVTT")):
            return match[0]
        stamps = []
        for h, m, s, fraction in (times[:4], times[4:]):
            seconds = int(h or 0) * 3600 + int(m) * 60 + int(s)
            clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            stamps.append(f"{clock}{mark}{(fraction or '')[:3]:0<3}")
        return f"\n{index or ''}{stamps[0]} --> {stamps[1]}{settings}"

    return _TIMING.sub(cue, text)


def _plain(text: str, *, is_vtt: bool) -> str:
    """The words of a cue in one line; a no-break space stays what it is."""
    text = _BREAK.sub(" ", _OVERRIDE.sub("", text))
    text = _TAG.sub("", _VTT_TAG.sub("", text) if is_vtt else text)
    if is_vtt:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    return _BLANKS.sub(" ", text).strip(" ")


def write(transcript: Transcript, *, format: str = "srt", **options: Any) -> str:
    """A transcript as the text of a subtitle file.

    Segments without text are left out, and in ``srt``, ``vtt`` and ``tsv`` those without length;
    ``json`` has them all. In ``vtt`` the characters ``&``, ``<`` and ``>`` are escaped. SRT has no
    escapes: only an arrow between two times is written ``->``.

    Parameters
    ----------
    transcript : Transcript
    format : {"srt", "vtt", "tsv", "json", "txt"}
    **options
        For ``srt`` and ``vtt``, with word timestamps: ``max_line_width`` (characters),
        ``max_line_count`` (lines at once; needs ``max_line_width``), ``max_words_per_line``,
        ``highlight_words``.

    Raises
    ------
    TranscriptError
        A format or option that does not exist or does nothing, or times that are no times.
    """
    if format not in FORMATS:
        raise TranscriptError(f"Expected one of {FORMATS}, found {format!r}.")
    options = {k: v for k, v in options.items() if v is not None and v is not False}
    spoken = [s for s in transcript.segments if s.text.strip()]
    _check_options(options, format, timed=all(s.words for s in spoken))
    for segment in spoken:
        for item in (segment, *segment.words):
            if not (math.isfinite(item.start) and item.start <= item.end < math.inf):
                raise TranscriptError(
                    "Expected times in seconds, each start before its end, found "
                    f"{item.start} to {item.end} for {item.text!r}."
                )
    if format == "json":
        return json.dumps(transcript.to_result())
    if format == "txt":
        return "".join(f"{_one_line(s.text)}\n" for s in spoken)
    spoken = [s for s in spoken if _ms(max(0.0, s.start)) < _ms(s.end)]
    if format == "tsv":
        rows = [(str(_ms(s.start)), str(_ms(s.end)), _one_line(s.text)) for s in spoken]
        return "".join("\t".join(row) + "\n" for row in [("start", "end", "text"), *rows])
    cues = _cues(spoken, format, transcript.language, options)
    if format == "vtt":
        return "".join(["WEBVTT\n\n", *(f"{a} --> {b}\n{t}\n\n" for a, b, t in cues)])
    return "".join(f"{i}\n{a} --> {b}\n{t}\n\n" for i, (a, b, t) in enumerate(cues, start=1))


def _check_options(options: dict[str, Any], format: str, *, timed: bool) -> None:
    check_names(options, LINE_OPTIONS, what="A subtitle file")
    for name, value in options.items():
        if name != "highlight_words":
            check_number(name, value, low=1, kind=Integral)
        elif value is not True:
            raise TranscriptError(f"Expected {name} to be True or False, found {value!r}.")
    if not options:
        return
    first = next(iter(options))
    if format not in ("srt", "vtt"):
        raise TranscriptError(f"{first} changes srt and vtt only, not {format}.")
    if not timed:
        raise TranscriptError(
            f"{first} needs the time of every word. Transcribe with word_timestamps=True."
        )
    if "max_line_count" in options and "max_line_width" not in options:
        raise TranscriptError("max_line_count does nothing without max_line_width. Give both.")
    if {"max_line_count", "max_line_width", "max_words_per_line"} <= options.keys():
        raise TranscriptError(
            "max_words_per_line does nothing beside max_line_width and max_line_count. Choose."
        )


def _cues(
    segments: list[Segment], format: str, language: str, options: dict[str, Any]
) -> list[tuple[str, str, str]]:
    """Start, end and text of each cue as they are written, in the lines that whisper breaks."""
    from whisper.utils import get_writer

    # whisper rewrites an arrow, and an escaped sign would count as several: hide them until later
    used = "".join(s.text for s in segments)
    free = (c for c in map(chr, range(0xFDD0, 0xFDF0)) if c not in used)
    hidden: dict[str, str] = dict(zip("&<>", free, strict=False))
    table = str.maketrans(hidden)
    rows = []
    for s in segments:
        text = _lines(s.text).translate(table)
        row: dict[str, Any] = {"start": max(0.0, s.start), "end": s.end, "text": text}
        words = _whole_words(s, spaced=language not in UNSPACED)
        row["words"] = [w | {"word": _lines(w["word"]).translate(table)} for w in words]
        rows.append(row)
    if not all(row["words"] for row in rows):
        rows = [{name: row[name] for name in ("start", "end", "text")} for row in rows]
    escapes = {c: html.escape(s, quote=False) if format == "vtt" else s for s, c in hidden.items()}
    back = str.maketrans(escapes)
    cues: list[tuple[str, str, str]] = []
    waiting = ""  # words too short for a cue of their own go with the next one
    writer: Any = get_writer(format, ".")
    for start, end, text in writer.iterate_result({"segments": rows}, options):
        text = text.translate(back).strip()
        if format == "srt":
            text = _TIMING.sub(lambda line: line[0].replace("-->", "->"), text)
        if start != end:
            cues.append((start, end, f"{waiting} {text}".strip()))
            waiting = ""
        elif not options.get("highlight_words"):
            waiting = f"{waiting} {text}".strip()
    if waiting and cues:
        cues[-1] = (*cues[-1][:2], f"{cues[-1][2]} {waiting}")
    return cues


def _whole_words(segment: Segment, *, spaced: bool) -> list[dict[str, Any]]:
    """The segment's words as whisper's writer takes them, joined where no space separates them.

    Whisper times ``well`` and ``-known`` apart; a line must not break between them.
    """
    words: list[dict[str, Any]] = []
    for w in segment.words:
        if words and spaced and w.text[:1].strip():
            words[-1]["word"] += w.text
            words[-1]["end"] = max(0.0, w.end)
        elif w.text.strip():
            start, end = max(0.0, w.start), max(0.0, w.end)
            words.append({"word": w.text, "start": start, "end": end})
    return words


def _lines(text: str) -> str:
    """The text with its line breaks, but without an empty line, which would end the cue."""
    text = re.sub(r"[ \t\f\v]*[\r\n][ \t\r\n\f\v]*", "\n", text.strip("\r\n"))
    return re.sub(r"[\t\f\v]", " ", text)


def _one_line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def _ms(seconds: float) -> int:
    return round(1000 * seconds)

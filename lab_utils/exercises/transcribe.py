"""The exercises of notebooks/02_transcribe.ipynb: options, times, subtitles, the cost of size."""

from __future__ import annotations

from typing import Any

from . import answers
from .core import Mistake
from .kinds import Case, array, choice, function, number

OBJECTIVES = (
    "turn a recording into text, and tell Whisper what it cannot know: the language, the task",
    "read segments and words as tables, with times in seconds",
    "write subtitles that a video player understands",
    "say what a larger model costs",
)

option = choice(
    "transcribe.option", objective=OBJECTIVES[0],
    look="What you feed it: formats, languages, length",
    task="A recording is spoken in German, and you want to read it in English. Which option do you "
    "pass to `transcribe`? Choose `\"language='en'\"`, `\"language='de'\"`, `\"task='translate'\"` "
    "or `\"initial_prompt='In English, please.'\"`.",
    solution_code="\"task='translate'\"",
    options=("language='en'", "language='de'", "task='translate'",
             "initial_prompt='In English, please.'"),
    mistakes=(
        Mistake("\"language='en'\"", "`language` names the language that is **spoken**. With "
            "`'en'` Whisper takes the German for English and writes English-looking guesses.",
            "language taken for output"),
        Mistake("\"language='de'\"", "`language='de'` is true, and helps, but the text stays "
            "German. Which option says what to do with the speech?", "language hint translates"),
        Mistake("\"initial_prompt='In English, please.'\"", "A prompt is no order. Whisper takes "
            "it for text that came before, and copies its style and spelling, not its wish.",
            "prompt taken for an instruction"),
    ),
    hints=("One option says what is spoken, another says what to do with it.",
           "Whisper was trained for two tasks: write what is said, or write it in English."),
    why="`language` describes the input, `task` chooses the output; translation goes into English "
    "only.",
)  # fmt: skip

moved = number(
    "transcribe.moved", objective=OBJECTIVES[1], look="Segments and words, with times",
    task="A word starts at 5.0 s. You cut off the first 2 s, `y[2 * sr:]`, and transcribe the "
    "rest. **Before you try it:** at how many seconds will the word start now?",
    solution_code="5.0 - 2.0",
    kind="prediction", unit="s", tol=0.05,
    mistakes=(
        Mistake("5.0", "Whisper has never heard the part that you cut off: its times count from "
            "the first sample that it is given, not from the start of your recording.",
            "times count from the original start"),
        Mistake("5.0 + 2.0", "The other way round: with a shorter beginning the word comes "
            "earlier, not later.", "offset with the wrong sign"),
        Mistake("2.0", "That is how much you cut off. How far behind the cut is the word?",
            "length of the cut"),
        Mistake("0", "Time 0 is the cut itself. The word starts some time after it.",
            "cut taken for the word"),
        Mistake("2 * 16000", "That is how many samples you cut off. How far behind the cut is the "
            "word, in seconds?", "samples of the cut"),
        Mistake("3000", "That is in milliseconds. Every time in these labs is in seconds, as in "
            "Whisper's own tables.", "milliseconds for seconds"),
        Mistake("3 * 16000", "That is a number of samples. Divide by the sampling rate, 16000 "
            "samples a second, and you have seconds.", "samples for seconds"),
    ),
    hints=("What does Whisper know of the two seconds that you removed?",
           "Time 0 is the first sample of the array that you pass. How far from there is the "
           "word?"),
    why="If you cut a recording, add the cut back: lab 08 keeps that number beside every clip.",
)  # fmt: skip


def _timecode(ms: str = "round(s * 1000)", clock: str = "{h:02d}:{m:02d}:{x:02d}",
              mark: str = ",{ms:03d}") -> str:  # fmt: skip
    """Code that counts in milliseconds."""
    return (
        f"def timecode(s):\n    ms = {ms}\n    h, m, x = ms // 3_600_000, ms // 60_000 % 60, "
        f"ms // 1000 % 60\n    ms = ms % 1000\n    return f'{clock}{mark}'"
    )


def _split(seconds: str, total: bool = False) -> str:
    """Code that takes hours and minutes from the float itself."""
    minutes = "s // 60" if total else "s // 60 % 60"
    return (
        f"def timecode(s):\n    h, m = int(s // 3600), int({minutes})\n"
        f"    return f'{{h:02d}}:{{m:02d}}:' + {seconds}"
    )


_FLOAT = "f'{s % 60:06.3f}'.replace('.', ',')"

timecode = function(
    "transcribe.timecode", objective=OBJECTIVES[2], look="Subtitles",
    task="Write `timecode(seconds)`, which turns a time into the form that an `.srt` file has: "
    "62.345 becomes `'00:01:02,345'` (hours, minutes, seconds, a comma, milliseconds), and "
    "59.9996, rounded to the nearest millisecond, `'00:01:00,000'`.",
    stub='def timecode(seconds):\n    """Seconds to HH:MM:SS,mmm."""\n    ...',
    solution_code="def timecode(seconds):\n"
    '    """Seconds to HH:MM:SS,mmm."""\n'
    "    ms = round(seconds * 1000)\n"
    "    hours, ms = divmod(ms, 3_600_000)\n"
    "    minutes, ms = divmod(ms, 60_000)\n"
    "    whole, ms = divmod(ms, 1000)\n"
    '    return f"{hours:02d}:{minutes:02d}:{whole:02d},{ms:03d}"',
    cases=("62.345", "3725.04", "59.9996", "1.001", "7", "45296.7893"),
    mistakes=(
        Mistake(_timecode(mark=".{ms:03d}"), "A point before the milliseconds is WebVTT (`.vtt`). "
            "SubRip (`.srt`) wants a comma: players drop lines that they cannot read.",
            "VTT's full stop in SRT"),
        Mistake(_timecode("int(s) * 1000", mark=""), "The milliseconds are missing. A subtitle "
            "that is timed to whole seconds flickers in too early or hangs on.",
            "whole seconds only"),
        Mistake(_timecode("int(s * 1000)"), "`int` and `//` cut off what follows the point. As a "
            "float, 1.001 * 1000 is a little less than 1001: use `round`.",
            "milliseconds cut off, not rounded"),
        Mistake(_timecode("-int(-s * 1000 // 1)"), "45296.7893 is nearer to 45296.789 than to "
            "45296.790. You round up: `round` goes to the nearest.", "milliseconds rounded up"),
        Mistake(_split("f'{int(s % 60):02d},{int(s % 1 * 1000):03d}'"), "As a float, 62.345 % 1 is "
            "a little less than 0.345, and `int` cuts off what follows the point. Round all of it "
            "to whole milliseconds first, then split.", "rest cut off, not rounded"),
        Mistake(_split("f'{int(s % 60):02d},{round(s % 1 * 1000):03d}'"), "59.9996 s gets 1000 "
            "milliseconds: the rest is rounded up, but the seconds do not move on. Round to whole "
            "milliseconds first, then split.", "split, then rounded"),
        Mistake(_split(_FLOAT), "59.9996 s shows 60 seconds in one field: they are rounded after "
            "the minutes were taken out. Round to whole milliseconds first, then split.",
            "60 seconds in one field"),
        Mistake(_split(_FLOAT, total=True), "3725.04 s shows 62 minutes: a whole hour is counted "
            "twice. Take the minutes that are left after the hours, `% 60`. And round to whole "
            "milliseconds before you split: 59.9996 s shows 60 seconds.",
            "hours counted in the minutes again"),
        Mistake(_timecode(clock="{60 * h + m:02d}:{x:02d}"), "The hours are missing: SubRip always "
            "writes them, `00:` for a short clip too.", "no hours in an SRT time"),
        Mistake(_timecode(mark=",{ms}"), "The milliseconds need three digits: `,40` for 40 ms "
            'looks like 400. `f"{ms:03d}"` fills up with zeros.', "milliseconds not padded"),
        Mistake(_timecode("round(s)"), "You take the argument for milliseconds. It is in seconds: "
            "62.345 is just over a minute.", "seconds taken for milliseconds"),
    ),
    hints=("Count in whole milliseconds first: `ms = round(seconds * 1000)`.",
           "`hours, ms = divmod(ms, 3_600_000)` takes the hours out and keeps the rest. Go on with "
           "minutes (60_000) and seconds (1000).",
           "`f\"{7:02d}\"` is `'07'` and `f\"{7:03d}\"` is `'007'`."),
    why="Whole milliseconds first, so that 59.9996 never becomes 60 seconds in one field.",
)  # fmt: skip

_IN_ONE = (
    "def in_one(pieces, seconds=30):\n"
    "    words = []\n"
    "    for i, piece in enumerate(pieces):\n"
    "        for w in piece:\n"
    "            words.append((w.text, {start}, {end}))\n"
    "    return words"
)


def _in_one(offset: str, end: bool = True) -> str:
    return _IN_ONE.format(start=f"w.start + {offset}", end=f"w.end + {offset}" if end else "w.end")


def _piece(text: str) -> list[Any]:
    """The words of a piece: text, start and end of each."""
    from ..transcripts import Word

    every = (word.split() for word in text.split(", "))
    return [Word(f" {word}", float(start), float(end), 0.98) for word, start, end in every]


def _judge_words(result: Any, pieces: list[list[Any]], seconds: float = 30) -> str | None:
    """What is wrong with the words; `Word` objects, which hold more, are as good as tuples."""
    right = answers.plain(in_one.answer(in_one.solution_code)(pieces, seconds))
    if isinstance(result, list):
        result = [item[:3] if isinstance(item, list) else item for item in result]
    return None if answers.same(result, right) else f"{answers.difference(result, right, 1e-6)}."


in_one = function(
    "transcribe.in_one", objective=OBJECTIVES[1],
    look="What you feed it: formats, languages, length",
    task="**Find the bug.** A long recording was cut every `seconds` seconds and each piece was "
    "transcribed by itself; `pieces[i]` holds the words of piece `i`. `in_one` should return all "
    "words with their times in the whole recording, but the second piece starts at 0 again. "
    "Correct it.",
    stub=_IN_ONE.format(start="w.start", end="w.end"),
    solution_code=_in_one("i * seconds"),
    kind="bug", judged=_judge_words,
    cases=(
        Case("[piece('one 0.5 0.9, two 29 29.4'), piece('three 1 1.5')]",
             "piece 0 with `one` at 0.5 and `two` at 29 s, piece 1 with `three` at 1 s"),
        Case("[piece('one 0.5 0.9'), piece('two 2 2.5'), piece('three 1 1.25, four 3 4')], 20",
             "pieces of 20 s, piece 0 with `one` at 0.5, piece 1 with `two` at 2, piece 2 with "
             "`three` at 1 and `four` at 3 s"),
    ),
    helpers={"piece": _piece},
    mistakes=(
        Mistake(_in_one("0"), "The times still start at 0 again in each piece: words of piece 1 "
            "would be spoken before those of piece 0.", "nothing added"),
        Mistake(_in_one("i"), "You add the number of the piece. Piece 1 starts `seconds` seconds "
            "into the recording, not 1 second.", "piece number for seconds"),
        Mistake(_in_one("seconds"), "Every piece is moved by the same amount, the first one too. "
            "How many pieces come before piece `i`?", "same offset for every piece"),
        Mistake(_in_one("(i + 1) * seconds"), "Every piece comes one piece too late. How many "
            "pieces come before the first one?", "pieces counted from 1"),
        Mistake(_in_one("i * seconds", end=False), "Only `start` is moved: words now end before "
            "they begin.", "end not moved"),
        Mistake(_in_one("i * seconds * 16000"), "You add samples to seconds. All times here are in "
            "seconds: no 16000 is needed.", "samples added to seconds"),
        Mistake(_in_one("i * 30"), "It works for 30 s pieces only: use the argument `seconds`.",
            "argument ignored"),
        Mistake("def in_one(pieces, seconds=30):\n    words, last = [], 0\n"
            "    for piece in pieces:\n"
            "        words += [(w.text, w.start + last, w.end + last) for w in piece]\n"
            "        last = words[-1][2]\n    return words", "You add the end of the last word: a "
            "piece begins at the cut, and between the two there may be silence.",
            "last word for the cut"),
    ),
    hints=("A word 1 s into the second piece of 30 s: at what time of the whole recording is it?",
           "Piece `i` starts after `i` whole pieces. How many seconds is that?"),
    why="`transcribe` does this for each of its windows, too; only their starts are not multiples "
    "of 30 s: a window begins where the last complete segment ended.",
)  # fmt: skip

_PARAMETERS = "import numpy as np\n\nn_parameters = np.array([37_184_256, 71_825_920, 240_582_912])"

megabytes = array(
    "transcribe.megabytes", objective=OBJECTIVES[3], look="What a larger model costs",
    task="`n_parameters` holds the numbers of parameters of tiny.en, base and small. Each is kept "
    "as float32, a number of 32 bits. Make the array `megabytes`: how many MB (1 MB = 1e6 bytes) "
    "of memory do the weights of each model take?",
    setup=_PARAMETERS,
    stub=f"{_PARAMETERS}\nmegabytes = ...",
    solution_code="n_parameters * 4 / 1e6",
    unit="MB", tol=0.75,  # whole MB will do, also rounded down
    mistakes=(
        Mistake("n_parameters / 1e6", "That is one byte for each parameter. A float32 has 32 "
            "**bits**: how many bytes is that?", "one byte a parameter"),
        Mistake("n_parameters * 2 / 1e6", "Two bytes each is float16, as on a GPU. On the CPU "
            "Whisper computes in float32.", "float16 on the CPU"),
        Mistake("n_parameters", "That is how many parameters there are. How many bytes does each "
            "take, and how many MB is that?", "parameters for megabytes"),
        Mistake("n_parameters * 32", "That is in bits. Eight bits make one byte, and 1 MB is 1e6 "
            "bytes.", "bits for megabytes"),
        Mistake("n_parameters / 8 / 1e6", "You divided by 8, but the 32 bits of each parameter are "
            "missing.", "one bit a parameter"),
        Mistake("n_parameters * 8 / 1e6", "Eight bytes each is float64. A float32 has 32 bits.",
            "float64"),
        Mistake("n_parameters * 32 / 1e6", "That is in megabits. Eight bits make one byte.",
            "bits for bytes"),
        Mistake("n_parameters / 4 / 1e6", "You divided by the number of bytes. Four parameters "
            "take more memory than one.", "divided by the bytes"),
        Mistake("n_parameters * 4", "That is in bytes. Divide by 1e6 for MB.",
            "bytes for megabytes"),
        Mistake("n_parameters * 4 / 2**20", "That is in mebibytes (MiB, 2**20 bytes). Here 1 MB is "
            "1e6 bytes.", "mebibytes"),
    ),
    hints=("Eight bits make a byte: how many bytes does one parameter take?",
           "Parameters times bytes each, divided by 1e6; NumPy does it for the whole array."),
    why="The file on disk is half as large: there each parameter is a float16.",
)  # fmt: skip

"""The exercises of notebooks/02_transcribe.ipynb: options, times, subtitles, the cost of size."""

from __future__ import annotations

import numpy as np

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "02_transcribe"
OBJECTIVES = (
    "turn a recording into text, and tell Whisper what it cannot know: the language, the task",
    "read segments and words as tables, with times in seconds",
    "write subtitles that a video player understands",
    "say what a larger model costs",
)

N_PARAMETERS = (37_184_256, 71_825_920, 240_582_912)  #: of the models tiny.en, base, small
CUT, HEARD = 2.0, 5.0  #: seconds cut off the front; where the word stood before


def _check_option(answer):
    return answers.choice(
        answer,
        "task='translate'",
        {
            "language='en'": "`language` names the language that is **spoken**. With `'en'` "
            "Whisper takes the German for English and writes English-looking guesses.",
            "language='de'": "`language='de'` is true, and helps, but it changes nothing about "
            "the output: the text stays German. Which option says what to do with the speech?",
            "initial_prompt='In English, please.'": "A prompt is no order. Whisper takes it for "
            "text that came before, and copies its style and spelling, not its wish.",
        },
    )


option = Exercise(
    key="transcribe.option",
    lab=LAB,
    objective=OBJECTIVES[0],
    task="A recording is spoken in German, and you want to read it in English. Which option do "
    "you pass to `transcribe`? Choose `\"language='en'\"`, `\"language='de'\"`, "
    "`\"task='translate'\"` or `\"initial_prompt='In English, please.'\"`.",
    stub="option = ...",
    solution="option = \"task='translate'\"",
    variable="option",
    look="What you feed it: formats, languages, length",
    check=_check_option,
    mistakes=(
        Mistake("option = \"language='en'\"", "that is **spoken**", "language taken for output"),
        Mistake("option = \"language='de'\"", "text stays German", "language hint translates"),
        Mistake(
            "option = \"initial_prompt='In English, please.'\"",
            "A prompt is no order",
            "prompt taken for an instruction",
        ),
    ),
    hints=(
        "One option says what is spoken, another says what to do with it.",
        "Whisper was trained for two tasks: write what is said, or write it in English.",
    ),
    kind="choice",
    why="`language` describes the input, `task` chooses the output; translation goes into English "
    "only.",
)


def _check_moved(answer):
    return answers.close(
        answer,
        HEARD - CUT,
        tol=0.05,
        unit="s",
        wrong=[
            (HEARD, "Whisper has never heard the part that you cut off: its times count from the "
             "first sample that it is given, not from the start of your recording."),
            (HEARD + CUT, "The other way round: with a shorter beginning the word comes earlier, "
             "not later."),
            ((HEARD - CUT) * 1000, "That is in milliseconds. Every time in these labs is in "
             "seconds, as in Whisper's own tables."),
            ((HEARD - CUT) * 16000, "That is a number of samples. Divide by the sampling rate, "
             "16000 samples a second, and you have seconds."),
        ],
    )  # fmt: skip


moved = Exercise(
    key="transcribe.moved",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="A word starts at 5.0 s. You cut off the first 2 s, `y[2 * sr:]`, and transcribe the "
    "rest. **Before you try it:** at how many seconds will the word start now?",
    stub="moved = ...",
    solution="moved = 5.0 - 2.0",
    variable="moved",
    look="Segments and words, with times",
    check=_check_moved,
    mistakes=(
        Mistake("moved = 5.0", "never heard the part", "times count from the original start"),
        Mistake("moved = 7.0", "The other way round", "offset with the wrong sign"),
        Mistake("moved = 3000", "in milliseconds", "milliseconds for seconds"),
        Mistake("moved = 3 * 16000", "a number of samples", "samples for seconds"),
    ),
    hints=(
        "What does Whisper know of the two seconds that you removed?",
        "Time 0 is the first sample of the array that you pass. How far from there is the word?",
    ),
    kind="prediction",
    why="Who cuts must add the cut back: lab 08 keeps that number beside every clip.",
)


def _timecode(seconds: float, mark: str = ",") -> str:
    ms = round(seconds * 1000)
    return (
        f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{mark}{ms % 1000:03d}"
    )


def _check_timecode(function):
    return answers.function(
        function,
        [(62.345, "00:01:02,345"), (0.5, "00:00:00,500"), (3725.04, "01:02:05,040")],
        name="timecode",
        wrong=[
            (lambda s: _timecode(s, "."), "A full stop before the milliseconds is WebVTT (`.vtt`). "
             "SubRip (`.srt`) wants a comma: players drop lines that they cannot read."),
            (lambda s: _timecode(s)[:-4], "The milliseconds are missing. A subtitle that is timed "
             "to whole seconds flickers in too early or hangs on."),
            (lambda s: f"{s // 3600:02.0f}:{s // 60:02.0f}:{s % 60:06.3f}".replace(".", ","),
             "3725.04 s shows 62 minutes: a whole hour is counted twice, once as an hour and once "
             "as minutes. Take the minutes that are left after the hours, `% 60`."),
            (lambda s: f"{int(s // 60):02d}{_timecode(s)[5:]}", "The hours are missing: SubRip "
             "always writes them, `00:` for a short clip too."),
            (lambda s: _timecode(s / 1000), "You take the argument for milliseconds. It is in "
             "seconds: 62.345 is just over a minute."),
        ],
    )  # fmt: skip


timecode = Exercise(
    key="transcribe.timecode",
    lab=LAB,
    objective=OBJECTIVES[2],
    task="Write `timecode(seconds)`, which turns a time into the form that an `.srt` file has: "
    "62.345 becomes `'00:01:02,345'` (hours, minutes, seconds, a comma, milliseconds).",
    stub='def timecode(seconds):\n    """Seconds to HH:MM:SS,mmm."""\n    ...',
    solution="def timecode(seconds):\n"
    '    """Seconds to HH:MM:SS,mmm."""\n'
    "    ms = round(seconds * 1000)\n"
    "    hours, ms = divmod(ms, 3_600_000)\n"
    "    minutes, ms = divmod(ms, 60_000)\n"
    "    whole, ms = divmod(ms, 1000)\n"
    '    return f"{hours:02d}:{minutes:02d}:{whole:02d},{ms:03d}"',
    variable="timecode",
    look="Subtitles",
    check=_check_timecode,
    mistakes=(
        Mistake(
            "def timecode(s):\n    m = round(s * 1000)\n    return f'{m // 3600000:02d}:"
            "{m // 60000 % 60:02d}:{m // 1000 % 60:02d}.{m % 1000:03d}'",
            "is WebVTT",
            "VTT's full stop in SRT",
        ),
        Mistake(
            "def timecode(s):\n    s = int(s)\n"
            "    return f'{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}'",
            "milliseconds are missing",
            "whole seconds only",
        ),
        Mistake(
            "def timecode(s):\n    t = f'{int(s // 3600):02d}:{int(s // 60):02d}:{s % 60:06.3f}'\n"
            "    return t.replace('.', ',')",
            "counted twice",
            "hours counted in the minutes again",
        ),
        Mistake(
            "def timecode(s):\n    m = round(s * 1000)\n"
            "    return f'{m // 60000:02d}:{m // 1000 % 60:02d},{m % 1000:03d}'",
            "hours are missing",
            "no hours in an SRT time",
        ),
    ),
    hints=(
        "Count in whole milliseconds first: `ms = round(seconds * 1000)`.",
        "`hours, ms = divmod(ms, 3_600_000)` takes the hours out and keeps the rest. Go on with "
        "minutes (60_000) and seconds (1000).",
        "`f\"{7:02d}\"` is `'07'` and `f\"{7:03d}\"` is `'007'`.",
    ),
    kind="function",
    why="Whole milliseconds first, so that 59.9996 never becomes 60 seconds in one field.",
)

_SETUP_PIECES = (
    "from lab_utils.transcripts import Word\n"
    "pieces = [[Word(' one', 0.5, 0.9, 0.98), Word(' two', 29.0, 29.4, 0.97)],\n"
    "          [Word(' three', 1.0, 1.5, 0.99)]]"
)


def _check_in_one(function):
    from ..transcripts import Word

    def words(*times):
        return [Word(" w", start, end, 1.0) for start, end in times]

    def joined(shift):
        return lambda pieces, seconds=30: [
            (w.text, *shift(i, w, seconds)) for i, piece in enumerate(pieces) for w in piece
        ]

    pieces = [words((0.5, 0.9), (29.0, 29.4)), words((1.0, 1.5)), words((2.0, 2.5), (3.0, 3.25))]
    right = joined(lambda i, w, s: (w.start + i * s, w.end + i * s))
    return answers.function(
        function,
        [((pieces,), right(pieces)), ((pieces[:2], 20), right(pieces[:2], 20))],
        tol=1e-6,
        name="in_one",
        wrong=[
            (joined(lambda i, w, s: (w.start, w.end)), "The times still start at 0 again in each "
             "piece: the third word would be spoken before the second."),
            (joined(lambda i, w, s: (w.start + i, w.end + i)), "You add the number of the piece. "
             "Piece 1 starts `seconds` seconds into the recording, not 1 second."),
            (joined(lambda i, w, s: (w.start + s, w.end + s)), "Every piece is moved by the same "
             "amount, the first one too. How many pieces lie before piece `i`?"),
            (joined(lambda i, w, s: (w.start + i * s, w.end)), "Only `start` is moved: words now "
             "end before they begin."),
            (joined(lambda i, w, s: (w.start + i * s * 16000, w.end + i * s * 16000)),
             "You add samples to seconds. All times here are in seconds: no 16000 is needed."),
            (joined(lambda i, w, s: (w.start + i * 30, w.end + i * 30)), "It works for 30 s "
             "pieces only: use the argument `seconds`."),
        ],
    )  # fmt: skip


_IN_ONE = (
    "def in_one(pieces, seconds=30):\n"
    "    words = []\n"
    "    for i, piece in enumerate(pieces):\n"
    "        for w in piece:\n"
    "            words.append((w.text, {start}, {end}))\n"
    "    return words"
)


def _in_one(start: str, end: str) -> str:
    return _IN_ONE.format(start=start, end=end)


in_one = Exercise(
    key="transcribe.in_one",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="**Find the bug.** A long recording was cut every `seconds` seconds and each piece was "
    "transcribed by itself; `pieces[i]` holds the words of piece `i`. `in_one` is to give all "
    "words with their times in the whole recording, but the second piece starts at 0 again. Mend "
    "the function.",
    setup=_SETUP_PIECES,
    stub=_in_one("w.start", "w.end"),
    solution=_in_one("w.start + i * seconds", "w.end + i * seconds"),
    variable="in_one",
    look="What you feed it: formats, languages, length",
    check=_check_in_one,
    mistakes=(
        Mistake(
            _in_one("w.start + i", "w.end + i"),
            "the number of the piece",
            "piece number for seconds",
        ),
        Mistake(
            _in_one("w.start + seconds", "w.end + seconds"),
            "the first one too",
            "same offset for every piece",
        ),
        Mistake(
            _in_one("w.start + i * seconds", "w.end"), "Only `start` is moved", "end not moved"
        ),
        Mistake(
            _in_one("w.start + i * seconds * 16000", "w.end + i * seconds * 16000"),
            "samples to seconds",
            "samples added to seconds",
        ),
        Mistake(
            _in_one("w.start + i * 30", "w.end + i * 30"),
            "30 s pieces only",
            "argument ignored",
        ),
    ),
    hints=(
        "A word 1 s into the second piece of 30 s: at what time of the whole recording is it?",
        "Piece `i` starts after `i` whole pieces. How many seconds is that?",
    ),
    kind="bug",
    why="Whisper does the same inside `transcribe`: 30 s at a time, and the offset added back.",
)


def _check_megabytes(answer):
    n = np.array(N_PARAMETERS, float)
    if answers.number(answer) is not None:
        return (
            "One number came out: the answer is an array with three, one for each model. "
            "Arithmetic on `n_parameters` is done for all three at once."
        )
    return answers.array(
        answer,
        n * 4 / 1e6,
        tol=0.5,
        axes=("n_models",),
        wrong=[
            (n / 1e6, "That is one byte for each parameter. A float32 has 32 **bits**: how many "
             "bytes is that?"),
            (n * 2 / 1e6, "Two bytes each is float16, as on a GPU. On the CPU Whisper computes in "
             "float32."),
            (n * 32 / 1e6, "That is in megabits. Eight bits make one byte."),
            (n * 4, "That is in bytes. Divide by 1e6 for MB."),
            (n * 4 / 2**20, "That is in mebibytes (MiB, 2**20 bytes). Here 1 MB is 1e6 bytes."),
        ],
    )  # fmt: skip


_PARAMETERS = "n_parameters = np.array([{:_}, {:_}, {:_}])".format(*N_PARAMETERS)

megabytes = Exercise(
    key="transcribe.megabytes",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="`n_parameters` holds the numbers of parameters of tiny.en, base and small. Each is kept "
    "as float32, a number of 32 bits. Make the array `megabytes`: how many MB (1 MB = 1e6 bytes) "
    "of memory do the weights of each model take?",
    setup="import numpy as np\n\n" + _PARAMETERS,
    stub=f"import numpy as np\n\n{_PARAMETERS}\nmegabytes = ...",
    solution="megabytes = n_parameters * 4 / 1e6",
    variable="megabytes",
    look="What a larger model costs",
    check=_check_megabytes,
    mistakes=(
        Mistake("megabytes = n_parameters / 1e6", "one byte for each", "one byte a parameter"),
        Mistake("megabytes = n_parameters * 2 / 1e6", "is float16", "float16 on the CPU"),
        Mistake("megabytes = n_parameters * 32 / 1e6", "in megabits", "bits for bytes"),
        Mistake("megabytes = n_parameters * 4", "That is in bytes", "bytes for megabytes"),
        Mistake(
            "megabytes = n_parameters.sum() * 4 / 1e6", "One number came out", "sum for each one"
        ),
    ),
    hints=(
        "Eight bits make a byte: how many bytes does one parameter take?",
        "Parameters times bytes each, divided by 1e6; NumPy does it for the whole array.",
    ),
    kind="array",
    why="The file on disk is half as large: there each parameter is a float16.",
)

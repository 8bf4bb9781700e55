"""The exercises of notebooks/06_spectrogram.ipynb: shape, decibels, resolution, axes."""

from __future__ import annotations

import numpy as np

from . import answers
from .core import Exercise, Mistake

LAB = "06_spectrogram"
OBJECTIVES = (
    "build a spectrogram frame by frame, and say what its shape means",
    "turn power and magnitude into decibels, each with its own factor",
    "choose frame length, hop length and window, and say what each costs",
    "notice a spectrogram whose axes do not tell the truth",
)


def _check_shape(answer):
    if not isinstance(answer, tuple) or len(answer) != 2:
        return (
            f"Expected a tuple of two numbers, (rows, frames); this is {answers.describe(answer)}."
        )
    wrong = {
        (
            512,
            101,
        ): "n_fft // 2 rows are one too few: frequency 0 has a row and so has the highest.",
        (1024, 101): "You took a row for each sample of the frame. A real signal needs 0 Hz to "
        "half the rate: about half as many.",
        (1023, 101): "2 n_fft rows are too many by far: look at the formula of the rows again.",
        (513, 100): "32000 / 320 hops lie inside the clip; the frame at time 0 comes on top.",
        (101, 513): "Rows and columns are exchanged: frequencies are the rows.",
        (513, 97): "That is without padding. librosa adds half a frame at both ends, so that frame "
        "0 is centred on sample 0.",
    }
    if tuple(answer) == (513, 101):
        return None
    return wrong.get(
        tuple(answer), f"{answer} is not it. Rows: 1 + n_fft // 2; frames: one each hop, and one."
    )


shape = Exercise(
    key="spectrogram.shape",
    lab=LAB,
    look="Frame by frame",
    objective=OBJECTIVES[0],
    task="A clip has 32,000 samples. Which shape, `(rows, frames)`, does "
    "`librosa.stft(y, n_fft=1024, hop_length=320)` return?",
    stub="shape = ...",
    solution="shape = (1 + 1024 // 2, 1 + 32_000 // 320)",
    variable="shape",
    check=_check_shape,
    mistakes=(
        Mistake("shape = (512, 101)", "one too few", "row of the highest frequency forgotten"),
        Mistake("shape = (1024, 101)", "a row for each sample", "n_fft rows"),
        Mistake("shape = (513, 100)", "comes on top", "first frame forgotten"),
        Mistake("shape = (101, 513)", "exchanged", "rows and columns exchanged"),
        Mistake("shape = (513, 97)", "without padding", "no padding"),
    ),
    hints=(
        "Rows: frequencies from 0 to half the rate, both ends counted.",
        "Frames: one starts at every hop, and the first stands at time 0.",
    ),
    why="The number of frames does not depend on n_fft: the padding sees to that.",
)


def _check_doubled(answer):
    return answers.close(
        answer,
        6.02,
        tol=0.05,
        unit="dB",
        wrong=[
            (3.01, "3 dB is what twice the **power** gives. Twice the magnitude is four times the "
             "power."),
            (12.04, "You applied 20 log10 to the power: the square is counted twice then."),
            (2.0, "That is the factor itself. Put it on the decibel scale."),
            (1.39, "np.log is the natural logarithm: decibels use np.log10."),
            (13.86, "np.log is the natural logarithm: decibels use np.log10 (and then 20)."),
        ],
    )  # fmt: skip


doubled = Exercise(
    key="spectrogram.doubled",
    lab=LAB,
    look="Power and decibels",
    objective=OBJECTIVES[1],
    task="You turn a recording up so that every sample is twice as large. By how many dB does each "
    "cell of its power spectrogram rise?",
    setup="import numpy as np",
    stub="doubled = ...",
    solution="doubled = 20 * np.log10(2)",
    variable="doubled",
    check=_check_doubled,
    mistakes=(
        Mistake("doubled = 10 * np.log10(2)", "twice the **power**", "10 log10 of an amplitude"),
        Mistake("doubled = 20 * np.log10(4)", "counted twice", "20 log10 of power"),
        Mistake("doubled = 2.0", "the factor itself", "no decibels"),
        Mistake("doubled = 20 * np.log(2)", "natural logarithm", "natural logarithm"),
    ),
    hints=(
        "Twice the magnitude is how many times the power?",
        "10 log10 of the ratio of powers equals 20 log10 of the ratio of magnitudes.",
    ),
    kind="prediction",
    why="Each doubling is 6 dB, whatever the level was: that is what a logarithm does.",
)


def _power_db(S, factor=10.0, floor=1e-10):
    return factor * np.log10(np.maximum(S, floor))


def _check_to_db(function):
    cases = [np.array([1.0, 0.1, 1e-4]), np.array([[100.0, 0.0], [2.0, 1e-12]])]
    return answers.function(
        function,
        [(case, _power_db(case)) for case in cases],
        tol=1e-3,
        wrong=[
            (lambda S: _power_db(S, 20), "20 log10 is for magnitude. `S` is power: every slope "
             "comes out twice too steep."),
            (lambda S: _power_db(S, floor=0), "Right for what is above 0. But the logarithm of 0 "
             "is minus infinity, and every picture with it goes blank: lift to 1e-10 first."),
            (lambda S: _power_db(S + 1e-10), "Adding 1e-10 changes every value a little. Lift only "
             "what is below it: np.maximum(S, 1e-10)."),
            (lambda S: 10 * np.log(np.maximum(S, 1e-10)), "np.log is the natural logarithm: "
             "decibels use np.log10."),
            (lambda S: np.log10(np.maximum(S, 1e-10)), "That is in bel. A decibel is a tenth of "
             "it, so the number is ten times as large."),
        ],
    )  # fmt: skip


to_db = Exercise(
    key="spectrogram.to_db",
    lab=LAB,
    look="Power and decibels",
    objective=OBJECTIVES[1],
    task="Write `to_db(S)`: the decibels of a power spectrogram, with 1.0 as 0 dB. Values below "
    "1e-10 count as 1e-10.",
    setup="import numpy as np",
    stub='def to_db(S):\n    """Decibels of power."""\n    ...',
    solution="def to_db(S):\n    return 10 * np.log10(np.maximum(S, 1e-10))",
    variable="to_db",
    check=_check_to_db,
    mistakes=(
        Mistake(
            "def to_db(S):\n    return 20 * np.log10(np.maximum(S, 1e-10))",
            "for magnitude",
            "20 log10 of power",
        ),
        Mistake(
            "def to_db(S):\n    return 10 * np.log10(S)", "minus infinity", "logarithm of zero"
        ),
        Mistake(
            "def to_db(S):\n    return 10 * np.log(np.maximum(S, 1e-10))",
            "natural logarithm",
            "natural logarithm",
        ),
        Mistake("def to_db(S):\n    return np.log10(np.maximum(S, 1e-10))", "in bel", "bel"),
    ),
    hints=(
        "Which factor belongs to power: 10 or 20?",
        "np.maximum(S, 1e-10) lifts the zeros before the logarithm is taken.",
    ),
    points=2,
    kind="function",
    why="`librosa.power_to_db` does this, and cuts off what lies 80 dB below the loudest.",
)


def _check_n_fft(answer):
    found = answers.number(answer)
    if found is None:
        return f"Expected one number of samples; this is {answers.describe(answer)}."
    if found in (256, 512):
        return (
            f"With {found:.0f} samples the rows are {16000 / found:.0f} Hz apart: tones 20 Hz "
            "apart fall into one row. " + ("Try longer." if found == 512 else "Far too short.")
        )
    if found == 1024:
        return (
            "The rows are 15.6 Hz apart then, but a Hann window spreads each tone over two rows on "
            "either side: the two still run together."
        )
    if found == 8192:
        return (
            "That would do, but a frame of 512 ms smears every syllable. The task asks for the "
            "shortest that is enough."
        )
    if found == 20:
        return "20 is the distance of the tones in Hz. How many samples does a frame need?"
    return None if found == 2048 else "Choose 256, 512, 1024, 2048 or 8192 samples."


n_fft = Exercise(
    key="spectrogram.n_fft",
    lab=LAB,
    look="What a longer frame costs",
    objective=OBJECTIVES[2],
    task="Two tones are 20 Hz apart, at 16,000 samples a second. Of 256, 512, 1024, 2048 and 8192 "
    "samples with a Hann window, which is the shortest frame that shows two lines?",
    stub="n_fft = ...",
    solution="n_fft = 2048",
    variable="n_fft",
    check=_check_n_fft,
    mistakes=(
        Mistake("n_fft = 256", "Far too short", "frame far too short"),
        Mistake("n_fft = 512", "Try longer", "frame too short"),
        Mistake("n_fft = 1024", "still run together", "width of the window forgotten"),
        Mistake("n_fft = 8192", "smears every syllable", "longest frame taken"),
    ),
    hints=(
        "Rows are sr / n_fft apart. How many rows must lie between two lines to see a gap?",
        "A Hann window makes each line about four rows wide, its brightest part two.",
    ),
    why="Distance of the rows times length of the frame is always 1: sharper in one, blurred in "
    "the other.",
)


def _check_seconds(function):
    cases = [
        {"n_frames": 101, "sr": 16000, "hop": 320},
        {"n_frames": 3001, "sr": 16000, "hop": 160},
        {"n_frames": 501, "sr": 44100, "hop": 441},
    ]
    return answers.function(
        function,
        [(case, (case["n_frames"] - 1) * case["hop"] / case["sr"]) for case in cases],
        tol=1e-6,
        wrong=[
            (lambda n_frames, sr, hop: (n_frames - 1) * hop / 22050, "It still uses "
             "22050. The rate is an argument of the function: use it."),
            (lambda n_frames, sr, hop: (n_frames - 1) * 512 / sr, "It still uses a hop of "
             "512. The hop is an argument of the function: use it."),
            (lambda n_frames, sr, hop: (n_frames - 1) * 512 / 22050, "Nothing has changed: "
             "both defaults of librosa, 22050 and 512, still stand there."),
            (lambda n_frames, sr, hop: n_frames * hop / sr, "One hop too much: frame "
             "0 is at time 0, so the last of n frames is n - 1 hops later."),
            (lambda n_frames, sr, hop: (n_frames - 1) * sr / hop, "Upside down: a hop "
             "lasts hop / sr seconds."),
        ],
    )  # fmt: skip


seconds = Exercise(
    key="spectrogram.seconds",
    lab=LAB,
    look="Bug museum",
    objective=OBJECTIVES[3],
    task="**Find the bug.** `seconds` is to give the time of the last frame. It is right for "
    "librosa's defaults alone. Mend it.",
    stub="def seconds(n_frames, sr, hop):\n    return (n_frames - 1) * 512 / 22050",
    solution="def seconds(n_frames, sr, hop):\n    return (n_frames - 1) * hop / sr",
    variable="seconds",
    check=_check_seconds,
    mistakes=(
        Mistake(
            "def seconds(n_frames, sr, hop):\n    return (n_frames - 1) * hop / 22050",
            "still uses 22050",
            "rate left at the default",
        ),
        Mistake(
            "def seconds(n_frames, sr, hop):\n    return (n_frames - 1) * 512 / sr",
            "still uses a hop",
            "hop left at the default",
        ),
        Mistake(
            "def seconds(n_frames, sr, hop):\n    return n_frames * hop / sr",
            "One hop too much",
            "off by one frame",
        ),
        Mistake(
            "def seconds(n_frames, sr, hop):\n    return (n_frames - 1) * sr / hop",
            "Upside down",
            "division upside down",
        ),
    ),
    hints=(
        "From frame to frame the clip moves on by `hop` samples.",
        "Samples divided by samples a second are seconds.",
    ),
    kind="bug",
    why="`specshow` makes the same mistake whenever you do not pass `sr` and `hop_length`.",
)

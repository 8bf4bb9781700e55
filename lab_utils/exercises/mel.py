"""The exercises of notebooks/07_mel.ipynb: the mel scale, empty bands, files, Whisper's input."""

from __future__ import annotations

import numpy as np

from . import answers
from .core import Exercise, Mistake

LAB = "07_mel"
OBJECTIVES = (
    "explain the mel scale, and what a mel band adds up",
    "tell apart what mel does to frequency and decibels do to level, and find empty bands",
    "save a spectrogram as picture, array and text, and say what survives",
    "build exactly what Whisper's encoder is given, and transcribe from it",
)


def _check_htk(function):
    def mel(hz, factor=2595.0, corner=700.0, log=np.log10, one=1.0):
        return factor * log(one + np.asarray(hz) / corner)

    return answers.function(
        function,
        [(hz, float(mel(hz))) for hz in (1000.0, 100.0, 8000.0)],
        tol=0.1,
        wrong=[
            (lambda hz: mel(hz, log=np.log), "np.log is the natural logarithm. With 2595 the "
             "formula needs base 10 (the natural one goes with 1127)."),
            (lambda hz: mel(hz, one=0), "The 1 is missing: then 0 Hz would be minus infinity, and "
             "100 Hz a negative number of mel."),
            (lambda hz: mel(hz, corner=1000), "You divide by 1000. The corner of the HTK formula "
             "is at 700 Hz."),
            (lambda hz: 700 * (10 ** (hz / 2595) - 1), "That is the way back, from mel to hertz."),
            (lambda hz: hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4),
             "That is Slaney's scale. The task asks for HTK's."),
        ],
    )  # fmt: skip


htk = Exercise(
    key="mel.htk",
    lab=LAB,
    look="A scale for the ear",
    objective=OBJECTIVES[0],
    task="Write `hz_to_mel(hz)` for the HTK scale: 2595 · log₁₀(1 + hz / 700).",
    setup="import numpy as np",
    stub='def hz_to_mel(hz):\n    """Hertz to mel, HTK."""\n    ...',
    solution="def hz_to_mel(hz):\n    return 2595 * np.log10(1 + hz / 700)",
    variable="hz_to_mel",
    check=_check_htk,
    mistakes=(
        Mistake(
            "def hz_to_mel(hz):\n    return 2595 * np.log(1 + hz / 700)",
            "natural logarithm",
            "natural logarithm",
        ),
        Mistake(
            "def hz_to_mel(hz):\n    return 2595 * np.log10(hz / 700)",
            "The 1 is missing",
            "1 + forgotten",
        ),
        Mistake(
            "def hz_to_mel(hz):\n    return 2595 * np.log10(1 + hz / 1000)",
            "divide by 1000",
            "corner at 1000 Hz",
        ),
        Mistake(
            "def hz_to_mel(hz):\n    return 700 * (10 ** (hz / 2595) - 1)",
            "the way back",
            "inverse formula",
        ),
    ),
    hints=(
        "NumPy has the logarithm to base 10 as np.log10.",
        "1000 Hz must come out very near 1000 mel: that is how the factor was chosen.",
    ),
    points=2,
    kind="function",
    why="Below about 700 Hz the 1 rules and the scale is nearly straight; above, the logarithm.",
)


def _check_empty(answer):
    return answers.choice(
        answer,
        "a longer frame",
        {
            "more bands": "More bands are narrower bands: even more of them fall between two bins.",
            "a smaller hop": "The hop sets how often frames are taken. How far apart the bins are "
            "is set by the frame alone.",
            "a larger top_db": "That shows softer cells. An empty band has weight 0 everywhere: it "
            "is silent whatever you show.",
        },
    )


empty = Exercise(
    key="mel.empty",
    lab=LAB,
    look="How many bands",
    objective=OBJECTIVES[1],
    task="With `n_fft=256` and 128 bands at 16,000 Hz, 13 of the bands are empty. What fills them? "
    'Choose `"more bands"`, `"a longer frame"`, `"a smaller hop"` or `"a larger top_db"`.',
    stub="empty = ...",
    solution='empty = "a longer frame"',
    variable="empty",
    check=_check_empty,
    mistakes=(
        Mistake('empty = "more bands"', "even more of them", "more bands"),
        Mistake('empty = "a smaller hop"', "set by the frame alone", "hop taken for resolution"),
        Mistake('empty = "a larger top_db"', "silent whatever you show", "range taken for cause"),
    ),
    hints=(
        "A band is empty if no bin lies under its triangle. What brings the bins nearer together?",
        "Bins are sr / n_fft apart.",
    ),
    kind="choice",
    why="Fewer bands would help too. Whisper's 80 or 128 bands with frames of 400 are all filled.",
)


def _check_survives(answer):
    return answers.close(
        answer,
        80 / 510,
        tol=0.0005,
        unit="dB",
        wrong=[
            (80 / 255, "That is a whole step. Rounding goes to the nearest grey, so the error is "
             "at most half of it."),
            (80 / 256, "256 greys have 255 steps between them, and rounding errs by half a step."),
            (0.5, "Half a grey, yes, but the task asks for decibels: how many dB is one step?"),
            (0.0, "It is not exact: 80 dB are squeezed into 256 whole numbers."),
        ],
    )  # fmt: skip


survives = Exercise(
    key="mel.survives",
    lab=LAB,
    look="Keep it: picture, array, text",
    objective=OBJECTIVES[2],
    task="Levels from -80 to 0 dB are rounded to the 256 greys of an 8-bit PNG, 0 to 255. How many "
    "dB is the largest rounding error?",
    stub="survives = ...",
    solution="survives = 80 / 255 / 2",
    variable="survives",
    check=_check_survives,
    mistakes=(
        Mistake("survives = 80 / 255", "a whole step", "whole step"),
        Mistake("survives = 80 / 256", "255 steps between", "256 steps"),
        Mistake("survives = 0.5", "Half a grey", "in greys"),
        Mistake("survives = 0", "It is not exact", "taken for lossless"),
    ),
    hints=("How many dB lie between two neighbouring greys?", "Rounding errs by half a step."),
    why="A sixth of a decibel: no ear notices, but it is not the same array any more.",
)


def _check_gain(answer):
    return answers.close(
        answer,
        0.5,
        tol=0.001,
        wrong=[
            (20.0, "20 dB is right for the level. Whisper's input is not in dB: it takes log10 of "
             "the power, adds 4 and divides by 4."),
            (2.0, "log10 of the power rises by 2. Then comes the division by 4."),
            (5.0, "20 dB divided by 4. But Whisper takes log10, without the factor 10 of the "
             "decibels."),
            (0.25, "log10 of the amplitude rises by 1, but the mel holds **power**, amplitude "
             "squared."),
            (0.0, "It would be 0 if Whisper normalised the level. It cuts relative to the largest "
             "value, but it never subtracts it."),
        ],
    )  # fmt: skip


gain = Exercise(
    key="mel.gain",
    lab=LAB,
    look="Louder, wrong scale, silence",
    objective=OBJECTIVES[3],
    task="You multiply a waveform by 10. By how much does each cell of Whisper's input rise?",
    stub="gain = ...",
    solution="gain = 2 / 4",
    variable="gain",
    check=_check_gain,
    mistakes=(
        Mistake("gain = 20", "20 dB is right", "decibels"),
        Mistake("gain = 2", "Then comes the division", "division forgotten"),
        Mistake("gain = 5", "without the factor 10", "dB divided by 4"),
        Mistake("gain = 0.25", "amplitude rises by 1", "amplitude for power"),
        Mistake("gain = 0", "never subtracts", "taken for normalised"),
    ),
    hints=(
        "Ten times the amplitude is how many times the power? What is log10 of that?",
        "The last step of the bridge is (x + 4) / 4.",
    ),
    kind="prediction",
    why="The whole picture moves up by the same amount; Whisper has learned to live with that.",
)


def _rescale(log_mel, floor=8.0, add=4.0, divide=4.0):
    log_mel = np.maximum(log_mel, log_mel.max() - floor)
    return (log_mel + add) / divide


def _check_rescale(function):
    cases = [np.array([[2.0, -1.0], [-7.5, -10.0]]), np.array([-3.0, -12.0, 0.5]), np.zeros(3) - 10]
    return answers.function(
        function,
        [(case, _rescale(case)) for case in cases],
        wrong=[
            (lambda x: (np.maximum(x, -8) + 4) / 4, "The floor still stands at -8. Whisper's floor "
             "is 8 below the **largest value of this clip**."),
            (lambda x: (x + 4) / 4, "Now no floor is in effect: the cells of silence go down to "
             "-10. (80 would be right for decibels; here stands log10.)"),
            (lambda x: _rescale(x, add=0), "The 4 is not added any more."),
            (lambda x: _rescale(x, add=0, divide=1), "The floor is right; the last step is gone: "
             "add 4 and divide by 4."),
        ],
    )  # fmt: skip


rescale = Exercise(
    key="mel.rescale",
    lab=LAB,
    look="The bridge to Whisper's input",
    objective=OBJECTIVES[3],
    task="**Find the bug.** `rescale` is to do Whisper's last two steps to the log10 of a mel "
    "spectrogram, floor and rescale. For most clips its result is not Whisper's. Mend it.",
    setup="import numpy as np",
    stub="def rescale(log_mel):\n    log_mel = np.maximum(log_mel, -8)\n"
    "    return (log_mel + 4) / 4",
    solution="def rescale(log_mel):\n    log_mel = np.maximum(log_mel, log_mel.max() - 8)\n"
    "    return (log_mel + 4) / 4",
    variable="rescale",
    check=_check_rescale,
    mistakes=(
        Mistake(
            "def rescale(log_mel):\n    return np.maximum(log_mel, log_mel.max() - 8) / 4",
            "not added any more",
            "offset dropped",
        ),
        Mistake(
            "def rescale(log_mel):\n    return (log_mel + 4) / 4",
            "no floor is in effect",
            "floor dropped or in decibels",
        ),
        Mistake(
            "def rescale(log_mel):\n    return np.maximum(log_mel, log_mel.max() - 8)",
            "the last step is gone",
            "rescaling dropped",
        ),
    ),
    hints=(
        "Which of the two lines should depend on the clip?",
        "The floor is 8 below the largest value: log_mel.max() - 8.",
    ),
    kind="bug",
    why="8 in log10 is 80 dB: the same range that the picture of the last lab had.",
)

"""The exercises of notebooks/05_waveform.ipynb: rate, level, trimming, size, channels."""

from __future__ import annotations

import numpy as np

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "05_waveform"
OBJECTIVES = (
    "load a recording at a sampling rate that you chose, and notice when a library chose for you",
    "read amplitude, level in dBFS, clipping and bit depth from the samples",
    "trim silent edges, and say what the threshold does",
    "say what stereo, WAV, FLAC and MP3 keep of a sound",
)
N_SAMPLES, RATE = 132_300, 22_050


def _check_duration(answer):
    return answers.close(
        answer,
        N_SAMPLES / RATE,
        tol=0.005,
        unit="s",
        wrong=[
            (N_SAMPLES / 16000, "That is the duration at 16,000 Hz. Nobody asked librosa for that "
             "rate: which one does it choose by itself?"),
            (N_SAMPLES / 44100, "That takes the samples for those of the file, at 44,100 Hz. "
             "`librosa.load` has resampled them: look at the rate that it returns."),
            (N_SAMPLES * RATE, "Samples times samples a second is nothing that a clock shows. "
             "How many seconds do that many samples fill?"),
            (RATE / N_SAMPLES, "Upside down: that is one over the duration."),
        ],
    )  # fmt: skip


duration = Exercise(
    key="waveform.duration",
    lab=LAB,
    look="The rate that changes behind your back",
    objective=OBJECTIVES[0],
    task="A file holds a sound sampled at 44,100 Hz. `y, sr = librosa.load(path)`, with nothing "
    "else said, gives an array of 132,300 samples. How many seconds does the sound last?",
    stub="duration = ...",
    solution="duration = 132_300 / 22_050",
    variable="duration",
    check=_check_duration,
    mistakes=(
        Mistake("duration = 132_300 / 44_100", "those of the file", "native rate assumed"),
        Mistake("duration = 132_300 / 16_000", "at 16,000 Hz", "Whisper's rate assumed"),
        Mistake("duration = 132_300 * 22_050", "nothing that a clock shows", "multiplied"),
        Mistake("duration = 22_050 / 132_300", "Upside down", "division upside down"),
    ),
    hints=(
        "Duration is samples divided by samples a second. Which rate do these samples have?",
        "Without `sr=` librosa resamples to its own default: see the second section of the lab.",
    ),
    why="The array never tells its rate: keep `sr` beside `y`, always.",
)


def _peak_dbfs(y, factor=20.0, find=lambda y: np.abs(y).max()):
    return factor * np.log10(find(y))


def _check_peak_dbfs(function):
    cases = [np.array([0.1, -0.5, 0.2]), np.array([0.0, 0.25, -0.1]), np.array([1.0, -0.3])]
    return answers.function(
        function,
        [(case, float(_peak_dbfs(case))) for case in cases],
        tol=1e-3,
        wrong=[
            (lambda y: _peak_dbfs(y, 10), "You used 10 log10, the formula for power. A peak is an "
             "amplitude: 20 log10."),
            (lambda y: _peak_dbfs(y, find=np.max), "A wave swings below 0 as well: -0.5 is as far "
             "from rest as 0.5. Take absolute values first."),
            (lambda y: _peak_dbfs(y, find=lambda v: np.sqrt(np.mean(v**2))), "That is the level of "
             "the RMS, an average over the clip. The peak is the one largest amplitude."),
            (lambda y: np.abs(y).max(), "That is the peak as an amplitude. Put it on the decibel "
             "scale."),
            (lambda y: 20 * np.log(np.abs(y).max()), "np.log is the natural logarithm; decibels "
             "are defined with base 10: np.log10."),
        ],
    )  # fmt: skip


peak_dbfs = Exercise(
    key="waveform.peak_dbfs",
    lab=LAB,
    look="How loud: amplitude, decibels, clipping, bits",
    objective=OBJECTIVES[1],
    task="Write `peak_dbfs(y)`: the peak level of a waveform in dBFS.",
    setup="import numpy as np",
    stub='def peak_dbfs(y):\n    """Peak level of a waveform in dBFS."""\n    ...',
    solution="def peak_dbfs(y):\n    return 20 * np.log10(np.abs(y).max())",
    variable="peak_dbfs",
    check=_check_peak_dbfs,
    mistakes=(
        Mistake(
            "def peak_dbfs(y):\n    return 10 * np.log10(np.abs(y).max())",
            "the formula for power",
            "10 log10 for an amplitude",
        ),
        Mistake(
            "def peak_dbfs(y):\n    return 20 * np.log10(y.max())",
            "absolute values first",
            "negative samples forgotten",
        ),
        Mistake(
            "def peak_dbfs(y):\n    return 20 * np.log10(np.sqrt(np.mean(y**2)))",
            "an average over the clip",
            "RMS taken for peak",
        ),
        Mistake(
            "def peak_dbfs(y):\n    return 20 * np.log(np.abs(y).max())",
            "natural logarithm",
            "natural logarithm in decibels",
        ),
        Mistake(
            "def peak_dbfs(y):\n    return np.abs(y).max()", "decibel scale", "no decibels at all"
        ),
    ),
    hints=(
        "Two steps: the largest distance from 0, then decibels.",
        "`np.abs(y).max()` is the largest distance. The lab prints its level in section three.",
    ),
    points=2,
    kind="function",
    why="A recording whose peak is 0 dBFS has probably been clipped.",
)


def _check_smaller(answer):
    return answers.choice(
        answer,
        "15",
        {
            "30": "At 30 dB softer parts still count as sound than at 15. Smaller cuts more.",
            "60": "`top_db` is how far below the loudest a frame may be and still count as sound. "
            "With 60 nearly everything counts, so nearly nothing is cut.",
            "all the same": "That would need perfectly silent edges and speech that begins "
            "at full strength. Real words fade in and out.",
        },
    )


smaller = Exercise(
    key="waveform.smaller",
    lab=LAB,
    look="Silence at the edges",
    objective=OBJECTIVES[2],
    task="Which setting of `top_db` leaves the **shortest** clip, and may bite off the end of the "
    'last word? Choose `"15"`, `"30"`, `"60"` or `"all the same"`.',
    stub="smaller = ...",
    solution='smaller = "15"',
    variable="smaller",
    check=_check_smaller,
    mistakes=(
        Mistake('smaller = "30"', "than at 15", "the middle one"),
        Mistake('smaller = "60"', "nearly nothing is cut", "larger cuts more"),
        Mistake('smaller = "all the same"', "perfectly silent", "threshold has no effect"),
    ),
    hints=(
        "Read `top_db` as: what is this much softer than the loudest frame is silence.",
        "Move the slider of the explorer from right to left and read the caption.",
    ),
    kind="choice",
    why="For speech 30 to 40 dB is a usual start; then listen to the first and the last word.",
)

SIZE = 10 * 16_000 * 2 / 1000


def _check_file_size(answer):
    return answers.close(
        answer,
        SIZE,
        tol=0.5,
        unit="kB",
        wrong=[
            (10 * 16_000 * 16 / 1000, "That is kilobits: 16 bits a sample are 2 bytes."),
            (10 * 16_000 * 2, "That is in bytes: 1 kB is 1000 of them."),
            (10 * 16_000 / 1000, "That counts one byte a sample. 16 bits need two."),
            (10 * 16_000 * 2 * 2 / 1000, "That is for two channels. Mono has one."),
            (10 * 22_050 * 2 / 1000, "That is at 22,050 Hz, the default of librosa, not 16,000."),
        ],
    )  # fmt: skip


file_size = Exercise(
    key="waveform.file_size",
    lab=LAB,
    look="How loud: amplitude, decibels, clipping, bits",
    objective=OBJECTIVES[3],
    task="A WAV file holds 10 s of mono sound, 16,000 samples a second, 16 bits a sample. How many "
    "kB (1 kB = 1000 bytes) do the samples take?",
    stub="file_size = ...",
    solution="file_size = 10 * 16_000 * 16 / 8 / 1000",
    variable="file_size",
    check=_check_file_size,
    mistakes=(
        Mistake("file_size = 10 * 16_000 * 16 / 1000", "kilobits", "bits for bytes"),
        Mistake("file_size = 10 * 16_000 * 2", "in bytes", "bytes for kilobytes"),
        Mistake("file_size = 10 * 16_000 / 1000", "one byte a sample", "one byte a sample"),
        Mistake("file_size = 10 * 16_000 * 2 * 2 / 1000", "for two channels", "stereo"),
    ),
    hints=(
        "How many samples are 10 s? How many bytes has each?",
        "8 bits make a byte, so a sample of 16 bits has 2 bytes.",
    ),
    why="WAV does not care what is in the sound: 10 s of silence take as much as 10 s of speech.",
)

_STEREO = np.array([[0.5, 0.1, -0.3, 0.0], [0.1, 0.3, -0.1, 0.8]])


def _check_mono(function):
    return answers.function(
        function,
        [(_STEREO, _STEREO.mean(axis=0)), (-_STEREO[::-1] / 2, -_STEREO.mean(axis=0) / 2)],
        wrong=[
            (lambda y: y.mean(axis=1), "One number a channel came out: you averaged over time. The "
             "channels are axis 0."),
            (lambda y: y.mean(), "One number for the whole clip came out: without an axis `mean` "
             "averages everything."),
            (lambda y: y[0], "That is the left channel alone: a voice on the right is lost."),
            (lambda y: y.sum(axis=0), "A sum of two channels can pass 1 and clip. Divide by their "
             "number: the mean."),
            (lambda y: y.reshape(-1), "Both channels stand one after the other now: the clip would "
             "last twice as long."),
        ],
    )  # fmt: skip


mono = Exercise(
    key="waveform.mono",
    lab=LAB,
    look="Two channels, three formats",
    objective=OBJECTIVES[3],
    task="**Find the bug.** `mono` is to turn a stereo wave of shape (2, n_samples) into one wave "
    "of shape (n_samples,). It returns two numbers. Mend it.",
    setup="import numpy as np",
    stub="def mono(y):\n    return y.mean(axis=1)",
    solution="def mono(y):\n    return y.mean(axis=0)",
    variable="mono",
    check=_check_mono,
    mistakes=(
        Mistake("def mono(y):\n    return y.mean()", "the whole clip", "mean without an axis"),
        Mistake("def mono(y):\n    return y[0]", "left channel alone", "one channel dropped"),
        Mistake("def mono(y):\n    return y.sum(axis=0)", "can pass 1", "sum for mean"),
        Mistake("def mono(y):\n    return y.reshape(-1)", "one after the other", "flattened"),
    ),
    hints=(
        "`axis` names the axis that disappears. Which of (2, n_samples) is to disappear?",
        "Averaging over axis 1 leaves one number for each channel.",
    ),
    kind="bug",
    why="soundfile gives (n_samples, 2) and librosa (2, n_samples): look at the shape first.",
)

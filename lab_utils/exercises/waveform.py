"""The exercises of notebooks/05_waveform.ipynb: rate, level, trimming, size, channels."""

from __future__ import annotations

from .core import Mistake
from .kinds import choice, function, number

OBJECTIVES = (
    "load a recording at a sampling rate that you chose, and notice when a library chose for you",
    "read amplitude, level in dBFS, clipping and bit depth from the samples",
    "trim silent edges, and say what the threshold does",
    "say what stereo, WAV, FLAC and MP3 keep of a sound",
)

duration = number(
    "waveform.duration", objective=OBJECTIVES[0], look="The rate that changes behind your back",
    task="A file holds a sound sampled at 44,100 Hz. `y, sr = librosa.load(path)`, with nothing "
    "else said, gives an array of 132,300 samples. How many seconds does the sound last?",
    solution_code="132_300 / 22_050",
    unit="s", tol=0.005,
    mistakes=(
        Mistake("132_300 / 44_100", "That takes the samples for those of the file, at 44,100 Hz. "
            "`librosa.load` has resampled them: look at the rate that it returns.",
            "native rate assumed"),
        Mistake("132_300 / 16_000", "That is the duration at 16,000 Hz. Nobody asked librosa for "
            "that rate: which one does it choose by itself?", "Whisper's rate assumed"),
        Mistake("132_300 / 48_000", "That is the duration at 48,000 Hz. Which rate does librosa "
            "choose by itself?", "48 kHz assumed"),
        Mistake("132_300 / 8_000", "That is the duration at 8,000 Hz. Which rate does librosa "
            "choose by itself?", "8 kHz assumed"),
        Mistake("132_300 / 22_050 / 60", "That is in minutes. The task asks for seconds.",
            "minutes for seconds"),
        Mistake("132_300", "That is the number of samples. How many of them make a second?",
            "samples for seconds"),
        Mistake("132_300 / 11_025", "That is the duration at 11,025 Hz. Which rate does librosa "
            "choose by itself?", "11 kHz assumed"),
        Mistake("132_300 / 44_100 / 2", "Nothing is halved: librosa returns one channel, and the "
            "rate is not the file's.", "halved for stereo"),
        Mistake("132_300 * 22_050", "Samples times samples a second is nothing that a clock shows. "
            "How many seconds do that many samples fill?", "multiplied"),
        Mistake("22_050 / 132_300", "Upside down: that is one over the duration.",
            "division upside down"),
        Mistake("44_100 / 132_300", "Upside down, and the rate is not the one that librosa "
            "returns.", "upside down, native rate"),
    ),
    hints=("Duration is samples divided by samples a second. Which rate do these samples have?",
           "Without `sr=` librosa resamples to its own default: see the second section of the "
           "lab."),
    why="The array never tells its rate: keep `sr` beside `y`, always.",
)  # fmt: skip

peak_dbfs = function(
    "waveform.peak_dbfs", objective=OBJECTIVES[1],
    look="How loud: amplitude, decibels, clipping, bits",
    task="Write `peak_dbfs(y)`: the peak level of a waveform in dBFS.",
    setup="import numpy as np",
    stub='def peak_dbfs(y):\n    """Peak level of a waveform in dBFS."""\n    ...',
    solution_code="20 * np.log10(np.abs(y).max())",
    points=2, tol=0.001,
    cases=("np.array([0.1, -0.6, 0.2])", "np.array([0.0, 0.3, -0.1])",
           "np.array([1.0, -0.3, 0.4, -0.2])"),
    mistakes=(
        Mistake("10 * np.log10(np.abs(y).max())", "You used 10 log10, the formula for power. A "
            "peak is an amplitude: 20 log10.", "10 log10 for an amplitude"),
        Mistake("20 * np.log10(y.max())", "A wave swings below 0 as well: -0.6 is as far from rest "
            "as 0.6. Take absolute values first.", "negative samples forgotten"),
        Mistake("20 * np.log10(np.abs(y.min()))", "That looks at the lowest sample only. The peak "
            "may be a positive sample: take absolute values first.", "positive samples forgotten"),
        Mistake("20 * np.log10(np.sqrt(np.mean(y**2)))", "That is the level of the RMS, an average "
            "over the clip. The peak is the one largest amplitude.", "RMS taken for peak"),
        Mistake("20 * np.log10(np.abs(y).mean())", "That averages over the clip. The peak is the "
            "one largest amplitude.", "mean taken for peak"),
        Mistake("20 * np.log10(y.max() - y.min())", "That is the distance from peak to peak. dBFS "
            "counts from 0 to the farthest sample.", "peak to peak"),
        Mistake("20 * np.log10(np.abs(y).max() / 32768)", "These samples are fractions of full "
            "scale already: 1.0 is 0 dBFS. Do not divide by 32768.", "full scale of 16 bits"),
        Mistake("-20 * np.log10(np.abs(y).max())", "The sign is the wrong way around: below full "
            "scale the level is negative.", "sign of the level"),
        Mistake("20 * np.log(np.abs(y).max())", "np.log is the natural logarithm; decibels are "
            "defined with base 10: np.log10.", "natural logarithm in decibels"),
        Mistake("np.log10(np.abs(y).max())", "The logarithm is right; the factor of the decibel "
            "scale is missing.", "factor forgotten"),
        Mistake("20 * np.log10(np.abs(y))", "That is one level for each sample. The peak is one "
            "number: the largest.", "no maximum"),
        Mistake("np.abs(y).max()", "That is the peak as an amplitude. Put it on the decibel scale.",
            "no decibels at all"),
    ),
    hints=("Two steps: the largest distance from 0, then decibels.",
           "`np.abs(y).max()` is the largest distance. The lab prints its level in section three."),
    why="A recording whose peak is 0 dBFS has probably been clipped.",
)  # fmt: skip

smaller = choice(
    "waveform.smaller", objective=OBJECTIVES[2], look="Silence at the edges",
    task="Which setting of `top_db` leaves the **shortest** clip, and may bite off the end of the "
    'last word? Choose `"15"`, `"30"`, `"60"` or `"all the same"`.',
    solution_code='"15"',
    options=("15", "30", "60", "all the same"),
    mistakes=(
        Mistake('"30"', "With 30 a frame 30 dB below the loudest still counts as sound. Which "
            "limit counts the fewest frames as sound?", "the middle one"),
        Mistake('"60"', "`top_db` is how far below the loudest a frame may be and still count as "
            "sound. With 60 nearly everything counts, so nearly nothing is cut.",
            "larger cuts more"),
        Mistake('"all the same"', "That would need perfectly silent edges and speech that begins "
            "at full strength. Real words fade in and out.", "threshold has no effect"),
    ),
    hints=("Read `top_db` as: what is this much softer than the loudest frame is silence.",
           "Move the slider of the explorer from right to left and read the caption."),
    why="For speech 30 to 40 dB is a usual start; then listen to the first and the last word.",
)  # fmt: skip

file_size = number(
    "waveform.file_size", objective=OBJECTIVES[3],
    look="How loud: amplitude, decibels, clipping, bits",
    task="A WAV file holds 10 s of mono sound, 16,000 samples a second, 16 bits a sample. How many "
    "kB (1 kB = 1000 bytes) do the samples take?",
    solution_code="10 * 16_000 * 16 / 8 / 1000",
    unit="kB", tol=0.5,
    mistakes=(
        Mistake("10 * 16_000 * 16 / 1000", "That is kilobits: 16 bits a sample are 2 bytes.",
            "bits for bytes"),
        Mistake("10 * 16_000 * 16", "That is in bits: 8 bits make a byte, and 1 kB is 1000 bytes.",
            "bits for kilobytes"),
        Mistake("10 * 16_000 * 2", "That is in bytes: 1 kB is 1000 of them.",
            "bytes for kilobytes"),
        Mistake("10 * 16_000 * 2 / 1_000_000", "That is in MB. The task asks for kB.",
            "megabytes for kilobytes"),
        Mistake("10 * 16_000 * 2 / 1024", "That is in KiB, 1024 bytes each. Here 1 kB is 1000 "
            "bytes.", "kibibytes"),
        Mistake("10 * 16_000 / 1000", "That counts one byte a sample. 16 bits need two.",
            "one byte a sample"),
        Mistake("10 * 16_000 / 8 / 1000", "That counts one bit a sample: the 16 bits of each "
            "sample are missing.", "one bit a sample"),
        Mistake("10 * 16_000", "That is the number of samples. How many bytes does each take, and "
            "how many kB is that?", "samples for kilobytes"),
        Mistake("16_000 * 2", "That is one second, and in bytes. The sound lasts 10 s, and 1 kB is "
            "1000 bytes.", "one second, in bytes"),
        Mistake("16_000 * 16 / 1000", "That is one second, and in kilobits. The sound lasts 10 s, "
            "and 8 bits make a byte.", "one second, in kilobits"),
        Mistake("16_000 * 2 / 1000", "That is one second. The sound lasts 10 s.", "one second"),
        Mistake("10 * 16_000 * 2 * 2 / 1000", "That is for two channels of 16 bits, or one of 32.",
            "stereo"),
        Mistake("10 * 44_100 * 2 / 1000", "That is at 44,100 Hz, not 16,000.", "rate of a CD"),
        Mistake("10 * 22_050 * 2 / 1000", "That is at 22,050 Hz, the default of librosa, not "
            "16,000.", "librosa's rate"),
    ),
    hints=("How many samples are 10 s? How many bytes has each?",
           "8 bits make a byte, so a sample of 16 bits has 2 bytes."),
    why="WAV does not care what is in the sound: 10 s of silence take as much as 10 s of speech.",
)  # fmt: skip

mono = function(
    "waveform.mono", objective=OBJECTIVES[3], look="Two channels, three formats",
    task="**Find the bug.** `mono` should turn a stereo wave of shape (2, n_samples) into one wave "
    "of shape (n_samples,). It returns two numbers. Fix it.",
    setup="import numpy as np",
    stub="def mono(y):\n    return y.mean(axis=1)",
    solution_code="y.mean(axis=0)",
    kind="bug",
    cases=("np.array([[0.5, 0.1, -0.3], [0.1, 0.3, -0.2]])",
           "np.array([[0.2, -0.4, 0.7, 0.1], [0.6, -0.1, -0.3, -0.9]])"),
    mistakes=(
        Mistake("y.mean()", "One number for the whole clip came out: without an axis `mean` "
            "averages everything.", "mean without an axis"),
        Mistake("y[0]", "That is the left channel alone: a voice on the right is lost.",
            "one channel dropped"),
        Mistake("y[1]", "That is the right channel alone: a voice on the left is lost.",
            "left channel dropped"),
        Mistake("y.sum(axis=0)", "A sum of two channels can pass 1 and clip. Divide by their "
            "number: the mean.", "sum for mean"),
        Mistake("(y[0] - y[1]) / 2", "That subtracts the channels: a voice in the middle would "
            "vanish. Add them.", "channels subtracted"),
        Mistake("y.max(axis=0)", "The larger of two samples is not a mixture: troughs would be "
            "lost. Average them.", "maximum of the channels"),
        Mistake("y.reshape(-1)", "The channels now follow each other: the clip would last twice as "
            "long.", "flattened"),
        Mistake("y.mean(axis=0, keepdims=True)", "The values are right, but the shape is (1, "
            "n_samples). One wave has shape (n_samples,).", "axis kept"),
    ),
    hints=("`axis` names the axis that disappears. Which of (2, n_samples) should disappear?",
           "Averaging over axis 1 leaves one number for each channel."),
    why="soundfile gives (n_samples, 2) and librosa (2, n_samples): look at the shape first.",
)  # fmt: skip

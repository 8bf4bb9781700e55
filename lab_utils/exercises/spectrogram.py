"""The exercises of notebooks/06_spectrogram.ipynb: shape, decibels, resolution, axes."""

from __future__ import annotations

from .core import Mistake
from .kinds import array, choice, function, number

OBJECTIVES = (
    "build a spectrogram frame by frame, and say what its shape means",
    "turn power and magnitude into decibels, each with its own factor",
    "choose frame length, hop length and window, and say what each costs",
    "notice a spectrogram whose axes do not tell the truth",
)

shape = array(
    "spectrogram.shape", objective=OBJECTIVES[0], look="Frame by frame",
    task="A clip has 32,000 samples. Which shape, `(rows, frames)`, does `librosa.stft(y, "
    "n_fft=1024, hop_length=320)` return?",
    solution_code="(1 + 1024 // 2, 1 + 32_000 // 320)",
    kind="value", tol=0.01,
    mistakes=(
        Mistake("(512, 101)", "One row is missing: there is one for frequency 0 and one for the "
            "highest, both ends counted.", "row of the highest frequency forgotten"),
        Mistake("(512, 100)", "One row and one frame are missing: count both ends of each.",
            "both ends forgotten"),
        Mistake("(1024, 101)", "You took a row for each sample of the frame. A real signal needs "
            "only 0 Hz to half the rate.", "n_fft rows"),
        Mistake("(1025, 101)", "So many rows would reach up to the whole rate. A real signal needs "
            "only 0 Hz to half the rate.", "1 + n_fft rows"),
        Mistake("(513, 100)", "32,000 / 320 hops fit into the clip; the frame at time 0 comes on "
            "top.", "first frame forgotten"),
        Mistake("(513, 102)", "One frame too many: the padding only centers the frames, it does "
            "not add one at the end.", "one frame too many"),
        Mistake("(101, 513)", "Rows and columns are exchanged: frequencies are the rows.",
            "rows and columns exchanged"),
        Mistake("(513, 97)", "That is without padding. librosa adds half a frame at both ends, so "
            "that frame 0 is centered on sample 0.", "no padding"),
        Mistake("(513, 32)", "32,000 / 1,024 counts frames laid end to end. A new one starts at "
            "every hop, so they overlap.", "frames without overlap"),
        Mistake("(513, 32_000)", "That is a frame for each sample. A new one starts only at every "
            "hop.", "a frame for each sample"),
    ),
    hints=("Rows: frequencies from 0 to half the rate, both ends counted.",
           "Frames: one starts at every hop, and the first is at time 0."),
    why="The number of frames is the same for every even n_fft: the padding sees to that.",
)  # fmt: skip

doubled = number(
    "spectrogram.doubled", objective=OBJECTIVES[1], look="Power and decibels",
    task="You turn a recording up so that every sample is twice as large. By how many dB does each "
    "cell of its power spectrogram rise?",
    setup="import numpy as np",
    solution_code="20 * np.log10(2)",
    kind="prediction", unit="dB", tol=0.05,
    mistakes=(
        Mistake("10 * np.log10(2)", "That is what twice the **power** gives. Twice the magnitude "
            "is four times the power.", "10 log10 of an amplitude"),
        Mistake("20 * np.log10(4)", "You applied 20 log10 to the power: the square is counted "
            "twice then.", "20 log10 of power"),
        Mistake("2.0", "That is the factor itself. Put it on the decibel scale.",
            "factor of the samples"),
        Mistake("4.0", "The power is indeed 4 times as large. Put this factor on the decibel "
            "scale.", "factor of the power"),
        Mistake("np.log10(2)", "That is log10 of the factor, in bel. Which multiple of it belongs "
            "to a magnitude?", "logarithm without a factor"),
        Mistake("np.log10(4)", "That is in bel. A decibel is a tenth of it.", "bel"),
        Mistake("10 * np.log(2)", "np.log is the natural logarithm: decibels use np.log10. And 10 "
            "is the factor for power, not for magnitude.", "natural logarithm of an amplitude"),
        Mistake("20 * np.log(2)", "np.log is the natural logarithm: decibels use np.log10.",
            "natural logarithm"),
        Mistake("0", "It would be 0 if each picture were scaled to its own loudest cell. The cells "
            "themselves rise.", "taken for normalized"),
    ),
    hints=("Twice the magnitude is how many times the power?",
           "10 log10 of the ratio of powers equals 20 log10 of the ratio of magnitudes."),
    why="Each doubling is 6 dB, whatever the level was: that is what a logarithm does.",
)  # fmt: skip

to_db = function(
    "spectrogram.to_db", objective=OBJECTIVES[1], look="Power and decibels",
    task="Write `to_db(S)`: the decibels of a power spectrogram, with 1.0 as 0 dB. Values below "
    "1e-10 count as 1e-10.",
    setup="import numpy as np",
    stub='def to_db(S):\n    """Decibels of power."""\n    ...',
    solution_code="10 * np.log10(np.maximum(S, 1e-10))",
    points=2, tol=1e-3,
    cases=("np.array([0.3, 7.0])", "np.array([[70.0, 0.0], [2.0, 1e-12]])",
           "np.array([3e-10, 4e-4])"),
    mistakes=(
        Mistake("20 * np.log10(np.maximum(S, 1e-10))", "20 log10 is for magnitude. `S` is power: "
            "every slope comes out twice too steep.", "20 log10 of power"),
        Mistake("10 * np.log10(S)", "Right for what is above 1e-10. But the logarithm of 0 is "
            "minus infinity, and every picture with it goes blank: lift small values first.",
            "logarithm of zero"),
        Mistake("10 * np.log10(S + 1e-10)", "Adding 1e-10 changes every value a little, and small "
            "ones a lot. Lift only what is below it.", "floor added"),
        Mistake("10 * np.log(np.maximum(S, 1e-10))", "np.log is the natural logarithm: decibels "
            "use np.log10.", "natural logarithm"),
        Mistake("np.log10(np.maximum(S, 1e-10))", "That is in bel. A decibel is a tenth of it, so "
            "the number is ten times as large.", "bel"),
        Mistake("10 * np.log10(np.maximum(S, 1e-10) / S.max())", "Your 0 dB is the loudest cell. "
            "The task sets it at 1.0.", "relative to the maximum"),
        Mistake("def to_db(S):\n    db = 10 * np.log10(np.maximum(S, 1e-10))\n"
            "    return np.maximum(db, db.max() - 80)", "You also cut off what is more than 80 dB "
            "below the loudest, as `top_db` of librosa does. That is not asked.",
            "cut 80 dB below the loudest"),
        Mistake("10 * np.log10(np.minimum(S, 1e-10))", "np.minimum keeps the smaller of two "
            "values. To lift what is below 1e-10 you need the larger.", "minimum for maximum"),
    ),
    hints=("Which factor belongs to power: 10 or 20?",
           "np.maximum(S, 1e-10) lifts the zeros before the logarithm is taken."),
    why="`librosa.power_to_db` does this, and cuts off what is 80 dB below the loudest.",
)  # fmt: skip

n_fft = choice(
    "spectrogram.n_fft", objective=OBJECTIVES[2], look="What a longer frame costs",
    task="Two tones are 20 Hz apart, at 16,000 samples a second. Of 256, 512, 1024, 2048 and 8192 "
    "samples with a Hann window, which is the shortest frame that shows two lines?",
    solution_code="2048",
    kind="value",
    options=(256, 512, 1024, 2048, 8192),
    mistakes=(
        Mistake("256", "With 256 samples the rows are 62.5 Hz apart, three times the distance of "
            "the tones: far too short.", "frame far too short"),
        Mistake("512", "With 512 samples the rows are 31 Hz apart: tones 20 Hz apart fall into one "
            "row or two neighbors. Try longer.", "frame too short"),
        Mistake("1024", "The rows are 15.6 Hz apart then, but a Hann window spreads each tone over "
            "two rows on either side: the two still run together.",
            "width of the window forgotten"),
        Mistake("8192", "That would do, but a frame of 512 ms smears every syllable. The task asks "
            "for the shortest that is enough.", "longest frame taken"),
    ),
    hints=("Rows are sr / n_fft apart. How many rows must there be between two lines to see a gap?",
           "A Hann window makes each line about four rows wide, its brightest part two."),
    why="Distance of the rows times length of the frame is always 1: sharper in one, blurred in "
    "the other.",
)  # fmt: skip

_SECONDS = "def seconds(n_frames, sr, hop):\n    return "

seconds = function(
    "spectrogram.seconds", objective=OBJECTIVES[3], look="Bug museum",
    task="**Find the bug.** `seconds` should give the time of the last frame. It is right for "
    "librosa's defaults alone. Correct it.",
    stub=f"{_SECONDS}(n_frames - 1) * 512 / 22050",
    solution_code="(n_frames - 1) * hop / sr",
    kind="bug",
    cases=("101, 16000, 320", "8, 16000, 160", "500, 44100, 441", "3001, 22050, 512"),
    mistakes=(
        Mistake("(n_frames - 1) * hop / 22050", "It still uses 22050. The rate is an argument of "
            "the function: use it.", "rate left at the default"),
        Mistake("(n_frames - 1) * 512 / sr", "It still uses a hop of 512. The hop is an argument "
            "of the function: use it.", "hop left at the default"),
        Mistake("n_frames * hop / sr", "One hop too much: frame 0 is at time 0, so the last of n "
            "frames is n - 1 hops later.", "off by one frame"),
        Mistake("(n_frames - 1) * sr / hop", "Upside down: a hop lasts hop / sr seconds. (And is "
            "the order of your arguments n_frames, sr, hop?)", "division upside down"),
        Mistake("(n_frames - 1) * hop // sr", "`//` and `int` drop what follows the point: most "
            "frames are not at a whole second.", "whole seconds"),
        Mistake("n_frames - 1 * hop / sr", "Multiplication comes before subtraction: put n_frames "
            "- 1 in parentheses.", "parentheses forgotten"),
        Mistake("1000 * (n_frames - 1) * hop / sr", "That is in milliseconds.", "milliseconds"),
        Mistake("(n_frames - 1) * hop", "That is the number of samples up to the last frame. How "
            "many of them make a second?", "samples for seconds"),
    ),
    hints=("From frame to frame the clip moves on by `hop` samples.",
           "Samples divided by samples a second are seconds."),
    why="`specshow` makes the same mistake whenever you do not pass `sr` and `hop_length`.",
)  # fmt: skip

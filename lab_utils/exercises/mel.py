"""The exercises of notebooks/07_mel.ipynb: the mel scale, empty bands, files, Whisper's input."""

from __future__ import annotations

from .core import Mistake
from .kinds import choice, function, number

OBJECTIVES = (
    "explain the mel scale, and what a mel band adds up",
    "tell apart what mel does to frequency and decibels do to level, and find empty bands",
    "save a spectrogram as picture, array and text, and say what survives",
    "build exactly what Whisper's encoder is given, and transcribe from it",
)

htk = function(
    "mel.htk", objective=OBJECTIVES[0], look="A scale for the ear",
    task="Write `hz_to_mel(hz)` for the HTK scale: 2595 · log₁₀(1 + hz / 700).",
    setup="import numpy as np",
    stub='def hz_to_mel(hz):\n    """Hertz to mel, HTK."""\n    ...',
    solution_code="2595 * np.log10(1 + hz / 700)",
    points=2, tol=0.2,
    cases=("1000.0", "130.0", "8000.0", "440"),
    mistakes=(
        Mistake("2595 * np.log(1 + hz / 700)", "np.log is the natural logarithm. With 2595 the "
            "formula needs base 10.", "natural logarithm"),
        Mistake("2595 * np.log2(1 + hz / 700)", "np.log2 is the logarithm to base 2. With 2595 the "
            "formula needs base 10.", "logarithm to base 2"),
        Mistake("1127 * np.log10(1 + hz / 700)", "1127 goes with the natural logarithm; base 10 "
            "needs 2595.", "factor of the natural logarithm"),
        Mistake("2595 * np.log10(hz / 700)", "The 1 is missing: then 0 Hz would be minus infinity, "
            "and 100 Hz a negative number of mel.", "1 + forgotten"),
        Mistake("2595 * np.log10((1 + hz) / 700)", "Only hz is divided by 700; the 1 is added "
            "afterwards. Look at your parentheses.", "1 + hz divided"),
        Mistake("2595 * np.log10(1 + hz // 700)", "`//` drops what follows the point: 0 to 699 Hz "
            "would all be 0 mel.", "whole division"),
        Mistake("2595 * np.log10(1 + hz / 1000)", "You divide by 1000. The corner of the HTK "
            "formula is at 700 Hz.", "corner at 1000 Hz"),
        Mistake("np.log10(1 + hz / 700)", "The factor 2595 is missing.", "factor forgotten"),
        Mistake("700 * (10 ** (hz / 2595) - 1)", "That is the way back, from mel to hertz.",
            "inverse formula"),
        Mistake("def hz_to_mel(hz):\n    low = hz * 3 / 200\n"
            "    return low if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)", "That is "
            "Slaney's scale. The task asks for HTK's.", "Slaney's scale"),
    ),
    hints=("NumPy has the logarithm to base 10 as np.log10.",
           "1000 Hz must come out very near 1000 mel: that is how the factor was chosen."),
    why="Below about 700 Hz the 1 rules and the scale is nearly straight; above, the logarithm.",
)  # fmt: skip

empty = choice(
    "mel.empty", objective=OBJECTIVES[1], look="How many bands",
    task="With `n_fft=256` and 128 bands at 16,000 Hz, 13 of the bands are empty. What fills them? "
    'Choose `"more bands"`, `"a longer frame"`, `"a smaller hop"` or `"a larger top_db"`.',
    solution_code='"a longer frame"',
    options=("more bands", "a longer frame", "a smaller hop", "a larger top_db"),
    mistakes=(
        Mistake('"more bands"', "More bands are narrower bands: even more of them fall between two "
            "bins.", "more bands"),
        Mistake('"a smaller hop"', "The hop sets how often frames are taken. It does not change "
            "how far apart the bins are.", "hop taken for resolution"),
        Mistake('"a larger top_db"', "That shows softer cells. An empty band has weight 0 "
            "everywhere: it is silent whatever you show.", "range taken for cause"),
    ),
    hints=("A band is empty if no bin falls under its triangle. What brings the bins nearer "
           "together?",
           "Bins are sr / n_fft apart."),
    why="Fewer bands would help too. Whisper's 80 or 128 bands with frames of 400 are all filled.",
)  # fmt: skip

survives = number(
    "mel.survives", objective=OBJECTIVES[2], look="Keep it: picture, array, text",
    task="Levels from -80 to 0 dB are rounded to the 256 grays of an 8-bit PNG, 0 to 255. How many "
    "dB is the largest rounding error?",
    solution_code="80 / 255 / 2",
    unit="dB", tol=0.0005,
    mistakes=(
        Mistake("80 / 255", "That is a whole step. Rounding goes to the nearest gray.",
            "whole step"),
        Mistake("80 / 256", "256 grays have one step fewer between them. And rounding goes to the "
            "nearest gray, so it errs by less than a whole step.", "256 steps"),
        Mistake("80 / 256 / 2", "Nearly: 256 grays have one step fewer between them.",
            "half of 256 steps"),
        Mistake("80 / 255 / 4", "That is a quarter of a step. How far can a level be from the "
            "nearest gray?", "quarter of a step"),
        Mistake("0.5", "Half a gray, yes, but the task asks for decibels: how many dB is one step?",
            "in grays"),
        Mistake("1 / 255 / 2", "That is a share of the whole range. The range is 80 dB.",
            "share of the range"),
        Mistake("80 / 255 * 2", "That is two whole steps. Rounding goes to the nearest gray.",
            "multiplied by 2"),
        Mistake("80", "That is the whole range. Rounding errs by a part of one gray.",
            "the whole range"),
        Mistake("255 / 80", "That is grays for each decibel. The task asks for decibels for each "
            "gray, and rounding goes to the nearest.", "division upside down"),
        Mistake("40", "That is half the range. It is divided into steps: what is half of one?",
            "half of the range"),
        Mistake("0", "It is not exact: 80 dB are squeezed into 256 whole numbers.",
            "taken for lossless"),
    ),
    hints=("How many dB are there between two neighboring grays?",
           "Rounding errs by half a step."),
    why="A sixth of a decibel: no ear notices, but it is not the same array any more.",
)  # fmt: skip

gain = number(
    "mel.gain", objective=OBJECTIVES[3], look="Louder, wrong scale, silence",
    task="You multiply a waveform like the one above by 10. By how much does each cell of "
    "Whisper's input rise?",
    solution_code="2 / 4",
    kind="prediction", tol=0.001,
    mistakes=(
        Mistake("20", "20 dB is right for the level. Whisper's input is not in dB: it takes log10 "
            "of the power, adds 4 and divides by 4.", "decibels"),
        Mistake("10", "The waveform is 10 times as large. Whisper's input is a logarithm: by how "
            "much does that rise?", "factor of the samples"),
        Mistake("100", "The power is 100 times as large. Whisper's input is a logarithm: by how "
            "much does that rise?", "factor of the power"),
        Mistake("2", "log10 of the power rises by that much. One step still follows.",
            "division forgotten"),
        Mistake("1", "log10 of the amplitude rises by that much. But the mel holds **power**, and "
            "one step still follows.", "logarithm of the amplitude"),
        Mistake("(2 + 4) / 4", "The 4 is added before and after: it does not change a difference.",
            "offset counted"),
        Mistake("5", "20 dB divided by 4. But Whisper takes log10, without the factor 10 of the "
            "decibels.", "dB divided by 4"),
        Mistake("10 / 4", "Only the division by 4 is there. Before it, a logarithm is taken of the "
            "power.", "logarithm forgotten"),
        Mistake("100 / 4", "The power is 100 times as large, but before the division by 4 a "
            "logarithm is taken of it.", "logarithm of the power forgotten"),
        Mistake("4.605 / 4", "That is with the natural logarithm. Whisper takes log10.",
            "natural logarithm"),
        Mistake("2.3026 / 4", "That is with the natural logarithm of the amplitude. Whisper takes "
            "log10 of the power.", "natural logarithm of the amplitude"),
        Mistake("0.25", "log10 of the amplitude rises by 1, but the mel holds **power**, amplitude "
            "squared.", "amplitude for power"),
        Mistake("0", "It would be 0 if Whisper normalized the level. It cuts relative to the "
            "largest value, but it never subtracts it.", "taken for normalized"),
    ),
    hints=("Ten times the amplitude is how many times the power? What is log10 of that?",
           "The last step of the bridge is (x + 4) / 4."),
    why="The whole picture moves up by the same amount; Whisper has learned to live with that.",
)  # fmt: skip

_RESCALE = "def rescale(log_mel):\n"
_FLOOR = f"{_RESCALE}    log_mel = np.maximum(log_mel, log_mel.max() - 8)\n"

rescale = function(
    "mel.rescale", objective=OBJECTIVES[3], look="The bridge to Whisper's input",
    task="**Find the bug.** `rescale` should do Whisper's last two steps to the log10 of a mel "
    "spectrogram, floor and rescale. For most clips its result is not Whisper's. Correct it.",
    setup="import numpy as np",
    stub=f"{_RESCALE}    log_mel = np.maximum(log_mel, -8)\n    return (log_mel + 4) / 4",
    solution_code=f"{_FLOOR}    return (log_mel + 4) / 4",
    kind="bug",
    cases=("np.array([[2.0, -5.5], [-6.5, -10.0]])", "np.array([-3.0, -14.0, 0.5])",
           "np.array([-9.5, -10.0, -17.0])"),
    mistakes=(
        Mistake("(np.maximum(log_mel, -8) + 4) / 4", "The floor is still at -8. Whisper's floor "
            "depends on the **largest value of this clip**.", "fixed floor"),
        Mistake("(log_mel + 4) / 4", "Now no floor is in effect: the soft cells stay where they "
            "were. (80 dB are 8 in log10, the floor comes before the rescaling, and `np.maximum` "
            "returns a new array.)", "floor dropped or in decibels"),
        Mistake(f"{_FLOOR}    return log_mel / 4", "The 4 is not added any more.",
            "offset dropped"),
        Mistake(f"{_FLOOR}    return log_mel", "The floor is right; the last step is gone: add 4 "
            "and divide by 4.", "rescaling dropped"),
        Mistake(f"{_FLOOR}    return log_mel + 4 / 4", "Only 1 is added: without parentheses 4 / 4 "
            "comes first.", "parentheses forgotten"),
        Mistake(f"{_RESCALE}    log_mel = np.maximum(log_mel, log_mel.max(axis=-1, keepdims=True) "
            "- 8)\n    return (log_mel + 4) / 4", "Each row has a floor of its own. Whisper takes "
            "the largest value of the whole clip.", "a floor for each row"),
        Mistake(f"{_RESCALE}    log_mel = np.maximum(log_mel, log_mel.min() + 8)\n"
            "    return (log_mel + 4) / 4", "Your floor is above the smallest value. Count down "
            "from the largest.", "floor above the minimum"),
        Mistake(f"{_RESCALE}    log_mel = np.minimum(log_mel, log_mel.max() - 8)\n"
            "    return (log_mel + 4) / 4", "np.minimum cuts off what is above the floor. What is "
            "below must be lifted.", "minimum for maximum"),
    ),
    hints=("Which of the two lines should depend on the clip?",
           "The floor is 8 below the largest value: log_mel.max() - 8."),
    why="8 in log10 is 80 dB: the same range that the picture of the last lab had.",
)  # fmt: skip

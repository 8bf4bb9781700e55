"""Answers that readers gave: the right ones are accepted, the wrong ones refused and not misled."""

from __future__ import annotations

import numpy as np
import pytest
import reader_code as code

from lab_utils import exercises
from lab_utils.exercises import NOT_YET

#: right answers in the forms that readers write them, by the key of the exercise
RIGHT = {
    # 02_transcribe
    "transcribe.option": [
        'task="translate"',
        "task = 'translate'",
        {"task": "translate"},
        "translate",
        "task=translate",
        "Task='translate'",
        ["task='translate'"],
        "`task='translate'`",
    ],
    "transcribe.moved": [3, 3.0, "3.0", "3 s", [3.0], np.float32(3), np.array(3), "3 seconds"],
    "transcribe.timecode": [
        code.by_datetime,
        code.by_text,
        code.rounded_first,
        lambda s: np.str_(code.by_datetime(s)),
        lambda t, mark=",": code.by_text(t),
    ],
    "transcribe.in_one": [
        code.generated,
        code.with_offset,
        code.new_words,
        code.moved(lambda i, s: s * i),
        lambda pieces, length=30: tuple(code.generated(pieces, length)),
    ],
    "transcribe.megabytes": [
        [148.7, 287.3, 962.3],
        (149, 287, 962),
        np.array([148, 287, 962]),
        np.float32([148.737, 287.304, 962.332]),
        [148.737024, 287.30368, 962.331648],
        np.array([37_184_256, 71_825_920, 240_582_912]) * 4 // 1e6,
        np.array([37_184_256, 71_825_920, 240_582_912]) * 32 / 8 / 10**6,
    ],
    # 03_decode
    "decode.position": [371, 371.0, "371", np.int64(371), 7.43 // 0.02, int(7.43 * 50), [371]],
    "decode.greedy": [
        code.while_loop,
        code.recursive,
        code.popped,
        code.in_start,
        lambda *a: (token for token in code.while_loop(*a)),
    ],
    "decode.prompt": ["B", "b", " B. ", "(B)", ["B"], "'B'"],
    "decode.rule": [
        code.nested,
        lambda a, n, c: np.str_(code.nested(a, n, c)),
        lambda a, n, c: (
            "skip" if a < -1 and n > 0.6 else "again" if a < -1 or c > 2.4 else "accept"
        ),
        lambda a, n, c: ("accept", "again", "skip")[(a < -1 or c > 2.4) + (a < -1 and n > 0.6)],
        lambda a, n, c: "accept" if a > -1 and c < 2.4 else code.nested(a, n, c),
    ],
    "decode.waveform": [
        lambda s: np.float32(s / 2**15),
        lambda s: (s / 32767).astype("float32"),
        lambda s: s / np.float32(32768),
        lambda s: np.array([x / 32768 for x in s], np.float32),
        lambda s: np.clip(s.astype(np.float32) / 32767, -1, 1),
        lambda s: np.float32(s) / abs(np.iinfo(np.int16).min),
        lambda s: np.divide(s, 32768, dtype=np.float32),
    ],
    # 04_language
    # 05_waveform
    # 06_spectrogram
    "spectrogram.shape": [[513, 101], np.array([513, 101]), (513.0, 101.0)],
    "spectrogram.doubled": [6, 6.02, "6.02", "6 dB", 10 * np.log10(4)],
    "spectrogram.n_fft": [2048.0, "2048", np.int64(2048)],
    "spectrogram.seconds": [
        lambda frames, rate, step: (frames - 1) * step / rate,
        lambda n, sr, hop: np.arange(n)[-1] * hop / sr,
    ],
    # 07_mel
    "mel.htk": [
        lambda hz: 1127 * np.log(1 + hz / 700),
        lambda hz: 1127.01 * np.log(1 + hz / 700),
        lambda hz: float(2595 * np.log10(1 + hz / 700)),
    ],
    "mel.empty": ["longer frame", "A Longer Frame", "'a longer frame'"],
    "mel.survives": [0.157, 0.16, 0.1569, "0.16 dB"],
    "mel.gain": [np.float32(0.5), "1/2", 0.5],
    "mel.rescale": [
        lambda x: (x.clip(min=x.max() - 8) + 4) / 4,
        lambda x: np.float32((np.where(x < x.max() - 8, x.max() - 8, x) + 4) / 4),
        lambda x: ((np.maximum(x, x.max() - 8) + 4) / 4).tolist(),
    ],
    # 08_dataset
    # 09_evaluate
    # 10_fine_tune
}
#: the key, an answer, what its message says, and what it must not say
WRONG = [
    # 02_transcribe
    ("transcribe.option", "language='en', task='translate'", "Choose one of", "order"),
    ("transcribe.option", "language=translate", "Choose one of", "order"),
    ("transcribe.option", "en", "that is **spoken**", "Choose"),
    ("transcribe.option", {"language": "de"}, "stays German", "Choose"),
    ("transcribe.option", "task='transcribe'", "`\"task='translate'\"`", "stays German"),
    ("transcribe.option", 'initial_prompt="In English, please."', "no order", "Choose"),
    ("transcribe.moved", 2.0, "how much you cut off", "small"),
    ("transcribe.moved", -3, "right but for its sign", "small"),
    ("transcribe.moved", 0, "Time 0 is the cut itself", "kilohertz"),
    ("transcribe.moved", 48_000, "a number of samples", "1000 times"),
    ("transcribe.moved", "3000 ms", "is in 'ms'", "text"),
    ("transcribe.moved", 2.5, "too small", "times"),
    ("transcribe.timecode", code.split_first, "`int` cuts off", "hours are"),
    ("transcribe.timecode", lambda s: code.split_first(s, round), "1000 milliseconds", "argument"),
    ("transcribe.timecode", code.cut_off, "1.001 * 1000 is a little less", "missing"),
    ("transcribe.timecode", code.no_zeros, "three digits", "two digits"),
    ("transcribe.timecode", lambda s: code.by_text(s).replace(",", "."), "is WebVTT", "missing"),
    ("transcribe.timecode", lambda s: code.by_text(s).replace(",", ":"), "'00:00:07:000'", "VTT"),
    ("transcribe.timecode", lambda s: code.by_text(s)[3:], "'00:07,000', expected", "cut off"),
    ("transcribe.timecode", lambda s: code.by_text(s / 1000), "for milliseconds", "missing"),
    ("transcribe.timecode", lambda s: print(code.by_text(s)), "`return` is what", "missing"),
    ("transcribe.timecode", "00:01:02,345", "Expected a function", "missing"),
    ("transcribe.in_one", code.after_last_word, "the end of the last word", "5 items"),
    ("transcribe.in_one", code.in_place, "Such an object cannot be changed", "first"),
    ("transcribe.in_one", code.moved(lambda i, s: (i + 1) * s), "one piece too late", "5 items"),
    ("transcribe.in_one", code.moved(lambda i, s: 0), "start at 0 again", "5 items"),
    ("transcribe.in_one", code.moved(lambda i, s: i * 30), "30 s pieces only", "5 items"),
    ("transcribe.in_one", code.moved(lambda i, s: i / s), "is 1.03333, expected 31", "5 items"),
    ("transcribe.in_one", code.moved(lambda i, s: i * s * 1000), "expected 31", "samples"),
    (
        "transcribe.in_one",
        lambda pieces, s=30: [(w.start, w.end, w.text) for piece in pieces for w in piece],
        "expected",
        "5 items",
    ),
    ("transcribe.in_one", lambda pieces, seconds=30: None, "gives None", "start at 0"),
    ("transcribe.megabytes", [297.5, 574.6, 1924.7], "float64", "times"),
    ("transcribe.megabytes", [148_737, 287_304, 962_332], "not in MB", "times"),
    ("transcribe.megabytes", [0.148737, 0.287304, 0.962332], "not in MB", "times"),
    ("transcribe.megabytes", [141.8, 274.0, 917.8], "mebibytes", "small"),
    ("transcribe.megabytes", [9.3, 18.0, 60.1], "divided by the number of bytes", "small"),
    ("transcribe.megabytes", [962.3, 287.3, 148.7], "opposite order", "times"),
    ("transcribe.megabytes", 1398.37, "Expected several numbers", "small"),
    # 03_decode
    ("decode.position", 370, "One too few", "small"),
    ("decode.position", 372, "rounded up", "large"),
    ("decode.position", 371.5, "Half a position", "rounded"),
    ("decode.position", 743, "frame of the log-mel", "large"),
    ("decode.position", 23.2, "7,430 counts milliseconds", "small"),
    ("decode.position", 202, "The 1,500 positions last 30 s", "small"),
    ("decode.position", 111, "448 tokens", "small"),
    ("decode.position", 0.248, "share of the window", "small"),
    ("decode.position", 1500, "too large", "times"),
    ("decode.greedy", code.unlimited, "A model that never does needs `limit`", "0x"),
    ("decode.greedy", code.start_counted, "you count those of `start`", "0x"),
    ("decode.greedy", code.one_more, "expected [2, 2", "0x"),
    ("decode.greedy", code.first_only, "Only the first token", "items"),
    ("decode.greedy", code.forgetful, "about the last token only", "again and again"),
    ("decode.greedy", code.unlikely, "least likely", "items"),
    ("decode.greedy", code.start_kept, "start sequence is in your result", "items"),
    ("decode.greedy", code.end_kept, "end token is in your result", "items"),
    ("decode.greedy", code.filtered, "expected", "end token is in your result"),
    ("decode.greedy", code.without_start, "expected", "count those"),
    ("decode.prompt", "E", '`"A"`, `"B"`, `"C"`, `"D"`', "'b'"),
    ("decode.prompt", "a", "takes no orders", "Choose"),
    ("decode.prompt", "C.", "both spellings", "Choose"),
    ("decode.prompt", ["D"], "beginning of **this** window", "Choose"),
    ("decode.prompt", 2, '`"A"`, `"B"`, `"C"`, `"D"`', "text"),
    ("decode.rule", lambda *a: code.nested(*a).title(), "'Skip', expected the text 'skip'", "sign"),
    ("decode.rule", code.again_first, "You never skip", "both"),
    ("decode.rule", lambda a, n, c: code.nested(a, 1 - n, c), "expected", "never"),
    ("decode.rule", lambda a, n, c: code.nested(n, a, c), "expected", "sign"),
    ("decode.rule", lambda a, n, c: code.nested(a, n, 0), "repeats itself needs", "never"),
    (
        "decode.rule",
        lambda a, n, c: "skip" if n > 0.6 else code.nested(a, n, c),
        "only if",
        "you never",
    ),
    ("decode.rule", lambda a, n, c: "skip" if a < -1 else code.nested(a, n, c), "too", "`and`"),
    ("decode.rule", lambda a, n, c: code.nested(a, n, c) == "skip", "gives True", "never"),
    ("decode.waveform", lambda s: s / 32768, "float64", "half"),
    ("decode.waveform", lambda s: (s / 32768).astype(np.float16), "as float16; float32", "half"),
    ("decode.waveform", lambda s: [x / 32768 for x in s], "as a list; float32", "half"),
    ("decode.waveform", lambda s: s.astype(np.float32) / np.abs(s).max(), "loudest", "half"),
    ("decode.waveform", lambda s: s.astype(np.float32) / s.max(), "loudest", "half"),
    ("decode.waveform", lambda s: s.astype(np.float32) / 2**16, "half of that", "twice"),
    ("decode.waveform", lambda s: s.astype(np.float32) / 255, "8 bits", "times"),
    ("decode.waveform", lambda s: np.clip(np.float32(s), -1, 1), "cut everything off", "times"),
    ("decode.waveform", lambda s: (s // 32767).astype(np.float32), "`//` throws", "half"),
    ("decode.waveform", lambda s: -s.astype(np.float32) / 32768, "expected array(", "half"),
    # 04_language
    # 05_waveform
    # 06_spectrogram
    ("spectrogram.shape", (512, 100), "One row and one frame are missing", "1 + n_fft"),
    ("spectrogram.shape", (513, 102), "One frame too many", "101"),
    ("spectrogram.shape", (513, 32), "overlap", "101"),
    ("spectrogram.shape", (1025, 101), "whole rate", "513"),
    ("spectrogram.shape", (513, 101.5), "Item 1, counted from 0, is too large", "101)"),
    ("spectrogram.shape", "(513, 101)", "Expected several numbers", "exchanged"),
    ("spectrogram.doubled", -6, "right but for its sign", "6.02"),
    ("spectrogram.doubled", 0.3, "log10", "small"),
    ("spectrogram.doubled", 4, "factor", "small"),
    ("spectrogram.n_fft", 800, "`256`, `512`, `1024`, `2048`, `8192`; your answer is 800", "far"),
    ("spectrogram.seconds", lambda n, sr, hop: (n - 1) * hop // sr, "`//` drops", "upside"),
    ("spectrogram.seconds", lambda n, sr, hop: n - hop / sr, "parentheses", "upside"),
    ("spectrogram.seconds", lambda n, sr, hop: (n - 2) * hop / sr, "gives 0.06, expected", "hop"),
    # 07_mel
    ("mel.htk", lambda hz: 2595 * np.log2(1 + hz / 700), "base 2", "natural"),
    ("mel.htk", lambda hz: 2595 * np.log10(1 + hz // 700), "`//` drops", "natural"),
    ("mel.htk", lambda hz: 2595 * np.log10((1 + hz) / 700), "parentheses", "Slaney"),
    ("mel.empty", "fewer bands", '`"more bands"`, `"a longer frame"`, `"a smaller hop"`', "only"),
    ("mel.survives", 80 / 512, "one step fewer", "round on the way"),
    ("mel.survives", 0.15, "too small", "round"),
    ("mel.survives", 40, "half the range", "times"),
    ("mel.survives", 1 / 255 / 2, "share of the whole range", "percent"),
    ("mel.gain", 1, "log10 of the amplitude", "twice"),
    ("mel.gain", 10, "by how much", "too large"),
    ("mel.gain", 1.5, "does not change a difference", "too large"),
    ("mel.rescale", lambda x: (np.maximum(x, x.min() + 8) + 4) / 4, "largest", "log10"),
    ("mel.rescale", lambda x: (np.maximum(x, -80) + 4) / 4, "no floor is in effect", "largest"),
    ("mel.rescale", lambda x: x, "gives", "floor"),
    # 08_dataset
    # 09_evaluate
    # 10_fine_tune
]


@pytest.mark.parametrize("key", RIGHT)
def test_right_answers_are_accepted(key):
    for answer in RIGHT[key]:
        result = exercises.find(key).judge(answer)
        assert result.correct, (answer, result.message)


@pytest.mark.parametrize(("key", "answer", "said", "unsaid"), WRONG)
def test_wrong_answers_are_refused_and_not_misled(key, answer, said, unsaid):
    result = exercises.find(key).judge(answer)
    assert result.status == NOT_YET, result
    assert said in result.message and unsaid not in result.message


def raising(error):
    def f(*arguments):
        raise error

    return f


CONVERTED = ("spectrogram", "mel")  # goes with legacy.py
EXERCISES = [one for one in exercises.all_exercises() if one.key.startswith(CONVERTED)]
FUNCTIONS = [one for one in EXERCISES if one.stub.startswith("def ")]


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.key)
@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, SystemExit, MemoryError])
def test_what_the_readers_function_raises_never_leaves_the_check(exercise, error):
    result = exercise.judge(raising(error))
    assert result.status == NOT_YET and error.__name__ in result.message


CHOICES = [one for one in EXERCISES if one.kind == "choice"]


@pytest.mark.parametrize("exercise", CHOICES, ids=lambda e: e.key)
def test_an_invalid_choice_is_told_the_options_as_the_task_writes_them(exercise):
    message = exercise.judge("none of them").message
    codes = [exercise.solution_code, *(mistake.code for mistake in exercise.mistakes)]
    options = [option for option in map(exercise.answer, codes) if isinstance(option, str)]
    places = [message.find(f'"{option}"') for option in sorted(options, key=exercise.task.find)]
    assert -1 not in places and places == sorted(places), message

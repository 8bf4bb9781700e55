"""Answers that readers gave: the right ones are accepted, the wrong ones refused and not misled."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from pathlib import Path

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
    "language.doubt": [
        lambda probs: -sum(p * math.log2(p) for p in probs.values() if p),
        lambda probs: -sum(p * np.log2(p + 1e-12) for p in probs.values()),
        lambda probs: float(np.nansum([-p * np.log2(p) for p in probs.values()])),
        lambda probs: sum(p * math.log(1 / p, 2) for p in probs.values() if p > 0),
        lambda probs: -np.sum([p * np.log(p) / np.log(2) for p in probs.values() if p > 0]),
        lambda probs: np.float32(sum(-p * np.log2(p) for _, p in probs.items() if p != 0)),
    ],
    "language.trust": [
        lambda probs, seconds: np.max(list(probs.values())) >= 0.8 and seconds >= 3,
        lambda probs, seconds: int(max(probs.values()) >= 0.8 and seconds >= 3),
        lambda probs, seconds: not (seconds < 3 or max(probs.values()) < 0.8),
        lambda probs, seconds: sorted(probs.values())[-1] >= 0.8 and 3.0 <= seconds,
        lambda probs, seconds: any(p >= 0.8 for p in probs.values()) and seconds >= 3,
        lambda probs, seconds: probs[max(probs, key=probs.get)] >= 0.8 and seconds >= 3,
    ],
    "language.cost": ["C", "c", " C ", "C."],
    "language.starts": [
        lambda d, w, h: np.arange(0, d - w + 1e-9, h),
        lambda d, w, h: tuple(
            float(s) for s in np.arange(0, d - w + h / 2, h) if s <= d - w + 1e-9
        ),
        lambda d, w, h: (i * h for i in range(1000) if i * h + w <= d + 1e-6),
        lambda d, w, h: [round(s, 6) for s in np.arange(0, round(d - w, 6) + 1e-6, h)],
    ],
    "language.code": [["sq", "base"], ("SQ", "Base"), "('sq', 'base')", "sq, base"],
    # 05_waveform
    "waveform.duration": [6, 6.0, np.float32(6.00001), "6 s", "6.0", [6.0], np.array(6.0)],
    "waveform.peak_dbfs": [
        lambda y: 20 * np.log10(max(abs(y))),
        lambda y: 10 * np.log10(np.max(y**2)),
        lambda y: np.float32(20 * np.log10(np.max(np.abs(y)))),
        lambda y: 20 * np.log10(np.abs(y).max() + 1e-12),
        lambda y: float(20 * np.log10(max(y.max(), -y.min()))),
    ],
    "waveform.smaller": ["15", 15, 15.0, '"15"', "top_db=15"],
    "waveform.file_size": [320, 320.044, "320 kB", "320 kilobytes", "320", np.int64(320)],
    "waveform.mono": [
        lambda y: (y[0] + y[1]) / 2,
        lambda y: y.mean(axis=-2),
        lambda y: np.average(y, axis=0).astype(np.float32),
        lambda y: [(a + b) / 2 for a, b in zip(*y, strict=True)],
        lambda y: y.T.mean(axis=1),
        lambda y: y.sum(axis=0) / len(y),
    ],
    # 06_spectrogram
    "spectrogram.shape": [[513, 101], np.array([513, 101]), (513.0, 101.0)],
    "spectrogram.doubled": [6, 6.02, "6.02", "6 dB", "6 decibels", 10 * np.log10(4)],
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
    "dataset.broken": [
        lambda cuts, sentences: len([1 for a, b in sentences if [c for c in cuts if a < c < b]]),
        lambda cuts, sentences: len({s for c in cuts for s in sentences if s[0] < c < s[1]}),
        lambda cuts, sentences: sum(
            bool(((np.array(cuts) > a) & (np.array(cuts) < b)).any()) for a, b in sentences
        ),
        lambda cuts, sentences: float(sum(1 for a, b in sentences if any(a < c < b for c in cuts))),
    ],
    "dataset.noise": ["measure", "Measure", '"measure"'],
    "dataset.resume": ["rename!", "rename: ", "rename", "RENAME", "rename."],
    "dataset.encode": [94, 94.0, "94 s", "94"],
    "dataset.split": [
        lambda clips: {n: "test" if ord(s) % 5 == 0 else "train" for n, s in clips},
        lambda clips: {n: "test" if s == clips[-1][1] else "train" for n, s in clips},
        lambda clips: {n: "train" if s == clips[0][1] else "test" for n, s in clips},
        lambda clips: {n: "test" if s == max(s for _, s in clips) else "train" for n, s in clips},
    ],
    # 09_evaluate
    "evaluate.rate": [0.57, 0.571, 0.5714, "57 %", "57%", Fraction(4, 7), "4/7", np.float32(4 / 7)],
    "evaluate.corpus_rate": [
        lambda errors, words: np.sum(errors) / np.sum(words),
        lambda errors, words: np.average(np.divide(errors, words), weights=words),
        lambda errors, words: float(sum(errors)) / float(sum(words)),
        lambda errors, words: 1 - (sum(words) - sum(errors)) / sum(words),
    ],
    "evaluate.still_counts": ["its / it's", "its/it's", "its / it’s", "Its / It's", "its /it's"],
    "evaluate.difference": [
        lambda a, b, w, d: b[d].sum() / w[d].sum() - a[d].sum() / w[d].sum(),
        lambda a, b, w, d: sum(b[i] - a[i] for i in d) / sum(w[i] for i in d),
        lambda a, b, w, d: np.take(b - a, d).sum() / np.take(w, d).sum(),
        lambda a, b, w, d: np.float32(np.sum((b - a)[d]) / np.sum(w[d])),
    ],
    "evaluate.loses_most": ["heart", "Heart", "'heart'"],
    # 10_fine_tune
    "fine_tune.targets": [
        lambda s, w, e, n: np.array(([-100] * (len(s) - 1) + w + [e] + [-100] * n)[:n]),
        lambda s, w, e, n: tuple(([-100] * (len(s) - 1) + w + [e] + [-100] * n)[:n]),
        lambda s, w, e, n: (
            (x := [-100] * (len(s) - 1) + [*w, e]) + [-100 for _ in range(n - len(x))]
        ),
        lambda s, w, e, n: np.pad(
            [-100] * (len(s) - 1) + w + [e], (0, n - len(s) - len(w)), constant_values=-100
        ),
    ],
    "fine_tune.learned": [
        "6 144",
        "≈ 6144",
        6144,
        6144.0,
        "6,144",
        "6144",
        np.int64(6144),
        2 * 8 * 384,
    ],
    "fine_tune.keep": [2, 2.0, "2", np.argmin([1.45, 0.52, 0.41, 0.47, 0.60])],
    "fine_tune.fewer": [0.92, 0.919, 0.9189, "92 %", "91.9%", 1 - 0.018 / 0.222],
    "fine_tune.forgotten": [
        "general_test",
        "general-test",
        "general test",
        "General Test",
        "the general test",
        "'general test'",
    ],
}


def quotient(errors, words):
    return errors / words


def only_first_cut(cuts, sentences):
    return sum(a < cuts[0] < b for a, b in sentences)


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
    ("transcribe.timecode", lambda s: code.by_text(math.ceil(s * 1000) / 1000), "up", "cut off"),
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
    ("transcribe.in_one", lambda pieces, seconds=30: None, "`return` is what", "start at 0"),
    ("transcribe.megabytes", [297.5, 574.6, 1924.7], "float64", "times"),
    ("transcribe.megabytes", [148_737, 287_304, 962_332], "not in MB", "times"),
    ("transcribe.megabytes", [0.148737, 0.287304, 0.962332], "not in MB", "times"),
    ("transcribe.megabytes", [141.8, 274.0, 917.8], "mebibytes", "small"),
    ("transcribe.megabytes", [9.3, 18.0, 60.1], "divided by the number of bytes", "small"),
    ("transcribe.megabytes", [962.3, 287.3, 148.7], "opposite order", "times"),
    ("transcribe.megabytes", [150, 290, 960], "rounded too far", "too large"),
    ("transcribe.megabytes", [37_184_256, 71_825_920, 240_582_912], "how many parameters", "off"),
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
    ("decode.rule", lambda a, n, c: code.nested(a, n, c - 0.1), "expected", "never"),
    ("decode.rule", lambda a, n, c: code.nested(a + 0.05, n, c), "expected", "never"),
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
    ("language.doubt", lambda probs: np.mean(list(probs.values())), "expected", "chance"),
    ("language.doubt", lambda probs: -sum(p * np.log2(p) for p in probs.values()), "NaN", "base"),
    (
        "language.doubt",
        lambda probs: -sum(p * math.log2(p) for p in probs.values()),
        "no logarithm",
        "base",
    ),
    (
        "language.doubt",
        lambda probs: -sum(p * np.log2(p) for p in probs if p > 0),
        "TypeError",
        "bits",
    ),
    ("language.doubt", lambda probs: np.log2(len(probs)), "expected", "mean"),
    ("language.trust", lambda probs, s: list(probs.values())[0] >= 0.8 and s >= 3, "first", "Half"),
    ("language.trust", lambda probs, s: sum(probs.values()) >= 0.8 and s >= 3, "always 1", "Half"),
    ("language.trust", lambda probs, s: max(probs.values()) >= 0.7 and s >= 3, "expected", "Half"),
    (
        "language.trust",
        lambda probs, s: str(max(probs.values()) >= 0.8 and s >= 3),
        "expected",
        "or",
    ),
    ("language.trust", lambda probs, s: min(probs.values()) >= 0.8 and s >= 3, "gives", "never"),
    ("language.trust", lambda probs, s: max(probs.values()) >= 0.8 and s >= 30, "both", "is one"),
    ("language.trust", lambda probs, s: False, "never says", "first"),
    ("language.cost", "French", '`"A"`, `"B"`, `"C"`, `"D"`', "c'"),
    ("language.cost", "cd", '`"A"`, `"B"`, `"C"`, `"D"`', "c'"),
    (
        "language.starts",
        lambda d, w, h: [i * h for i in range(int((d - w) / h) + 2)],
        "expected",
        "8 it",
    ),
    (
        "language.starts",
        lambda d, w, h: [i * h for i in range(1, int((d - w) / h) + 1)],
        "expected",
        "8 it",
    ),
    ("language.starts", lambda d, w, h: [i * int(h) for i in range(3)], "expected", "3 items"),
    (
        "language.starts",
        lambda d, w, h: [i * h for i in range(int((d - w) // h) + 1)],
        "5.999",
        "8 it",
    ),
    ("language.code", ("Albanian", "base"), "`('sq', 'base')`", "Serbian"),
    ("language.code", ("base", "sq"), "`('sq', 'base')`", "Serbian"),
    (
        "language.starts",
        lambda d, w, h: [i * h for i in range(round((d - w) / h) + 1)],
        "expected",
        "int(-0.5)",
    ),
    # 05_waveform
    ("waveform.smaller", "30", "fewest frames", "15"),
    ("waveform.duration", 0.1, "in minutes", "small"),
    ("waveform.duration", 3.0, "resampled them", "small"),
    ("waveform.duration", 6000, "s", "6 s"),
    ("waveform.duration", 8.26875, "16,000 Hz", "large"),
    ("waveform.peak_dbfs", lambda y: 20 * np.log10(np.abs(y) / 32768).max(), "32768", "-96"),
    ("waveform.peak_dbfs", lambda y: 20 * np.log10(np.abs(y.max())), "below 0 as well", "RMS"),
    ("waveform.peak_dbfs", lambda y: 20 * np.log10(y.max() - y.min()), "peak to peak", "RMS"),
    ("waveform.peak_dbfs", lambda y: np.round(20 * np.log10(np.abs(y).max())), "round", "RMS"),
    ("waveform.peak_dbfs", lambda y: [y.max()], "expected", "RMS"),
    ("waveform.smaller", 60, "nearly nothing is cut", "15"),
    ("waveform.smaller", "all", "all the same", "nearly"),
    ("waveform.file_size", 312.5, "KiB", "small"),
    ("waveform.file_size", 0.32, "in MB", "kilohertz"),
    ("waveform.file_size", 882, "44,100 Hz", "large"),
    ("waveform.file_size", 0, "small", "1000 times"),
    ("waveform.mono", lambda y: y.max(axis=0), "not a mixture", "channel alone"),
    ("waveform.mono", lambda y: y[0] - y[1], "expected", "alone"),
    ("waveform.mono", lambda y: y.mean(axis=0, keepdims=True), "(1, n_samples)", "alone"),
    ("waveform.mono", lambda y: y.T.mean(axis=0), "gives shape (2,)", "alone"),
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
    (
        "spectrogram.seconds",
        lambda n, sr, hop: (n - 1) * hop // sr,
        "`//` and `int` drop",
        "upside",
    ),
    ("spectrogram.seconds", lambda n, sr, hop: n - hop / sr, "parentheses", "upside"),
    ("spectrogram.seconds", lambda n, sr, hop: (n - 2) * hop / sr, "gives 0.06, expected", "hop"),
    # 07_mel
    ("mel.htk", lambda hz: 2595 * np.log2(1 + hz / 700), "base 2", "natural"),
    ("mel.htk", lambda hz: 2595 * np.log10(1 + hz // 700), "`//` drops", "natural"),
    ("mel.htk", lambda hz: 2595 * np.log10((1 + hz) / 700), "parentheses", "Slaney"),
    ("mel.empty", "fewer bands", '`"more bands"`, `"a longer frame"`, `"a smaller hop"`', "only"),
    ("mel.survives", 80 / 512, "one step fewer", "round on the way"),
    ("mel.survives", 0.15, "too small", "round"),
    ("mel.survives", "0,157", "as a period", "large"),
    ("mel.survives", 40, "half the range", "times"),
    ("mel.survives", 1 / 255 / 2, "share of the whole range", "percent"),
    ("mel.gain", 1, "log10 of the amplitude", "twice"),
    ("mel.gain", 10, "by how much", "too large"),
    ("mel.gain", 1.5, "does not change a difference", "too large"),
    ("mel.rescale", lambda x: (np.maximum(x, x.min() + 8) + 4) / 4, "largest", "log10"),
    ("mel.rescale", lambda x: (np.maximum(x, -80) + 4) / 4, "no floor is in effect", "largest"),
    ("mel.rescale", lambda x: x, "gives", "floor"),
    ("mel.rescale", lambda x: (np.maximum(x, x.mean() - 8) + 4) / 4, "expected", "no floor"),
    # 08_dataset
    ("dataset.broken", code.first_sentence, "inside the loop", "how many"),
    (
        "dataset.broken",
        lambda c, s: sum(any(a < x < b for x in np.round(c)) for a, b in s),
        "ex",
        "no",
    ),
    ("dataset.split", lambda clips: None, "`return` is what", "empty"),
    ("dataset.split", lambda clips: {n: ["test", "train"] for n, _ in clips}, "nowhere", "cannot"),
    ("dataset.split", lambda clips: {(n, s): "test" for n, s in clips}, "one entry", "unhashable"),
    (
        "dataset.broken",
        lambda c, s: sum(any(a < x <= b for x in c) for a, b in s),
        "**end**",
        "cuts,",
    ),
    ("dataset.broken", lambda c, s: len(c), "number of cuts", "edge"),
    (
        "dataset.broken",
        lambda c, s: [1 for a, b in s if any(a < x < b for x in c)],
        "expected",
        "edge",
    ),
    ("dataset.broken", lambda c, s: len(s), "expected", "whole sentences"),
    ("dataset.broken", only_first_cut, "IndexError", "edge"),
    ("dataset.noise", "it depends", '`"always"`, `"never"`, `"louder"`, `"measure"`', "bars"),
    ("dataset.resume", "copy", '`"write"`, `"delete"`, `"log"`, `"rename"`', "power"),
    ("dataset.encode", 78, "a second after its end", "small"),
    ("dataset.encode", 48, "sound alone", "small"),
    ("dataset.encode", 90, "not one of the 16", "small"),
    ("dataset.encode", 544, "once for each clip", "large"),
    ("dataset.encode", 34, "not one", "small"),
    ("dataset.encode", 0, "small", "1000"),
    (
        "dataset.split",
        lambda clips: {n: "test" if s == "a" else "train" for n, s in clips},
        "empty",
        "both",
    ),
    (
        "dataset.split",
        lambda clips: {n: "test" if i > 14 else "train" for i, (n, _) in enumerate(clips)},
        "both parts",
        "empty",
    ),
    (
        "dataset.split",
        lambda clips: {n: "train" for n, s in clips[5:]},
        "one entry for each clip",
        "empty",
    ),
    ("dataset.split", lambda clips: [n for n, _ in clips], "dictionary", "empty"),
    ("dataset.split", lambda clips: {n: s for n, s in clips}, "nowhere else", "empty"),
    # 09_evaluate
    ("evaluate.rate", 3 / 7, "one is missing", "large"),
    ("evaluate.rate", 5 / 7, "one too many", "large"),
    ("evaluate.rate", 57.1, "in percent", "large"),
    ("evaluate.rate", "0,571", "as a period", "large"),
    ("evaluate.rate", 3 / 8, "**written**", "small"),
    ("evaluate.rate", 0.6, "rounded too far", "round on the way"),
    ("evaluate.rate", 2 / 3, "large", "round"),
    ("evaluate.corpus_rate", quotient, "stopped with TypeError", "mean"),
    (
        "evaluate.corpus_rate",
        lambda e, w: sum(a / b for a, b in zip(e, w, strict=True)),
        "adds up",
        "mean",
    ),
    ("evaluate.corpus_rate", lambda e, w: 100 * sum(e) / sum(w), "in percent", "0.1"),
    ("evaluate.corpus_rate", lambda e, w: round(sum(e) / sum(w)), "expected", "mean"),
    ("evaluate.corpus_rate", lambda e, w: sum(e) / (sum(w) + sum(e)), "expected", "mean"),
    ("evaluate.still_counts", "all", '`"colour / color"`', "normalizer"),
    ("evaluate.still_counts", "Koln / Köln", '`"colour / color"`', "normalizer"),
    (
        "evaluate.difference",
        lambda a, b, w, d: (b - a)[list(set(d))].sum() / w[list(set(d))].sum(),
        "twice counts twice",
        "sign",
    ),
    ("evaluate.difference", lambda a, b, w, d: abs((b - a)[d].sum()) / w[d].sum(), "sign", "mean"),
    (
        "evaluate.difference",
        lambda a, b, w, d: (b - a)[d].sum() / len(d),
        "number of clips",
        "mean",
    ),
    (
        "evaluate.difference",
        lambda a, b, w, d: 100 * (b - a)[d].sum() / w[d].sum(),
        "expected",
        "sign",
    ),
    ("evaluate.loses_most", "j", "Choose one of", "lost"),
    # 10_fine_tune
    (
        "fine_tune.targets",
        lambda s, w, e, n: ([-100] * (len(s) - 1) + w + [e] + [0] * n)[:n],
        "is a token",
        "items",
    ),
    (
        "fine_tune.targets",
        lambda s, w, e, n: [-100] * (len(s) - 1) + w + [e],
        "padding is gone",
        "items",
    ),
    (
        "fine_tune.targets",
        lambda s, w, e, n: s + w + [e],
        "expected",
        "8 items, expected a list of 8",
    ),
    (
        "fine_tune.targets",
        lambda s, w, e, n: [100] * (len(s) - 1) + w + [e],
        "expected",
        "8 items, expected",
    ),
    ("fine_tune.targets", lambda s, w, e, n: print(w), "return", "8 items"),
    ("fine_tune.learned", 24576, "separately", "large"),
    ("fine_tune.learned", 153600, "big matrix", "large"),
    ("fine_tune.learned", 768, "long sides", "small"),
    ("fine_tune.learned", 1 / 24, "share", "small"),
    ("fine_tune.learned", 6000, "small", "round"),
    ("fine_tune.learned", "six thousand", "Expected one number,", "in numbers"),
    ("fine_tune.keep", 1, "still falls", "half"),
    ("fine_tune.keep", 0.01, "training loss", "before it learned"),
    ("fine_tune.keep", 5, "no epoch 5", "large"),
    ("fine_tune.keep", -1, "small", "sign"),
    ("fine_tune.fewer", 92, "percent", "large"),
    ("fine_tune.fewer", 20.4, "points", "large"),
    ("fine_tune.fewer", -0.92, "positive", "right but"),
    ("fine_tune.fewer", 11.33, "before", "large"),
    ("fine_tune.forgotten", "test", '`"training loss"`', "gain"),
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


EXERCISES = list(exercises.all_exercises())
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


# A larger collection, as code: each answer is what a reader writes into the cell

COLLECTION = json.loads(Path(__file__).with_name("reader_answers.json").read_text("utf-8"))
REFUSALS = ("Choose one of", "Expected", "expected", "rounded", "axes", "dictionary")


def judged(key, answer):
    exercise = exercises.find(key)
    namespace = {"np": np}
    exec(exercise.setup, namespace)
    function = exercise.stub.startswith("def ") and not answer.startswith("lambda")
    exec(answer if function else f"{exercise.variable} = {answer}", namespace)
    return exercise.judge(namespace[exercise.variable])


@pytest.mark.parametrize("key", COLLECTION)
def test_of_the_collection_the_right_are_accepted_and_the_wrong_refused(key):
    for answer in COLLECTION[key]["right"]:
        result = judged(key, answer)
        assert result.correct, (answer, result.message)
    for answer in COLLECTION[key]["wrong"]:
        assert judged(key, answer).status == NOT_YET, answer
    for answer in COLLECTION[key]["right in another form"]:
        result = judged(key, answer)
        assert result.status == NOT_YET and result.mistake is None, answer
        assert any(word in result.message for word in REFUSALS), (answer, result.message)


def test_two_thirds_of_the_messages_name_the_cause_or_show_a_counterexample():
    said = [judged(key, one) for key in COLLECTION for one in COLLECTION[key]["wrong"]]
    helpful = [
        one.mistake or re.search("xpected|Choose|stopped|in place of|but ", one.message)
        for one in said
    ]
    assert sum(map(bool, helpful)) >= 2 / 3 * len(said) > 600

"""The exercises of notebooks/08_dataset.ipynb: cuts, noise, resuming, padding, one line, a leak."""

from __future__ import annotations

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "08_dataset"
OBJECTIVES = (
    "split a recording on speech, and say why a fixed grid and an energy threshold fail",
    "measure what noise reduction does to recognition instead of believing in it",
    "make clips and a manifest with a pipeline that can be stopped and started again",
    "give many short clips their text, fast, and find the doubtful ones",
    "check a corpus against a contract, and write it in the form that a trainer reads",
)

_CASES = (
    (([30.0], [(28.0, 31.0), (32.0, 34.0)]), 1),
    (([2.0, 4.0], [(0.0, 2.0), (2.0, 4.0)]), 0),
    (([1.0, 1.5, 9.0], [(0.0, 3.0), (8.0, 10.0), (11.0, 12.0)]), 2),
    (([], [(0.0, 3.0)]), 0),
)


def _counting_cuts(cuts, sentences):
    return sum(a < cut < b for cut in cuts for a, b in sentences)


def _with_edges(cuts, sentences):
    return sum(any(a <= cut <= b for cut in cuts) for a, b in sentences)


def _check_broken(answer):
    return answers.function(
        answer,
        _CASES,
        wrong=[
            (_counting_cuts, "You count cuts, not sentences: a sentence that is cut twice is still "
             "one broken sentence. `any(...)` asks whether at least one cut falls inside."),
            (_with_edges, "A cut exactly at the start or the end of a sentence breaks nothing: "
             "that is where a cut should be. Compare with `<`, not `<=`."),
            (lambda cuts, sentences: len(sentences) - sum(
                any(a < cut < b for cut in cuts) for a, b in sentences),
             "You count the whole sentences. Asked for are the broken ones."),
        ],
        name="broken_sentences",
    )  # fmt: skip


broken = Exercise(
    key="dataset.broken",
    lab=LAB,
    objective=OBJECTIVES[0],
    task="Write `broken_sentences(cuts, sentences)`: how many sentences have at least one cut "
    "inside? `cuts` is a list of times, `sentences` a list of pairs (start, end), in seconds. A "
    "cut exactly at a start or an end breaks nothing.",
    stub="def broken_sentences(cuts, sentences):\n    return ...",
    solution="def broken_sentences(cuts, sentences):\n"
    "    return sum(any(start < cut < end for cut in cuts) for start, end in sentences)",
    variable="broken_sentences",
    look="Cut on a grid, and hear words broken",
    check=_check_broken,
    mistakes=(
        Mistake(
            "def broken_sentences(cuts, sentences):\n"
            "    return sum(a < cut < b for cut in cuts for a, b in sentences)",
            "count cuts, not sentences",
            "a sentence cut twice counted twice",
        ),
        Mistake(
            "def broken_sentences(cuts, sentences):\n"
            "    return sum(any(a <= cut <= b for cut in cuts) for a, b in sentences)",
            "breaks nothing",
            "a cut at the edge counted",
        ),
        Mistake(
            "def broken_sentences(cuts, sentences):\n"
            "    return sum(not any(a < c < b for c in cuts) for a, b in sentences)",
            "count the whole sentences",
            "whole sentences counted",
        ),
    ),
    hints=(
        "For one sentence and one cut the question is `start < cut < end`.",
        "`any(...)` over the cuts says whether a sentence is broken; `sum(...)` over the sentences "
        "counts the Trues.",
    ),
    kind="function",
    why="On speech the same count is 0: the cuts lie in the pauses.",
)


def _check_noise(answer):
    return answers.choice(
        answer,
        "measure",
        {
            "always": "Look at the bars: neither kind of noise reduction clearly helped Whisper. "
            "What sounds cleaner to you need not be clearer to a model that learned in noise.",
            "never": "That goes too far: a voice model learns the noise as part of the voice, and "
            "there a gate may be right. What does the answer depend on?",
            "louder": "More level raises speech and noise together; their ratio stays, and so do "
            "the errors.",
        },
    )


noise = Exercise(
    key="dataset.noise",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="A friend has 200 noisy clips for Whisper and asks what to do about the noise. Your "
    "advice? `'always'`: reduce the noise, it cannot hurt. `'never'`: noise reduction is always "
    "wrong. `'louder'`: raise the level. `'measure'`: compare the word error rate with and "
    "without, on clips with known text.",
    stub="advice = ...",
    solution="advice = 'measure'",
    variable="advice",
    look="Measure what noise reduction does",
    check=_check_noise,
    mistakes=(
        Mistake("advice = 'always'", "clearly helped Whisper", "cleaner sound, better result"),
        Mistake("advice = 'never'", "goes too far", "a rule from one measurement"),
        Mistake("advice = 'louder'", "their ratio stays", "level taken for signal-to-noise ratio"),
    ),
    hints=(
        "What did the bars say about recognition? And do they say anything about a voice model?",
        "A measurement settles what opinions cannot; the more clips, the surer.",
    ),
    kind="choice",
    why="The answer depends on the noise, the method and the model: so measure on your own clips.",
)


def _check_resume(answer):
    return answers.choice(
        answer,
        "rename",
        {
            "write": "The power fails in the middle of `clip-0057.wav`. Tomorrow a file of that "
            "name is there, so the pipeline takes it for finished, and half a clip stays.",
            "delete": "A program that is killed deletes nothing: it never reaches that line.",
            "log": "The line in the log and the file are two steps. If the power fails between "
            "them, the log promises a clip that is not whole.",
        },
    )


resume = Exercise(
    key="dataset.resume",
    lab=LAB,
    objective=OBJECTIVES[2],
    task="A pipeline may be killed at any moment, and a file that is there counts as finished. How "
    "does it write a clip? `'write'`: open `clip-0057.wav` and write. `'delete'`: write, and if "
    "anything goes wrong delete the file. `'log'`: note the name in a log, then write. `'rename'`: "
    "write under another name, then rename.",
    stub="way = ...",
    solution="way = 'rename'",
    variable="way",
    look="Run the pipeline",
    check=_check_resume,
    mistakes=(
        Mistake("way = 'write'", "half a clip stays", "a name is proof of a whole file"),
        Mistake("way = 'delete'", "is killed deletes nothing", "cleaning up after a kill"),
        Mistake("way = 'log'", "are two steps", "a promise taken for the thing"),
    ),
    hints=(
        "Imagine the power going off after each single step. What lies on the disk?",
        "Renaming within one folder happens at once: before it the name is not there, after it "
        "the file is whole.",
    ),
    kind="choice",
    why="Half a clip can only ever lie under the temporary name, and that one is thrown away.",
)

_N, _OWN, _WINDOW = 16, 4, 30


def _check_encode(answer):
    return answers.close(
        answer,
        _WINDOW + (_N - 1) * _OWN,
        unit="s",
        wrong=[
            (_N * _WINDOW, "That is the plain way: every clip with its own 30 seconds. With shared "
             "padding only one clip is encoded whole."),
            (_N * _OWN, "Somebody must encode the padding: one clip goes through all 30 seconds."),
            (_WINDOW + _N * _OWN, "Nearly: the clip that is encoded whole is one of the "
             "16, so only 15 others are left."),
            ((_N - 1) * _OWN, "These are the 15 short ones. The one that is encoded whole is "
             "missing."),
        ],
    )  # fmt: skip


encode = Exercise(
    key="dataset.encode",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="A batch holds 16 clips, the longest of 3.6 s. With shared padding one clip is encoded "
    "whole (30 s) and each of the others for its first 4 s only. How many seconds go through the "
    "encoder?",
    stub="seconds = ...",
    solution="seconds = 30 + 15 * 4",
    variable="seconds",
    look="A text for each clip, fast",
    check=_check_encode,
    mistakes=(
        Mistake("seconds = 16 * 30", "the plain way", "no sharing at all"),
        Mistake("seconds = 16 * 4", "must encode the padding", "padding comes from nowhere"),
        Mistake("seconds = 30 + 16 * 4", "only 15 others are left", "the whole clip counted twice"),
        Mistake("seconds = 15 * 4", "is missing", "the whole clip left out"),
    ),
    hints=(
        "Two kinds of clips: one that is encoded whole, and the rest.",
        "One clip of 30 s, and how many others of 4 s each?",
    ),
    why="90 s instead of 480 s: a fifth of the work, which is where the speed comes from.",
)


def _check_split(answer):
    clips = [(f"clip{i}", speaker) for i, speaker in enumerate("aabbccddeaabbccdde")]
    split = answer(clips)
    if not isinstance(split, dict) or set(split) != {name for name, _ in clips}:
        return (
            "Return a dictionary with one entry for each clip, {name: 'train' or 'test'}; yours is "
            f"{answers.describe(split)}."
        )
    if set(split.values()) - {"train", "test"}:
        return "Each clip goes to 'train' or to 'test', nowhere else."
    if len(set(split.values())) < 2:
        return "One of the two parts is empty: some speakers must go to each."
    homes = {speaker: {split[name] for name, s in clips if s == speaker} for _, speaker in clips}
    if leaks := sorted(speaker for speaker, parts in homes.items() if len(parts) > 1):
        return (
            f"Speaker {leaks[0]!r} is in both parts: the test is made with a voice that "
            f"was trained "
            "on. Choose speakers, not clips."
        )
    return None


split = Exercise(
    key="dataset.split",
    lab=LAB,
    objective=OBJECTIVES[4],
    task="This function leaks: the same speaker lands in both parts. Mend it so that every speaker "
    "is in one part only, and neither part is empty. `clips` is a list of pairs (name, speaker).",
    setup="",
    stub="def train_or_test(clips):\n"
    "    ...  # delete this line when you begin\n"
    "    parts = {}\n"
    "    for i, (name, _) in enumerate(clips):\n"
    '        parts[name] = "test" if i % 5 == 0 else "train"\n'
    "    return parts",
    solution="def train_or_test(clips):\n"
    "    speakers = sorted({speaker for _, speaker in clips})\n"
    "    tested = speakers[::5]\n"
    "    return {name: 'test' if speaker in tested else 'train' for name, speaker in clips}",
    variable="train_or_test",
    look="Two contracts, two exports",
    check=_check_split,
    mistakes=(
        Mistake(
            "def train_or_test(clips):\n"
            "    return {n: 'test' if i % 5 == 0 else 'train' for i, (n, _) in enumerate(clips)}",
            "is in both parts",
            "split by clip",
        ),
        Mistake(
            "def train_or_test(clips):\n    return {name: 'train' for name, _ in clips}",
            "parts is empty",
            "nothing to test on",
        ),
        Mistake(
            "def train_or_test(clips):\n"
            "    return {speaker: 'test' if speaker == 'a' else 'train' for _, speaker in clips}",
            "one entry for each clip",
            "speakers returned in place of clips",
        ),
        Mistake(
            "def train_or_test(clips):\n"
            "    return {n: 'test' if s == 'a' else 'learn' for n, s in clips}",
            "nowhere else",
            "a part of another name",
        ),
    ),
    hints=(
        "Whether a clip is tested on must depend on its speaker, not on its place in the list.",
        "First decide which speakers are tested: `sorted({speaker for _, speaker in clips})[::5]`.",
    ),
    kind="bug",
    why="That is what `splits.assign(corpus, by='speaker')` does, with scikit-learn's "
    "GroupShuffleSplit.",
)

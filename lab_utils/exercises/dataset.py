"""The exercises of notebooks/08_dataset.ipynb: cuts, noise, resuming, padding, one line, a leak."""

from __future__ import annotations

from typing import Any

from . import answers
from .core import Mistake
from .kinds import Case, choice, function, number

OBJECTIVES = (
    "split a recording on speech, and say why a fixed grid and an energy threshold fail",
    "measure what noise reduction does to recognition instead of believing in it",
    "make clips and a manifest with a pipeline that can be stopped and started again",
    "give many short clips their text, fast, and find the doubtful ones",
    "check a corpus against a contract, and write it in the form that a trainer reads",
)

broken = function(
    "dataset.broken", objective=OBJECTIVES[0], look="Cut on a grid, and hear words broken",
    task="Write `broken_sentences(cuts, sentences)`: how many sentences have at least one cut "
    "inside? `cuts` is a list of times, `sentences` a list of pairs (start, end), in seconds. A "
    "cut exactly at a start or an end breaks nothing.",
    stub="def broken_sentences(cuts, sentences):\n    return ...",
    solution_code="sum(any(start < cut < end for cut in cuts) for start, end in sentences)",
    cases=("[30.0], [(28.0, 31.0), (32.0, 34.0)]", "[2.0, 4.0], [(0.0, 2.0), (2.0, 4.0)]",
           "[2.0], [(2.0, 3.0)]", "[3.0], [(2.0, 3.0)]", "[], [(0.0, 3.0)]",
           "[1.0, 1.5, 9.0], [(0.0, 3.0), (8.0, 10.0), (11.0, 12.0), (12.0, 13.0)]",
           "[9.0, 1.0], [(0.0, 3.0), (4.0, 8.0)]", "[2.75, 7.25], [(2.25, 2.7), (7.1, 7.4)]"),
    mistakes=(
        Mistake("sum(a < cut < b for cut in cuts for a, b in sentences)", "You count cuts, not "
            "sentences: a sentence that is cut twice is still one broken sentence. `any(...)` asks "
            "whether at least one cut falls inside.", "a sentence cut twice counted twice"),
        Mistake("sum(any(a <= cut <= b for cut in cuts) for a, b in sentences)", "A cut exactly at "
            "the start or the end of a sentence breaks nothing: that is where a cut should be. "
            "Compare with `<`, not `<=`.", "a cut at the edge counted"),
        Mistake("sum(any(a <= cut < b for cut in cuts) for a, b in sentences)", "A cut exactly at "
            "the **start** of a sentence breaks nothing: compare with `<` there, too.",
            "a cut at the start counted"),
        Mistake("sum(any(a < cut <= b for cut in cuts) for a, b in sentences)", "A cut exactly at "
            "the **end** of a sentence breaks nothing: compare with `<` there, too.",
            "a cut at the end counted"),
        Mistake("sum(not any(a < c < b for c in cuts) for a, b in sentences)", "You count the "
            "whole sentences. The task asks for the broken ones.", "whole sentences counted"),
        Mistake("sum(all(a < c < b for c in cuts) for a, b in sentences)", "`all(...)` asks "
            "whether every cut falls inside. One is enough: `any(...)`.", "every cut inside"),
        Mistake("any(a < c < b for c in cuts for a, b in sentences)", "That says whether a "
            "sentence is broken. The task asks how many.", "whether for how many"),
        Mistake("def broken_sentences(cuts, sentences):\n    for a, b in sentences:\n"
            "        return int(any(a < c < b for c in cuts))", "Only the first sentence is looked "
            "at: a `return` inside the loop ends the function at once.", "return inside the loop"),
        Mistake("[(a, b) for a, b in sentences if any(a < c < b for c in cuts)]", "Those are the "
            "broken sentences themselves. The task asks how many.", "sentences for their count"),
        Mistake("len(cuts)", "That is the number of cuts, whether they break something or not.",
            "number of cuts"),
        Mistake("sum(any(a < c < b for c in cuts) for a, b in sentences) / max(1, len(sentences))",
            "That is a share. The task asks how many.", "share for count"),
    ),
    hints=("For one sentence and one cut the question is `start < cut < end`.",
           "`any(...)` over the cuts says whether a sentence is broken; `sum(...)` over the "
           "sentences counts the Trues."),
    why="On speech the same count is 0: the cuts fall into the pauses.",
)  # fmt: skip

noise = choice(
    "dataset.noise", objective=OBJECTIVES[1], look="Measure what noise reduction does",
    task="A friend has 200 noisy clips for Whisper and asks what to do about the noise. Your "
    'advice? `"always"`: reduce the noise, it cannot hurt. `"never"`: noise reduction is always '
    'wrong. `"louder"`: raise the level. `"measure"`: compare the word error rate with and '
    "without, on clips with known text.",
    solution_code='"measure"',
    variable="advice",
    options=("always", "never", "louder", "measure"),
    mistakes=(
        Mistake('"always"', "Look at the bars: neither kind of noise reduction clearly helped "
            "Whisper. What sounds cleaner to you need not be clearer to a model that learned in "
            "noise.", "cleaner sound, better result"),
        Mistake('"never"', "That goes too far: a voice model learns the noise as part of the "
            "voice, and there a gate may be right. What does the answer depend on?",
            "a rule from one measurement"),
        Mistake('"louder"', "More level raises speech and noise together; their ratio stays, and "
            "so do the errors.", "level taken for signal-to-noise ratio"),
    ),
    hints=("What did the bars say about recognition? And do they say anything about a voice model?",
           "A measurement settles what opinions cannot; the more clips, the surer."),
    why="The answer depends on the noise, the method and the model: so measure on your own clips.",
)  # fmt: skip

resume = choice(
    "dataset.resume", objective=OBJECTIVES[2], look="Run the pipeline",
    task="A pipeline may be killed at any moment, and a file that is there counts as finished. How "
    'does it write a clip? `"write"`: open `clip-0057.wav` and write. `"delete"`: write, and if '
    'anything goes wrong delete the file. `"log"`: note the name in a log, then write. `"rename"`: '
    "write under another name, then rename.",
    solution_code='"rename"',
    variable="way",
    options=("write", "delete", "log", "rename"),
    mistakes=(
        Mistake('"write"', "The power fails in the middle of `clip-0057.wav`. Tomorrow a file of "
            "that name is there, so the pipeline takes it for finished, and half a clip stays.",
            "a name is proof of a whole file"),
        Mistake('"delete"', "A program that is killed deletes nothing: it never reaches that line.",
            "cleaning up after a kill"),
        Mistake('"log"', "The line in the log and the file are two steps. If the power fails "
            "between them, the log promises a clip that is not whole.",
            "a promise taken for the thing"),
    ),
    hints=("Imagine the power going off after each single step. What is left on the disk?",
           "Renaming within one folder happens at once: before it the name is not there, after it "
           "the file is whole."),
    why="Half a clip can only ever have the temporary name, and that file is thrown away.",
)  # fmt: skip

encode = number(
    "dataset.encode", objective=OBJECTIVES[3], look="A text for each clip, fast",
    task="You transcribe 16 clips of 3 s. With shared padding one reference window of 30 s is "
    "encoded whole, once, and each clip for its own 3 s and 1 s more. How many seconds go through "
    "the encoder in all?",
    solution_code="30 + 16 * 4",
    variable="seconds", unit="s",
    mistakes=(
        Mistake("16 * 30", "That is the plain way: every clip with its own 30 seconds. With shared "
            "padding only the reference window is encoded whole.", "no sharing at all"),
        Mistake("16 * 4", "Something must encode the padding: add the reference window.",
            "padding comes from nowhere"),
        Mistake("30 + 16 * 3", "Each clip also computes a second after its end.",
            "margin left out"),
        Mistake("16 * 3", "That is the sound alone. Each clip computes a second more, and the "
            "reference window is encoded, too.", "sound alone"),
        Mistake("30 + 15 * 4", "The reference window is not one of the 16 clips: all of them still "
            "have to be encoded.", "a clip taken for the reference"),
        Mistake("16 * (30 + 4)", "The reference window is encoded once, not once for each clip.",
            "reference for each clip"),
        Mistake("30 + 16 * 3 + 1", "Every clip computes a second more, not only one of them.",
            "margin counted once"),
        Mistake("30 + 4", "There are 16 clips, not one.", "one clip"),
    ),
    hints=("Two kinds of windows: one that is encoded whole, and the clips.",
           "One window of 30 s, and how many clips of how many seconds each?"),
    why="94 s instead of 480 s: a fifth of the work, which is where the speed comes from. The next "
    "16 clips need only 64 s.",
)  # fmt: skip


def _clips(speakers: str) -> list[tuple[str, str]]:
    return [(f"clip{i}", speaker) for i, speaker in enumerate(speakers)]


def _judged(split: Any, clips: list[tuple[str, str]]) -> str | None:
    """What is wrong with a split of these clips: the name of a mistake, or a clause."""
    if isinstance(split, dict) and set(split) == {speaker for _, speaker in clips}:
        return "speakers returned in place of clips"
    if not isinstance(split, dict) or set(split) != {name for name, _ in clips}:
        return (
            "should return a dictionary with one entry for each clip, {name: 'train' or 'test'}, "
            "and no others."
        )
    if any(part not in ("train", "test") for part in map(answers.shorten, split.values())):
        return "a part of another name"
    if len(set(split.values())) < 2:
        return "nothing to test on"
    homes = {speaker: {split[name] for name, s in clips if s == speaker} for _, speaker in clips}
    return "split by clip" if any(len(parts) > 1 for parts in homes.values()) else None


split = function(
    "dataset.split", objective=OBJECTIVES[4], look="Two contracts, two exports",
    task="This function leaks: the same speaker lands in both parts. Fix it so that every speaker "
    "is in one part only, and neither part is empty. `clips` is a list of pairs (name, speaker).",
    stub="def train_or_test(clips):\n"
    "    ...  # delete this line when you begin\n"
    "    parts = {}\n"
    "    for i, (name, _) in enumerate(clips):\n"
    '        parts[name] = "test" if i % 5 == 0 else "train"\n'
    "    return parts",
    solution_code="def train_or_test(clips):\n"
    "    speakers = sorted({speaker for _, speaker in clips})\n"
    "    tested = speakers[::5]\n"
    '    return {name: "test" if speaker in tested else "train" for name, speaker in clips}',
    kind="bug", judged=_judged,
    helpers={
        "five": _clips("ffgghhiijjffgghhiij"),
        "ten": _clips("mnopqrstuvmnopqrstuvvvm"),
        "mixed": _clips("yxwzvyxwzvyyxw"),
    },
    cases=(
        Case("list(five)", "19 clips of the speakers f to j"),
        Case("list(ten)", "23 clips of the speakers m to v"),
        Case("list(mixed)", "14 clips of the speakers v to z, in no order"),
    ),
    mistakes=(
        Mistake("{n: 'test' if i % 5 == 0 else 'train' for i, (n, _) in enumerate(clips)}",
            "A speaker is in both parts: the test is made with a voice that was trained on. Choose "
            "speakers, not clips.", "split by clip"),
        Mistake("{name: 'train' for name, _ in clips}", "One of the two parts is empty: some "
            "speakers must go to each, for any list of clips.", "nothing to test on"),
        Mistake("{s: 'test' if s < 'n' else 'train' for _, s in clips}", "Your dictionary has one "
            "entry for each speaker. Return one entry for each **clip**.",
            "speakers returned in place of clips"),
        Mistake("{n: 'test' if s == clips[0][1] else 'learn' for n, s in clips}", "Each clip goes "
            "to 'train' or to 'test', nowhere else.", "a part of another name"),
    ),
    hints=("Whether a clip is tested on must depend on its speaker, not on its place in the list.",
           "First decide which speakers are tested: `sorted({speaker for _, speaker in "
           "clips})[::5]`."),
    why="That is what `splits.assign(corpus, by='speaker')` does, with scikit-learn's "
    "GroupShuffleSplit.",
)  # fmt: skip

"""The exercises of notebooks/09_evaluate.ipynb: count errors, weigh clips, compare models."""

from __future__ import annotations

import numpy as np

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "09_evaluate"
OBJECTIVES = (
    "compute the word error rate by hand and by program, and name the three kinds of error",
    "say what a normalizer forgives and what it hides",
    "choose between word and character errors, and between a corpus rate and a mean of rates",
    "put an interval around an error rate, and say whether model B is better than model A",
    "find out where a model fails: which voice, how much noise, which channel",
)

SAID = "turn the lights off in the kitchen"
WRITTEN = "turn lights of in the big kitchen now"


def _check_rate(answer):
    return answers.close(
        answer,
        4 / 7,
        tol=0.006,
        wrong=(
            (4 / 8, "You divided by the 8 words that were **written**. Whose words set the scale?"),
            (
                2 / 7,
                "You left out the insertions: words that nobody said are errors too. "
                "Look for two of them.",
            ),
            (3 / 7, "One error is missing. Lay the two lines beside each other once more."),
            (400 / 7, "That is the rate in percent. As everywhere in this lab: a fraction."),
            (4, "4 errors is right; a **rate** is errors over words said."),
        ),
        name="the rate",
    )


rate = Exercise(
    key="evaluate.rate",
    lab=LAB,
    objective=OBJECTIVES[0],
    task=f'Said: "{SAID}". Written: "{WRITTEN}". What is the word error rate, as a fraction? '
    "Do it with pencil and paper first.",
    stub="rate = ...",
    solution="rate = 4 / 7  # the deleted, off → of, big and now inserted; 7 words said",
    variable="rate",
    look="Three kinds of error",
    check=_check_rate,
    mistakes=(
        Mistake("rate = 4 / 8", "that were **written**", "divided by the hypothesis"),
        Mistake("rate = 2 / 7", "left out the insertions", "insertions not counted"),
        Mistake("rate = 400 / 7", "rate in percent", "percent for fraction"),
        Mistake("rate = 4", "4 errors is right", "a count for a rate"),
    ),
    hints=(
        "Write the two lines so that equal words stand above each other, and leave gaps.",
        "One word was dropped, one was changed, two were made up.",
    ),
    why="One deletion, one substitution, two insertions, over the 7 words that were said.",
)


def _corpus(errors, words):
    return sum(errors) / sum(words)


def _check_corpus_rate(function):
    return answers.function(
        function,
        [(([1, 0], [2, 8]), 0.1), (([3, 1, 0], [10, 2, 4]), 0.25), (([0], [5]), 0.0)],
        wrong=(
            (
                lambda e, w: float(np.mean(np.divide(e, w))),
                "That is the mean of the clips' rates: a clip of two words weighs as much as one "
                "of eight. Add up first, divide once.",
            ),
            (
                lambda e, w: sum(e) / len(w),
                "You divided by the number of **clips**: that is errors a clip.",
            ),
            (
                lambda e, w: 1 - sum(e) / sum(w),
                "That is the share without error. The error rate is the rest.",
            ),
        ),
        name="corpus_rate",
    )


corpus_rate = Exercise(
    key="evaluate.corpus_rate",
    lab=LAB,
    objective=OBJECTIVES[2],
    task="Write `corpus_rate(errors, words)`: two lists, the errors in each clip and the words "
    "said in each clip. It returns the word error rate of the whole corpus.",
    stub="def corpus_rate(errors, words):\n    return ...",
    solution="def corpus_rate(errors, words):\n    return sum(errors) / sum(words)",
    variable="corpus_rate",
    look="Words or letters, corpus or mean",
    check=_check_corpus_rate,
    mistakes=(
        Mistake(
            "def corpus_rate(errors, words):\n"
            "    rates = [e / w for e, w in zip(errors, words)]\n"
            "    return sum(rates) / len(rates)",
            "mean of the clips' rates",
            "mean of rates",
        ),
        Mistake(
            "def corpus_rate(errors, words):\n    return sum(errors) / len(words)",
            "number of **clips**",
            "errors a clip",
        ),
        Mistake(
            "def corpus_rate(errors, words):\n    return 1 - sum(errors) / sum(words)",
            "share without error",
            "accuracy for error rate",
        ),
    ),
    hints=(
        "Every word said shall weigh the same, wherever it stands.",
        "How many errors are there in all? How many words were said in all?",
    ),
    kind="function",
    why="Sum first, divide once: then each word weighs the same, not each clip.",
)


def _check_still_counts(answer):
    return answers.choice(
        answer,
        "its / it's",
        {
            "colour / color": "The English normalizer has a list of British spellings and turns "
            "them into American ones: try `metrics.normalize('colour')`.",
            "twenty / 20": "The English normalizer writes numbers as digits: try "
            "`metrics.normalize('twenty')`.",
            "Köln / Koln": "The English normalizer takes the dots off: try "
            "`metrics.normalize('Köln')`. That is the one it had better count.",
        },
    )


still_counts = Exercise(
    key="evaluate.still_counts",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="Which of these differences is still an error after the **English** normalizer: "
    '`"colour / color"`, `"twenty / 20"`, `"Köln / Koln"` or `"its / it\'s"`?',
    stub="still_counts = ...",
    solution='still_counts = "its / it\'s"',
    variable="still_counts",
    look="What counts as a difference",
    check=_check_still_counts,
    mistakes=(
        Mistake('still_counts = "colour / color"', "British spellings", "spelling list unknown"),
        Mistake('still_counts = "twenty / 20"', "numbers as digits", "numbers unknown"),
        Mistake('still_counts = "Köln / Koln"', "takes the dots off", "accents believed safe"),
    ),
    hints=(
        "Pass both sides to `metrics.normalize` and compare.",
        'A contraction is written out: what does "it\'s" become?',
    ),
    kind="choice",
    why='"it\'s" becomes "it is", two words, and "its" stays: the meaning differs, so it counts.',
)

_ERRORS_A = np.array([3, 0, 2, 5, 1])
_ERRORS_B = np.array([1, 0, 2, 4, 2])
_WORDS = np.array([8, 6, 10, 12, 9])
_DRAW = np.array([4, 0, 0, 3, 1])


def _check_difference(function):
    cases = [
        ((_ERRORS_A, _ERRORS_B, _WORDS, _DRAW), -4 / 43),
        ((_ERRORS_A, _ERRORS_B, _WORDS, np.arange(5)), -2 / 45),
        ((_ERRORS_B, _ERRORS_A, _WORDS, np.array([0, 0, 1, 1, 1])), 4 / 34),
    ]
    return answers.function(
        function,
        cases,
        wrong=(
            (
                lambda a, b, w, i: (a[i].sum() - b[i].sum()) / w[i].sum(),
                "The sign is turned round: the lab takes B **minus** A, so that a better B is "
                "below zero.",
            ),
            (
                lambda a, b, w, i: (b.sum() - a.sum()) / w.sum(),
                "You did not use the draw: this is the same number every time.",
            ),
            (
                lambda a, b, w, i: float(np.mean((b[i] - a[i]) / w[i])),
                "That is a mean of the clips' rates: add up errors and words first.",
            ),
            (
                lambda a, b, w, i: (b[i].sum() - a[i].sum()) / w.sum(),
                "The errors come from the clips that were drawn, the words from all clips: "
                "draw the words as well.",
            ),
        ),
        name="difference",
    )


difference = Exercise(
    key="evaluate.difference",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="Write one draw of a paired bootstrap: `difference(errors_a, errors_b, words, draw)`. "
    "The first three are arrays with one number a clip, `draw` holds the indices of the clips that "
    "were drawn. It returns the WER of B minus the WER of A on that draw.",
    stub="def difference(errors_a, errors_b, words, draw):\n    return ...",
    solution="def difference(errors_a, errors_b, words, draw):\n"
    "    return (errors_b[draw].sum() - errors_a[draw].sum()) / words[draw].sum()",
    variable="difference",
    look="Is B better than A?",
    check=_check_difference,
    mistakes=(
        Mistake(
            "def difference(errors_a, errors_b, words, draw):\n"
            "    return (errors_a[draw].sum() - errors_b[draw].sum()) / words[draw].sum()",
            "sign is turned round",
            "A minus B",
        ),
        Mistake(
            "def difference(errors_a, errors_b, words, draw):\n"
            "    return (errors_b.sum() - errors_a.sum()) / words.sum()",
            "did not use the draw",
            "no resampling",
        ),
        Mistake(
            "def difference(errors_a, errors_b, words, draw):\n"
            "    return ((errors_b[draw] - errors_a[draw]) / words[draw]).mean()",
            "mean of the clips' rates",
            "mean of rates",
        ),
        Mistake(
            "def difference(errors_a, errors_b, words, draw):\n"
            "    return (errors_b[draw].sum() - errors_a[draw].sum()) / words.sum()",
            "draw the words as well",
            "words not drawn",
        ),
    ),
    hints=(
        "`errors_a[draw]` picks the clips that were drawn; a clip may come twice.",
        "Both models are scored on the **same** draw: that is what makes it paired.",
    ),
    kind="function",
    why="One draw for both models: what makes a clip hard for both falls out of the difference.",
)


def _check_slice(answer):
    return answers.choice(
        answer,
        "heart",
        {
            "joe": "Compare two numbers for each voice: without and with noise. Joe has more "
            "errors in both, but which voice **lost** more?",
            "both alike": "Take the differences: with noise minus without, for each voice.",
            "cannot tell": "The four rates are given, and a difference needs nothing else. (How "
            "sure it is would be a matter of intervals.)",
        },
    )


loses_most = Exercise(
    key="evaluate.loses_most",
    lab=LAB,
    objective=OBJECTIVES[4],
    task="A table of slices says: heart 2 % clean and 14 % in noise, joe 8 % clean and 16 % in "
    'noise. Whose measured rate rises more in the noise, counted in points: `"heart"`, '
    '`"joe"`, `"both alike"` or `"cannot tell"`?',
    stub="loses_most = ...",
    solution='loses_most = "heart"',
    variable="loses_most",
    look="Where does it fail?",
    check=_check_slice,
    mistakes=(
        Mistake('loses_most = "joe"', "which voice **lost** more", "level taken for change"),
        Mistake('loses_most = "both alike"', "Take the differences", "no differences taken"),
        Mistake('loses_most = "cannot tell"', "needs nothing else", "slices not used"),
    ),
    hints=(
        "Two questions hide here: who has more errors, and who gets more **because of** noise.",
        "14 − 2 against 16 − 8.",
    ),
    kind="choice",
    why="Heart loses 12 points, joe 8: a slice shows a level, two slices show an effect.",
)

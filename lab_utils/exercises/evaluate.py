"""The exercises of notebooks/09_evaluate.ipynb: count errors, weigh clips, compare models."""

from __future__ import annotations

from .core import Mistake
from .kinds import choice, function, number

OBJECTIVES = (
    "compute the word error rate by hand and by program, and name the three kinds of error",
    "say what a normalizer forgives and what it hides",
    "choose between word and character errors, and between a corpus rate and a mean of rates",
    "put an interval around an error rate, and say whether model B is better than model A",
    "find out where a model fails: which voice, how much noise, which channel",
)

SAID = "turn the lights off in the kitchen"
WRITTEN = "turn lights of in the big kitchen now"

rate = number(
    "evaluate.rate", objective=OBJECTIVES[0], look="Three kinds of error",
    task=f'Said: "{SAID}". Written: "{WRITTEN}". What is the word error rate, as a fraction? '
    "Do it with pencil and paper first.",
    solution_code="4 / 7  # the deleted, off → of, big and now inserted; 7 words said",
    unit="fraction", tol=0.006,
    mistakes=(
        Mistake("4 / 8", "You divided by the 8 words that were **written**. Whose words set the "
            "scale?", "divided by the hypothesis"),
        Mistake("2 / 7", "You left out the insertions: words that nobody said are errors too. Look "
            "for two of them.", "insertions not counted"),
        Mistake("3 / 7", "That is 3 over 7. If those are your errors, one is missing; if it is the "
            "share of words that are right, the rate is about the others.",
            "one error missing, or accuracy"),
        Mistake("1 / 7", "That is one error over the 7 words said. There are more: look for words "
            "dropped, changed and made up.", "one error alone"),
        Mistake("5 / 7", "That is 5 errors over the 7 words said, one too many. Is a changed word "
            "counted twice?", "a substitution counted twice"),
        Mistake("6 / 7", "That is 6 errors over the 7 words said, two too many. Compare words "
            "where they line up, not place by place.", "no alignment"),
        Mistake("3 / 8", "That is 3 over the 8 words **written**. Whose words set the scale? And "
            "count the errors again.", "3 over the hypothesis"),
        Mistake("5 / 8", "That is 5 over the 8 words **written**. Whose words set the scale? And "
            "count the errors again.", "5 over the hypothesis"),
        Mistake("8 / 7", "That compares the lengths of the two lines. Count the errors.",
            "lengths for errors"),
        Mistake("7 / 4", "Upside down: errors over words said.", "division upside down"),
        Mistake("400 / 7", "That is the rate in percent. As everywhere in this lab: a fraction.",
            "percent for fraction"),
        Mistake("4", "4 errors is right; a **rate** is errors over words said.",
            "a count for a rate"),
    ),
    hints=("Write one line above the other, equal words in the same column, and leave gaps.",
           "One word was dropped, one was changed, two were made up."),
    why="One deletion, one substitution, two insertions, over the 7 words that were said.",
)  # fmt: skip

corpus_rate = function(
    "evaluate.corpus_rate", objective=OBJECTIVES[2], look="Words or letters, corpus or mean",
    task="Write `corpus_rate(errors, words)`: two lists, the errors in each clip and the words "
    "said in each clip. It returns the word error rate of the whole corpus.",
    setup="import numpy as np",
    stub="def corpus_rate(errors, words):\n    return ...",
    solution_code="sum(errors) / sum(words)",
    cases=("[1, 0], [2, 8]", "[3, 1, 0], [10, 2, 4]", "[5], [3]"),
    mistakes=(
        Mistake("float(np.mean(np.divide(errors, words)))", "That is the mean of the clips' rates: "
            "a clip of two words weighs as much as one of eight. Add up first, divide once.",
            "mean of rates"),
        Mistake("float(np.median(np.divide(errors, words)))", "That is the median of the clips' "
            "rates. A corpus rate counts every word alike: add up first, divide once.",
            "median of rates"),
        Mistake("sum(e / w for e, w in zip(errors, words))", "That adds up the clips' rates. Add "
            "up errors and words first, then divide once.", "sum of rates"),
        Mistake("sum(errors) / len(words)", "You divided by the number of **clips**: that is "
            "errors for each clip.", "errors a clip"),
        Mistake("1 - sum(errors) / sum(words)", "That is the share without error. The error rate "
            "is the rest.", "accuracy for error rate"),
        Mistake("100 * sum(errors) / sum(words)", "That is in percent. As everywhere in this lab: "
            "a fraction.", "percent for fraction"),
        Mistake("sum(words) / sum(errors)", "Upside down: errors over words.",
            "division upside down"),
        Mistake("sum(errors)", "That is how many errors there are. A rate is errors over words "
            "said.", "a count for a rate"),
        Mistake("sum(errors) // sum(words)", "`//` and `int` drop what follows the point.",
            "whole division"),
        Mistake("max(e / w for e, w in zip(errors, words))", "That is the worst clip. The corpus "
            "rate counts all of them.", "worst clip"),
        Mistake("errors[0] / words[0]", "That is the first clip alone.", "first clip"),
    ),
    hints=("Every word said should weigh the same, whichever clip it is in.",
           "How many errors are there in all? How many words were said in all?"),
    why="Sum first, divide once: then each word weighs the same, not each clip.",
)  # fmt: skip

still_counts = choice(
    "evaluate.still_counts", objective=OBJECTIVES[1], look="What counts as a difference",
    task='Which of these differences is still an error after the **English** normalizer: `"colour '
    "/ color\"`, `\"twenty / 20\"`, `\"Köln / Koln\"` or `\"its / it's\"`?",
    solution_code="\"its / it's\"",
    options=("colour / color", "twenty / 20", "Köln / Koln", "its / it's"),
    mistakes=(
        Mistake('"colour / color"', "The English normalizer has a list of British spellings and "
            "turns them into American ones: try `metrics.normalize('colour')`.",
            "spelling list unknown"),
        Mistake('"twenty / 20"', "The English normalizer writes numbers as digits: try "
            "`metrics.normalize('twenty')`.", "numbers unknown"),
        Mistake('"Köln / Koln"', "The English normalizer takes the dots off: try "
            "`metrics.normalize('Köln')`. That is the one it had better count.",
            "accents believed safe"),
    ),
    hints=("Pass both sides to `metrics.normalize` and compare.",
           "A contraction is written out: what does \"it's\" become?"),
    why="\"it's\" becomes \"it is\", two words, and \"its\" stays: the meaning differs, so it "
    "counts.",
)  # fmt: skip

_CLIPS = "np.array([3, 0, 2, 5, 1]), np.array([1, 0, 2, 4, 2]), np.array([8, 6, 10, 12, 9])"

difference = function(
    "evaluate.difference", objective=OBJECTIVES[3], look="Is B better than A?",
    task="Write one draw of a paired bootstrap: `difference(errors_a, errors_b, words, draw)`. The "
    "first three are arrays with one number for each clip, `draw` holds the indices of the clips "
    "that were drawn. It returns the WER of B minus the WER of A on that draw.",
    setup="import numpy as np",
    stub="def difference(errors_a, errors_b, words, draw):\n    return ...",
    solution_code="(errors_b[draw].sum() - errors_a[draw].sum()) / words[draw].sum()",
    cases=(
        "np.array([1, 2]), np.array([3, 1]), np.array([8, 6]), np.array([0, 0])",
        f"{_CLIPS}, np.array([4, 0, 0, 3, 1])",
        f"{_CLIPS}, np.array([0, 0, 4, 4, 4])",
        f"{_CLIPS}, np.array([4, 2, 0, 3, 1])",
    ),
    mistakes=(
        Mistake("(errors_a[draw].sum() - errors_b[draw].sum()) / words[draw].sum()", "The sign is "
            "turned around: the lab takes B **minus** A, so that a better B is below zero.",
            "A minus B"),
        Mistake("(errors_b.sum() - errors_a.sum()) / words.sum()", "You did not use the draw: this "
            "is the same number every time.", "no resampling"),
        Mistake("((errors_b[draw] - errors_a[draw]) / words[draw]).mean()", "That is a mean of the "
            "clips' rates: add up errors and words first.", "mean of rates"),
        Mistake("(errors_b[draw].sum() - errors_a[draw].sum()) / words.sum()", "The errors come "
            "from the clips that were drawn, the words from all clips: draw the words as well.",
            "words not drawn"),
        Mistake("def difference(errors_a, errors_b, words, draw):\n    draw = np.unique(draw)\n"
            "    return (errors_b[draw].sum() - errors_a[draw].sum()) / words[draw].sum()",
            "A clip that is drawn twice counts twice; yours counts once.", "repeats dropped"),
        Mistake("errors_b[draw].sum() - errors_a[draw].sum()", "That is a difference of counts. A "
            "rate is errors over words.", "counts for rates"),
        Mistake("(errors_b[draw].sum() - errors_a[draw].sum()) / len(draw)", "You divided by the "
            "number of clips. A rate is errors over **words**.", "errors a clip"),
        Mistake("abs((errors_b - errors_a)[draw].sum()) / words[draw].sum()", "Without its sign "
            "the difference cannot say which model is better.", "sign dropped"),
        Mistake("errors_b[draw].sum() / words[draw].sum()", "That is the WER of B alone. Subtract "
            "the WER of A.", "B alone"),
        Mistake("errors_a[draw].sum() / words[draw].sum()", "That is the WER of A alone. Subtract "
            "it from the WER of B.", "A alone"),
        Mistake("(errors_b - errors_a).sum() / words[draw].sum()", "The words come from the clips "
            "that were drawn, the errors from all clips: draw those as well.", "errors not drawn"),
    ),
    hints=("`errors_a[draw]` picks the clips that were drawn; a clip may come twice.",
           "Both models are scored on the **same** draw: that is what makes it paired."),
    why="One draw for both models: what makes a clip hard for both cancels out in the difference.",
)  # fmt: skip

loses_most = choice(
    "evaluate.loses_most", objective=OBJECTIVES[4], look="Where does it fail?",
    task="A table of slices says: heart 2 % clean and 14 % in noise, joe 8 % clean and 16 % in "
    'noise. Whose measured rate rises more in the noise, counted in points: `"heart"`, `"joe"`, '
    '`"both alike"` or `"cannot tell"`?',
    solution_code='"heart"',
    options=("heart", "joe", "both alike", "cannot tell"),
    mistakes=(
        Mistake('"joe"', "Compare two numbers for each voice: without and with noise. Joe has more "
            "errors in both, but which voice **lost** more?", "level taken for change"),
        Mistake('"both alike"', "Take the differences: with noise minus without, for each voice.",
            "no differences taken"),
        Mistake('"cannot tell"', "The four rates are given, and a difference needs nothing else. "
            "(How sure it is would be a matter of intervals.)", "slices not used"),
    ),
    hints=("Two questions hide here: who has more errors, and who gets more **because of** noise.",
           "14 − 2 against 16 − 8."),
    why="Heart loses 12 points, joe 8: a slice shows a level, two slices show an effect.",
)  # fmt: skip

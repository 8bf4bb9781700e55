"""The exercises of notebooks/10_fine_tune.ipynb: labels, LoRA, curves, gain and loss."""

from __future__ import annotations

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "10_fine_tune"
OBJECTIVES = (
    "write the labels of a clip token by token, and say which of them count",
    "train a decoder on a laptop, whole or through LoRA, and go on after an interruption",
    "read loss curves, and recognise overfitting and a learning rate that is too high",
    "measure what the model gained and what it lost, and show both with their intervals",
)


def _right_targets(start, words, end, length):
    targets = [-100] * (len(start) - 1) + words + [end]
    return targets + [-100] * (length - len(targets))


def _check_targets(function):
    cases = [
        (([1, 2], [7, 8, 9], 5, 8), [-100, 7, 8, 9, 5, -100, -100, -100]),
        (([1, 2, 3, 4], [7], 5, 5), [-100, -100, -100, 7, 5]),
        (([1], [7, 8], 5, 4), [7, 8, 5, -100]),
    ]
    return answers.function(
        function,
        cases,
        wrong=(
            (
                lambda s, w, e, n: ([-100] * (len(s) - 1) + w + [e] + [e] * n)[:n],
                "The padding holds end tokens, and they count: the model would learn that almost "
                "everything is an end. Pad with -100.",
            ),
            (
                lambda s, w, e, n: ([-100] * (len(s) - 1) + w + [-100] * n)[:n],
                "There is no end token: the model would never learn to stop.",
            ),
            (
                lambda s, w, e, n: ([-100] * len(s) + w + [e] + [-100] * n)[:n],
                "The answers stand one place too far right. At the **last** start token the model "
                "must answer the first word already.",
            ),
            (
                lambda s, w, e, n: (s[1:] + w + [e] + [-100] * n)[:n],
                "The start tokens count: but they are given to the model, never asked of it. "
                "Put -100 there.",
            ),
        ),
        name="targets",
    )


targets = Exercise(
    key="fine_tune.targets",
    lab=LAB,
    objective=OBJECTIVES[0],
    task="**Find the bug.** `targets(start, words, end, length)` is to give what the decoder must "
    "answer at each of `length` positions: it sees the start tokens, then the words. This "
    "version teaches more than it should. Mend it.",
    stub="def targets(start, words, end, length):\n"
    "    found = [-100] * (len(start) - 1) + words + [end]\n"
    "    return found + [end] * (length - len(found))",
    solution="def targets(start, words, end, length):\n"
    "    found = [-100] * (len(start) - 1) + words + [end]\n"
    "    return found + [-100] * (length - len(found))",
    variable="targets",
    look="What the decoder learns from",
    check=_check_targets,
    mistakes=(
        Mistake(
            "def targets(start, words, end, length):\n"
            "    found = [-100] * (len(start) - 1) + words + [end]\n"
            "    return (found + [end] * length)[:length]",
            "padding holds end tokens",
            "padding counts",
        ),
        Mistake(
            "def targets(start, words, end, length):\n"
            "    found = [-100] * (len(start) - 1) + words\n"
            "    return found + [-100] * (length - len(found))",
            "no end token",
            "end token dropped",
        ),
        Mistake(
            "def targets(start, words, end, length):\n"
            "    found = [-100] * len(start) + words + [end]\n"
            "    return (found + [-100] * length)[:length]",
            "one place too far right",
            "not shifted",
        ),
        Mistake(
            "def targets(start, words, end, length):\n"
            "    found = start[1:] + words + [end]\n"
            "    return found + [-100] * (length - len(found))",
            "start tokens count",
            "start sequence learned",
        ),
    ),
    hints=(
        "Clips of a batch differ in length. What stands behind the shorter ones? Does it count?",
        "Every position that is not -100 is learned. How many end tokens should be learned?",
    ),
    kind="bug",
    why="One end token counts; padding is only there to make the table rectangular.",
)


def _check_learned(answer):
    return answers.close(
        answer,
        6144,
        tol=0.5,
        unit="numbers",
        wrong=(
            (147456, "That is the whole matrix, 384 × 384, and it stays as it is."),
            (3072, "That is one of the two thin matrices. B needs as many again."),
            (64, "Each thin matrix has one side of 8 and one of 384."),
            (12288, "Twice too many: A is 8 × 384 and B is 384 × 8, no more."),
        ),
    )


learned = Exercise(
    key="fine_tune.learned",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="A matrix of tiny.en has 384 × 384 = 147,456 numbers. How many numbers learn if it gets a "
    "LoRA addition of rank 8?",
    stub="learned = ...",
    solution="learned = 8 * 384 + 384 * 8",
    variable="learned",
    look="A laptop is enough: what learns, and what stays",
    check=_check_learned,
    mistakes=(
        Mistake("learned = 384 * 384", "the whole matrix", "full fine-tuning"),
        Mistake("learned = 8 * 384", "one of the two thin matrices", "only A"),
        Mistake("learned = 8 * 8", "one side of 8 and one of 384", "rank squared"),
    ),
    hints=(
        "The addition is a product B A of two thin matrices.",
        "A is 8 × 384. Which shape must B have so that B A is 384 × 384?",
    ),
    why="6,144 of 147,456: about a twenty-fourth.",
)

TRAIN = (1.40, 0.35, 0.10, 0.03, 0.01)
VALIDATION = (1.45, 0.52, 0.41, 0.47, 0.60)


def _check_keep(answer):
    return answers.close(
        answer,
        2,
        tol=0.1,
        wrong=(
            (4, "That is where the **training** loss is lowest: the clips are learned by heart."),
            (3, "Count from 0, the model before training: the third number is epoch 2."),
            (0, "Epoch 0 is the model before it learned anything."),
            (0.41, "That is the loss. Asked is the number of the epoch."),
        ),
        name="the epoch",
    )


keep = Exercise(
    key="fine_tune.keep",
    lab=LAB,
    objective=OBJECTIVES[2],
    task=f"Loss by epoch, from epoch 0 (before training). On the clips it learns from: "
    f"{', '.join(f'{x:.2f}' for x in TRAIN)}. On validation clips: "
    f"{', '.join(f'{x:.2f}' for x in VALIDATION)}. The checkpoint of which epoch do you keep?",
    stub="keep = ...",
    solution="keep = 2",
    variable="keep",
    look="Learning by heart",
    check=_check_keep,
    mistakes=(
        Mistake("keep = 4", "learned by heart", "lowest training loss"),
        Mistake("keep = 3", "Count from 0", "counted from one"),
        Mistake("keep = 0.41", "That is the loss", "loss for epoch"),
    ),
    hints=(
        "Which of the two rows tells how the model does on speech that is new to it?",
        "Find the lowest validation loss; the first number belongs to epoch 0.",
    ),
    kind="prediction",
    why="After epoch 2 the training loss still falls while the validation loss rises: overfitting.",
)


def _check_fewer(answer):
    return answers.close(
        answer,
        1 - 0.018 / 0.222,
        tol=0.006,
        wrong=(
            (0.204, "That is the difference, 20.4 **points**. Relative means: of the 22.2."),
            (0.018 / 0.222, "That is the share of the errors that is **left**."),
            (0.222 / 0.018, "You divided before by after: that many **times** fewer."),
            (91.9, "That is the share in percent. As everywhere: a fraction."),
        ),
    )


fewer = Exercise(
    key="fine_tune.fewer",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="The WER on sentences with new names falls from 22.2 % to 1.8 %. Which share of the "
    "errors is gone, as a fraction?",
    stub="fewer = ...",
    solution="fewer = (0.222 - 0.018) / 0.222",
    variable="fewer",
    look="What it gained and what it lost",
    check=_check_fewer,
    mistakes=(
        Mistake("fewer = 0.222 - 0.018", "20.4 **points**", "points for share"),
        Mistake("fewer = 0.018 / 0.222", "that is **left**", "what is left"),
        Mistake("fewer = 0.222 / 0.018", "**times** fewer", "factor for share"),
    ),
    hints=(
        "How much was lost, measured against what was there?",
        "(before − after) / before.",
    ),
    why="About 92 % fewer errors, or 20.4 points less: say which of the two you mean.",
)


def _check_forgotten(answer):
    return answers.choice(
        answer,
        "general test",
        {
            "training loss": "The training loss only says how well the model knows what it was "
            "shown. It falls even while everything else is ruined.",
            "names test": "That is the gain. A model may get every new name right and spoil all "
            "other speech: the run with ten times the rate nearly does.",
            "general replay": "The model **learned** from the replayed clips: on them it forgot "
            "least. Test on clips that it has never seen.",
        },
    )


forgotten = Exercise(
    key="fine_tune.forgotten",
    lab=LAB,
    objective=OBJECTIVES[3],
    task='Which number tells you what the model has **forgotten**: the `"training loss"`, the '
    'WER on the `"names test"`, on the `"general replay"` clips or on the `"general test"` clips?',
    stub="forgotten = ...",
    solution='forgotten = "general test"',
    variable="forgotten",
    look="What it gained and what it lost",
    check=_check_forgotten,
    mistakes=(
        Mistake('forgotten = "training loss"', "what it was shown", "training loss trusted"),
        Mistake('forgotten = "names test"', "That is the gain", "gain only"),
        Mistake('forgotten = "general replay"', "it forgot least", "tested on training clips"),
    ),
    hints=(
        "What could the model do before, and on which clips can you see that honestly?",
        "It must be general speech, and none of it may have been in the training.",
    ),
    kind="choice",
    why="Old skill, unseen clips. Always show it beside the gain.",
)

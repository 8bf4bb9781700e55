"""The exercises of notebooks/10_fine_tune.ipynb: labels, LoRA, curves, gain and loss."""

from __future__ import annotations

from .core import Mistake
from .kinds import choice, function, number

OBJECTIVES = (
    "write the labels of a clip token by token, and say which of them count",
    "train a decoder on a laptop, whole or through LoRA, and go on after an interruption",
    "read loss curves, and recognise overfitting and a learning rate that is too high",
    "measure what the model gained and what it lost, and show both with their intervals",
)

_TARGETS = "def targets(start, words, end, length):\n    found = "
_FOUND = "[-100] * (len(start) - 1) + words + [end]\n    "

targets = function(
    "fine_tune.targets", objective=OBJECTIVES[0], look="What the decoder learns from",
    task="**Find the bug.** `targets(start, words, end, length)` should return what the decoder "
    "must answer at each of `length` positions: it sees the start tokens, then the words. This "
    "version teaches more than it should. Fix it.",
    stub=f"{_TARGETS}{_FOUND}return found + [end] * (length - len(found))",
    solution_code=f"{_TARGETS}{_FOUND}return found + [-100] * (length - len(found))",
    kind="bug",
    cases=("[1], [7, 8], 5, 4", "[1, 2], [7, 8, 9], 5, 8", "[1, 2, 3, 4], [7], 6, 5"),
    mistakes=(
        Mistake(f"{_TARGETS}{_FOUND}return (found + [end] * length)[:length]", "The padding holds "
            "end tokens, and they count: the model would learn that almost everything is an end. "
            "Pad with -100.", "padding counts"),
        Mistake(f"{_TARGETS}{_FOUND}return found + [0] * (length - len(found))", "The padding "
            "holds 0, which is a token, and it counts. What does the lab pad with?",
            "padding with 0"),
        Mistake(f"{_TARGETS}{_FOUND}return found + [-1] * (length - len(found))", "The padding "
            "holds -1. Only -100 is left out of the loss.", "padding with -1"),
        Mistake(f"{_TARGETS}{_FOUND}return found + [None] * (length - len(found))", "The padding "
            "holds None, and a tensor cannot. Pad with -100.", "padding with None"),
        Mistake(f"{_TARGETS}{_FOUND}return found", "The padding is gone, and the clips of a batch "
            "would differ in length. Keep it, but so that it does not count.", "no padding"),
        Mistake(f"{_TARGETS}[-100] * (len(start) - 1) + words\n"
            "    return found + [-100] * (length - len(found))", "There is no end token: the model "
            "would never learn to stop.", "end token dropped"),
        Mistake(f"{_TARGETS}[-100] * len(start) + words + [end]\n"
            "    return (found + [-100] * length)[:length]", "The answers come one place too late. "
            "At the **last** start token the model must answer the first word already.",
            "not shifted"),
        Mistake(f"{_TARGETS}start[1:] + words + [end]\n"
            "    return found + [-100] * (length - len(found))", "The start tokens count: but they "
            "are given to the model, never asked of it. Put -100 there.", "start sequence learned"),
        Mistake(f"{_TARGETS}words + [end]\n    return found + [-100] * (length - len(found))",
            "The places of the start tokens are gone: the first word must come at the **last** "
            "start token, not at the first.", "start sequence dropped"),
        Mistake(f"{_TARGETS}[-100] * length\n    return found", "Everything is -100: there is "
            "nothing left to learn from.", "nothing counts"),
    ),
    hints=("Clips of a batch differ in length. What fills up the shorter ones? Does it count?",
           "Every position that is not -100 is learned. How many end tokens should be learned?"),
    why="One end token counts; padding is only there to make the table rectangular.",
)  # fmt: skip

learned = number(
    "fine_tune.learned", objective=OBJECTIVES[1],
    look="A laptop is enough: what learns, and what stays",
    task="A matrix of tiny.en has 384 × 384 = 147,456 numbers. How many numbers learn if it gets a "
    "LoRA addition of rank 8?",
    solution_code="8 * 384 + 384 * 8",
    tol=0.5,
    mistakes=(
        Mistake("384 * 384", "That is the whole matrix, 384 × 384, and it stays as it is.",
            "full fine-tuning"),
        Mistake("8 * 384", "That is one of the two thin matrices. B needs as many again.",
            "only A"),
        Mistake("8 * 8", "Each thin matrix has one side of 8 and one of 384.", "rank squared"),
        Mistake("2 * 8 * 8", "That counts two small squares. Each thin matrix has one side of 8 "
            "and one of 384.", "rank squared, twice"),
        Mistake("4 * 8 * 384", "Twice too many: A is 8 × 384 and B is 384 × 8, no more.",
            "counted twice"),
        Mistake("8 * 384 * 8", "That multiplies all three sides. Count A and B separately, then "
            "add.", "sides multiplied"),
        Mistake("8 * 384 * 384 * 8", "A and B are multiplied as matrices. To count their numbers, "
            "add.", "counts multiplied"),
        Mistake("384 * 384 + 2 * 8 * 384", "The big matrix is in there: it stays as it is, and "
            "does not learn.", "big matrix counted"),
        Mistake("384 * 384 - 2 * 8 * 384", "Nothing is taken off the big matrix: it stays as it "
            "is, and a product of two thin ones is added.", "subtracted"),
        Mistake("384 + 384", "Those are the long sides alone. Each thin matrix has 8 rows or "
            "columns of that length.", "rank forgotten"),
        Mistake("8", "That is the rank alone. Each thin matrix has 8 rows or columns of 384 "
            "numbers.", "rank alone"),
        Mistake("384 + 8", "Those are the sides of one thin matrix. How many numbers are inside?",
            "sides added"),
        Mistake("2 * 384 * 384", "Those are two whole matrices. The two that learn are thin: one "
            "side is the rank.", "two whole matrices"),
        Mistake("384 * 384 * 8", "Rank 8 does not mean eight such matrices: the addition is a "
            "product of two thin ones.", "rank taken for copies"),
        Mistake("384 * 384 / 8", "Rank 8 does not mean an eighth: the addition is a product of two "
            "thin matrices.", "rank taken for a divisor"),
        Mistake("2 * 8 * 384 / (384 * 384)", "That is the share of the matrix. The task asks how "
            "many numbers.", "share for count"),
    ),
    hints=("The addition is a product B A of two thin matrices.",
           "A is 8 × 384. Which shape must B have so that B A is 384 × 384?"),
    why="6,144 of 147,456: about a twenty-fourth.",
)  # fmt: skip

TRAIN = (1.40, 0.35, 0.10, 0.03, 0.01)
VALIDATION = (1.45, 0.52, 0.41, 0.47, 0.60)

keep = number(
    "fine_tune.keep", objective=OBJECTIVES[2], look="Learning by heart",
    task=f"Loss by epoch, from epoch 0 (before training). On the clips it learns from: "
    f"{', '.join(f'{x:.2f}' for x in TRAIN)}. On validation clips: "
    f"{', '.join(f'{x:.2f}' for x in VALIDATION)}. The checkpoint of which epoch do you keep?",
    solution_code="2",
    kind="prediction",
    mistakes=(
        Mistake("4", "That is where the **training** loss is lowest: the clips are learned by "
            "heart.", "lowest training loss"),
        Mistake("3", "Count from 0, the model before training: the third number is not epoch 3.",
            "counted from one"),
        Mistake("1", "The loss on new speech still falls after epoch 1: go on.",
            "stopped too early"),
        Mistake("0", "Epoch 0 is the model before it learned anything.", "no training"),
        Mistake("5", "There is no epoch 5: the five numbers are epochs 0 to 4. And the last is not "
            "the one to keep.", "last number"),
        Mistake("0.41", "That is the loss. The task asks for the number of the epoch.",
            "loss for epoch"),
        Mistake("0.60", "That is a loss, and the highest after training began. The task asks for "
            "the number of an epoch.", "last loss for epoch"),
        Mistake("0.01", "That is the lowest training loss. The task asks for the number of an "
            "epoch, and the other row decides.", "training loss for epoch"),
    ),
    hints=("Which of the two rows tells how the model does on speech that is new to it?",
           "Find the lowest validation loss; the first number belongs to epoch 0."),
    why="After epoch 2 the training loss still falls while the validation loss rises: overfitting.",
)  # fmt: skip

fewer = number(
    "fine_tune.fewer", objective=OBJECTIVES[3], look="What it gained and what it lost",
    task="The WER on new sentences with the names falls from 22.2 % to 1.8 %. Which share of the "
    "errors is gone, as a fraction?",
    solution_code="(0.222 - 0.018) / 0.222",
    unit="fraction", tol=0.006,
    mistakes=(
        Mistake("0.222 - 0.018", "That is the difference, 20.4 **points**. Relative means: of the "
            "22.2.", "points for share"),
        Mistake("22.2 - 1.8", "That is the difference in **points**. A share is relative to what "
            "was there before.", "points in percent"),
        Mistake("0.018 / 0.222", "That is the share of the errors that is **left**.",
            "what is left"),
        Mistake("0.222 / 0.018", "You divided before by after: that many **times** fewer.",
            "factor for share"),
        Mistake("(0.222 - 0.018) / 0.018", "You divided by the rate after. What is gone is a share "
            "of what was there **before**.", "divided by after"),
        Mistake("(0.018 - 0.222) / 0.222", "That is the change, which is negative. The share that "
            "is gone is a positive number.", "sign of the change"),
        Mistake("1 - 0.222", "That is the share of words that were right before. How many of the "
            "**errors** are gone?", "accuracy before for share"),
        Mistake("(0.222 - 0.018) / (0.222 + 0.018)", "You divided by the sum of the two rates. "
            "What is gone is a share of what was there **before**.", "divided by the sum"),
        Mistake("22.2", "That is the rate before, in percent. Which share of it is gone?",
            "rate before for share"),
        Mistake("1.8", "That is the rate after, in percent. Which share of the rate before is "
            "gone?", "rate after for share"),
        Mistake("1 - 0.018", "That is the share of words that are right afterwards. How many of "
            "the **errors** are gone?", "accuracy for share"),
    ),
    hints=("How much was lost, measured against what was there?",
           "(before − after) / before."),
    why="About 92 % fewer errors, or 20.4 points less: say which of the two you mean.",
)  # fmt: skip

forgotten = choice(
    "fine_tune.forgotten", objective=OBJECTIVES[3], look="What it gained and what it lost",
    task='Which number tells you what the model has **forgotten**? Choose `"training loss"`, or '
    'the set of clips on which you measure the WER: `"names test"`, `"general replay"` or '
    '`"general test"`.',
    solution_code='"general test"',
    options=("training loss", "names test", "general replay", "general test"),
    mistakes=(
        Mistake('"training loss"', "The training loss only says how well the model knows what it "
            "was shown. It falls even while everything else is ruined.", "training loss trusted"),
        Mistake('"names test"', "That is the gain. A model may get every new name right and spoil "
            "all other speech: the run with ten times the rate nearly does.", "gain only"),
        Mistake('"general replay"', "The model **learned** from the replayed clips: on them it "
            "forgot least. Test on clips that it has never seen.", "tested on training clips"),
    ),
    hints=("What could the model do before, and on which clips can you see that honestly?",
           "It must be general speech, and none of it may have been in the training."),
    why="Old skill, unseen clips. Always show it beside the gain.",
)  # fmt: skip

"""The exercises of notebooks/04_language.ipynb: doubt, trust, windows, codes, models."""

from __future__ import annotations

from .core import Mistake
from .kinds import choice, function

OBJECTIVES = (
    "detect the language of a recording, and read the whole distribution behind the answer",
    "say when a detection is to be trusted, and what a wrong one costs",
    "follow the language through a recording that changes it",
    "find the code of a language, and choose a model that can detect it",
)

_EACH = "for p in probs.values() if p > 0)"

doubt = function(
    "language.doubt", objective=OBJECTIVES[0], look="Right, wrong, and how sure",
    task="Write `doubt(probs)`: the entropy in bits of a dictionary of code → probability, −Σ p "
    "log₂ p. A language with probability 0 adds nothing.",
    setup="import math\nimport numpy as np",
    stub="def doubt(probs): ...",
    solution_code=f"-sum(p * np.log2(p) {_EACH}",
    tol=1e-6,
    cases=('{"en": 0.3, "de": 0.6, "nl": 0.1}', '{"de": 0.2, "en": 0.8}',
           '{"fr": 0.0, "en": 0.698, "de": 0.3, "nl": 0.002}', '{"de": 0.0, "en": 1.0}'),
    mistakes=(
        Mistake(f"-sum(p * np.log(p) {_EACH}", "You took the natural logarithm: that is doubt in "
            "nats. A toss of a coin is 1 bit, so the logarithm has base 2.", "nats for bits"),
        Mistake(f"-sum(p * np.log10(p) {_EACH}", "You took the logarithm to base 10. Bits need "
            "base 2.", "base 10 for bits"),
        Mistake(f"sum(p * np.log2(p) {_EACH}", "The sign is the wrong way around: logarithms of "
            "probabilities are negative, and doubt is not.", "minus forgotten"),
        Mistake(f"-sum(np.log2(p) {_EACH}", "Each logarithm counts as often as its language comes "
            "up: multiply it by the probability.", "logarithms not weighted"),
        Mistake("1 - max(probs.values())", "That is the chance that the likeliest language is "
            "wrong. It cannot tell one rival from ten; the entropy can.",
            "chance of error for entropy"),
        Mistake("max(probs.values())", "That is the probability of the likeliest language. The "
            "entropy adds up all of them.", "probability for entropy"),
        Mistake("-max(probs.values()) * np.log2(max(probs.values()))", "That is the part of the "
            "likeliest language alone. Add the parts of all.", "likeliest alone"),
        Mistake("def doubt(probs):\n    for p in probs.values():\n        if p > 0:\n"
            "            return -p * np.log2(p)", "Only the first language counts: a `return` "
            "inside the loop ends the function at once.", "return inside the loop"),
        Mistake(f"-sum(p * np.log2(p) {_EACH} / len(probs)", "That is the mean of the parts. The "
            "entropy is their sum.", "mean for sum"),
        Mistake("-sum(p * np.log2(p) for p in probs.values())", "Right where every language is "
            "possible. But 0 times log 0 is NaN: leave out the languages with probability 0.",
            "logarithm of zero"),
        Mistake("-sum(p * math.log2(p) for p in probs.values())", "Right where every language is "
            "possible. But 0 has no logarithm: leave out the languages with probability 0.",
            "logarithm of zero raises"),
        Mistake(f"2 ** -sum(p * np.log2(p) {_EACH}", "That is the perplexity, 2 to the power of "
            "the entropy. The task asks for the entropy itself.", "perplexity"),
    ),
    hints=("Go through `probs.values()`, and leave out what is 0: its logarithm does not exist.",
           "`p * np.log2(p)` for each, the sum of them, and a minus in front."),
    why="`guess.entropy` is the same number.",
)  # fmt: skip

trust = function(
    "language.trust", objective=OBJECTIVES[1], look="When to trust a detection",
    task="Write the rule of this lab: `trust(probs, seconds)` is `True` if the likeliest language "
    "has a probability of at least 0.8 and the clip lasts at least 3 s, else `False`.",
    stub="def trust(probs, seconds): ...",
    solution_code="max(probs.values()) >= 0.8 and seconds >= 3",
    cases=('{"nl": 0.03, "de": 0.97}, 6.0', '{"hu": 0.11, "la": 0.28, "ro": 0.1}, 8.0',
           '{"nl": 0.03, "de": 0.97}, 1.0', '{"en": 0.25, "hu": 0.75}, 7.0',
           '{"br": 0.2, "fr": 0.8}, 5.0', '{"gl": 0.1, "es": 0.9}, 3.0',
           '{"la": 0.6, "it": 0.4}, 2.0', '{"es": 0.95, "gl": 0.05}, 2.9',
           '{"pt": 0.86, "gl": 0.14}, 4.0', '{"nl": 0.4, "af": 0.6}, 9.0', '{"is": 0.91}, 4.0',
           '{"nn": 0.21, "sv": 0.79}, 8.0', '{"no": 0.4, "da": 0.35, "sv": 0.25}, 5.0'),
    mistakes=(
        Mistake("max(probs.values()) >= 0.8", "A second of sound is too little, however sure the "
            "model looks: `seconds` counts too.", "length ignored"),
        Mistake("seconds >= 3", "Length alone says nothing: Romanian was long enough, and came out "
            "as Latin. Ask for the probability too.", "probability ignored"),
        Mistake("max(probs.values()) >= 0.8 or seconds >= 3", "Both must be true: `and`, not `or`.",
            "one condition is enough"),
        Mistake("max(probs.values()) >= 0.5 and seconds >= 3", "Half is not enough: the Albanian "
            "clip came out as Hungarian with 0.75.", "majority taken for certainty"),
        Mistake("sum(probs.values()) >= 0.8 and seconds >= 3", "Added up, the probabilities of all "
            "languages are always 1. Take the largest.", "sum of the probabilities"),
        Mistake("list(probs.values())[0] >= 0.8 and seconds >= 3", "The likeliest language need "
            "not be the first in the dictionary: take the largest value.",
            "first value for the largest"),
        Mistake("list(probs.values())[-1] >= 0.8 and seconds >= 3", "The likeliest language need "
            "not be the last in the dictionary: take the largest value.",
            "last value for the largest"),
        Mistake("max(probs.values()) > 0.8 and seconds > 3", "At the limits themselves the answer "
            "is yes: `>=`, not `>`.", "limits left out"),
        Mistake("max(probs.values()) > 0.8 and seconds >= 3", "With a probability of exactly 0.8 "
            "the answer is yes: `>=`, not `>`.", "limit of the probability"),
        Mistake("max(probs.values()) >= 0.8 and seconds > 3", "With exactly 3 s the answer is yes: "
            "`>=`, not `>`.", "limit of the length"),
        Mistake("max(probs.values()) >= 80 and seconds >= 3", "Your rule never says `True`, though "
            "some clips are long and sure. Probabilities run from 0 to 1, and the length is in "
            "seconds: check both limits.", "never true"),
        Mistake("not (max(probs.values()) >= 0.8 and seconds >= 3)", "Every answer is the wrong "
            "way around: `True` means that the detection is trusted.", "answer reversed"),
    ),
    hints=("`max(probs.values())` is the highest probability.",
           "Two conditions, joined by `and`."),
    why="It turns away the Romanian and the Albanian mistake, but not the Esperanto one: try such "
    "a rule on recordings of your own.",
)  # fmt: skip

cost = choice(
    "language.cost", objective=OBJECTIVES[1], look="What a wrong language costs",
    task="A German recording is transcribed with `language='fr'`. What do you get?\n\n"
    '- `"A"`: an error: the language does not fit\n'
    '- `"B"`: an empty text\n'
    '- `"C"`: French words that nobody spoke, with a low `avg_logprob`\n'
    '- `"D"`: a faithful translation into French',
    solution_code='"C"',
    options=("A", "B", "C", "D"),
    mistakes=(
        Mistake('"A"', "No error comes: Whisper cannot notice. It writes the language it was told "
            "to write.", "an error is expected"),
        Mistake('"B"', "Not empty: the decoder always finds a likely next token. Silence is the "
            "only thing that it may skip.", "an empty text is expected"),
        Mistake('"D"', "Whisper learned to translate into English only. A wrong `language` is no "
            "order to translate: the model takes the sounds for French ones.",
            "language taken for translation"),
    ),
    hints=("Look at what French came out of the German clip above.",
           "The token `<|fr|>` in the start sequence promises that French follows."),
    why="Fluent fiction. `avg_logprob` is the only sign, and not a sure one.",
)  # fmt: skip

_STARTS = "def starts(duration, width, hop):\n    "
_STEPS = "n = int(np.floor((duration - width) / hop + 1e-9)) + 1\n    "

starts = function(
    "language.starts", objective=OBJECTIVES[2], look="Language over time",
    task="Write `starts(duration, width, hop)`: a list of the times at which the windows begin, "
    "from 0 in steps of `hop`, as long as a whole window still fits. `starts(8.0, 3.0, 2.0)` is "
    "`[0.0, 2.0, 4.0]`; where no window fits, the list is empty.",
    setup="import numpy as np",
    stub="def starts(duration, width, hop): ...",
    solution_code=f"{_STARTS}# the 1e-9 undoes what rounding takes: 0.6 / 0.1 is 5.999…\n"
    f"    {_STEPS}return [i * hop for i in range(n)]",
    points=2, tol=1e-6,
    cases=("8.0, 3.0, 2.0", "12.0, 5.0, 1.0", "10.0, 5.0, 2.5", "7.7, 5.0, 1.0", "4.5, 5.0, 1.0",
           "1.0, 0.4, 0.1"),
    mistakes=(
        Mistake("[i * width for i in range(int(duration / width))]", "The windows lie side by "
            "side: you move on by the width. The step is `hop`, so that they overlap.",
            "windows side by side"),
        Mistake("[i * hop for i in range(int(np.ceil(duration / hop - 1e-9)))]", "The last windows "
            "reach beyond the end: they would hear padding, and the language of silence is a "
            "guess. Stop when `start + width` passes the duration.", "windows beyond the end"),
        Mistake("[float(s) for s in np.arange(0, duration - width, hop)]", "The last whole window "
            "is missing: one may end exactly where the sound ends.", "last window lost"),
        Mistake(f"{_STARTS}{_STEPS}return [i * hop + width / 2 for i in range(n)]", "Those are the "
            "middles of the windows. The task asks for their starts.", "middles for starts"),
        Mistake(f"{_STARTS}{_STEPS}return [i * hop + width for i in range(n)]", "Those are the "
            "ends of the windows. The task asks for their starts.", "ends for starts"),
        Mistake(f"{_STARTS}{_STEPS}return [(i * hop, i * hop + width) for i in range(n)]",
            "Those are pairs of start and end. The task asks for the starts alone.",
            "pairs for starts"),
        Mistake(f"{_STARTS}{_STEPS}return [(i + 1) * hop for i in range(n)]", "The first window "
            "begins at 0, not after one step.", "counted from 1"),
        Mistake(f"{_STARTS}{_STEPS}return [i * hop for i in range(n + 1)]", "One window too many: "
            "the last one reaches beyond the end.", "one too many"),
        Mistake(f"{_STARTS}{_STEPS}return list(range(n))", "Those are the numbers of the windows. "
            "The task asks for times.", "numbers for times"),
        Mistake(f"{_STARTS}{_STEPS}return n", "That is how many windows there are. The task asks "
            "for the time at which each begins.", "count for times"),
        Mistake(f"{_STARTS}n = int((duration - width) / hop + 1e-9) + 1\n"
            "    return [i * hop for i in range(n)]", "Nearly. But no window of 5 s fits into 4.5 "
            "s: the list must be empty there. (`int(-0.5)` is 0.)", "window longer than the sound"),
        Mistake(f"{_STARTS}n = int(np.floor((duration - width) / hop)) + 1\n"
            "    return [i * hop for i in range(n)]", "Nearly. But try (1.0, 0.4, 0.1): with "
            "floats (1.0 - 0.4) / 0.1 is 5.999…, and a whole window is lost. Round away that error "
            "before you cut off what follows the point.", "lost to float rounding"),
        Mistake(f"{_STARTS}n = int((duration - width) / hop) + 1\n"
            "    return [i * hop for i in range(n)]", "Nearly. But no window of 5 s fits into 4.5 "
            "s, and `int(-0.5)` is 0. And with floats (1.0 - 0.4) / 0.1 is 5.999…: `int` loses a "
            "whole window there.", "two limits of int"),
    ),
    hints=("The last start is the largest multiple of `hop` that is not above `duration - width`.",
           "How many steps fit into `duration - width`? One window more than that.",
           "A loop needs no division: while `start + width <= duration`, keep the start, add "
           "`hop`."),
    why="These are the places that `detect_over_time` visits.",
)  # fmt: skip

_SERBIAN = "`sr` is Serbian"
_COUNTRY = "`AL` is the country Albania"

code = choice(
    "language.code", objective=OBJECTIVES[3], look="Codes and models",
    task="You want to transcribe Albanian. Which code and which model? Answer with a pair such as "
    '`("sr", "base.en")`: the code is `"sq"`, `"sr"` or `"al"`, the model `"base"` or `"base.en"`.',
    solution_code='("sq", "base")',
    options=[(c, m) for c in ("sq", "sr", "al") for m in ("base", "base.en")],
    mistakes=(
        Mistake('("sr", "base")',
            f"{_SERBIAN}. The table of codes finds the right one: "
            "search for the name.", "Serbian's code"),
        Mistake('("al", "base")',
            f"{_COUNTRY}. Whisper knows languages, by ISO 639.", "country for language"),
        Mistake('("sq", "base.en")', "The code is right, but a model with `.en` knows only "
            "English.", "English-only model"),
        Mistake('("sr", "base.en")',
            f"{_SERBIAN}, and a model with `.en` knows only "
            "English.", "Serbian's code, English-only model"),
        Mistake('("al", "base.en")',
            f"{_COUNTRY}, and a model with `.en` knows only "
            "English.", "country for language, English-only model"),
    ),
    hints=('`decoding.languages("alban")` shows the row.',
           "`.en` in a model's name means that it was trained on English alone."),
    why="Albanian calls itself *shqip*: hence `sq`.",
)  # fmt: skip

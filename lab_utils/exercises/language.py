"""The exercises of notebooks/04_language.ipynb: doubt, trust, windows, codes, models."""

from __future__ import annotations

import math

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "04_language"
OBJECTIVES = (
    "detect the language of a recording, and read the whole distribution behind the answer",
    "say when a detection is to be trusted, and what a wrong one costs",
    "follow the language through a recording that changes it",
    "find the code of a language, and choose a model that can detect it",
)


def _entropy(probs, log=math.log2, sign=-1):
    return sign * sum(p * log(p) for p in probs.values() if p > 0)


def _check_doubt(function):
    even, sure = {"en": 0.5, "de": 0.5}, {"en": 1.0, "de": 0.0}
    mixed = {"en": 0.5, "de": 0.25, "nl": 0.25}
    return answers.function(
        function,
        [((p,), _entropy(p)) for p in (mixed, even, sure)],
        tol=1e-6,
        name="doubt",
        wrong=[
            (lambda p: _entropy(p, math.log), "You took the natural logarithm: that is doubt in "
             "nats. A toss of a coin is 1 bit, so the logarithm has base 2."),
            (lambda p: _entropy(p, sign=1), "The sign is the wrong way round: logarithms of "
             "probabilities are negative, and doubt is not."),
            (lambda p: -sum(math.log2(v) for v in p.values() if v > 0), "Each logarithm counts as "
             "often as its language comes up: multiply it by the probability."),
            (lambda p: 1 - max(p.values()), "That is the chance that the likeliest language is "
             "wrong. It cannot tell one rival from ten; the entropy can."),
        ],
    )  # fmt: skip


def _doubt(result: str) -> str:
    return f"def doubt(probs):\n    return {result}"


doubt = Exercise(
    key="language.doubt",
    lab=LAB,
    objective=OBJECTIVES[0],
    task="Write `doubt(probs)`: the entropy in bits of a dictionary of code → probability, "
    "−Σ p log₂ p. A language with probability 0 adds nothing.",
    setup="import math\nimport numpy as np",
    stub="def doubt(probs): ...",
    solution=_doubt("-sum(p * np.log2(p) for p in probs.values() if p > 0)"),
    variable="doubt",
    look="Right, wrong, and how sure",
    check=_check_doubt,
    mistakes=(
        Mistake(
            _doubt("-sum(p * np.log(p) for p in probs.values() if p > 0)"),
            "natural logarithm",
            "nats for bits",
        ),
        Mistake(
            _doubt("sum(p * np.log2(p) for p in probs.values() if p > 0)"),
            "sign is the wrong way",
            "minus forgotten",
        ),
        Mistake(
            _doubt("-sum(np.log2(p) for p in probs.values() if p > 0)"),
            "multiply it by the probability",
            "logarithms not weighted",
        ),
        Mistake(
            _doubt("1 - max(probs.values())"),
            "one rival from ten",
            "chance of error for entropy",
        ),
    ),
    hints=(
        "Go through `probs.values()`, and leave out what is 0: its logarithm does not exist.",
        "`p * np.log2(p)` for each, the sum of them, and a minus in front.",
    ),
    kind="function",
    why="`guess.entropy` is the same number.",
)


def _trust(probs, seconds, top=0.8, least=3.0):
    return max(probs.values()) >= top and seconds >= least


_SURE = {"de": 0.97, "nl": 0.03}
_UNSURE = {"la": 0.28, "hu": 0.11, "ro": 0.10}


def _check_trust(function):
    cases = [
        ((_SURE, 6.0), True),
        ((_UNSURE, 8.0), False),
        ((_SURE, 1.0), False),
        (({"hu": 0.75, "en": 0.25}, 7.0), False),
        (({"fr": 0.8, "br": 0.2}, 3.0), True),
    ]
    return answers.function(
        function,
        cases,
        name="trust",
        wrong=[
            (lambda p, s: max(p.values()) >= 0.8, "A second of sound is too little, however sure "
             "the model looks: `seconds` counts too."),
            (lambda p, s: s >= 3, "Length alone says nothing: Romanian was long enough, and came "
             "out as Latin. Ask for the probability too."),
            (lambda p, s: max(p.values()) >= 0.8 or s >= 3, "Both must hold: `and`, not `or`."),
            (lambda p, s: max(p.values()) >= 0.5 and s >= 3, "Half is not enough: the Albanian "
             "clip came out as Hungarian with 0.75."),
            (lambda p, s: max(p.values()) > 0.8 and s > 3, "At the limits themselves the answer is "
             "yes: `>=`, not `>`."),
        ],
    )  # fmt: skip


def _trust_code(result: str) -> str:
    return f"def trust(probs, seconds):\n    return {result}"


trust = Exercise(
    key="language.trust",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="Write the rule of this lab: `trust(probs, seconds)` is `True` if the likeliest language "
    "has a probability of at least 0.8 and the clip lasts at least 3 s, else `False`.",
    stub="def trust(probs, seconds): ...",
    solution=_trust_code("max(probs.values()) >= 0.8 and seconds >= 3"),
    variable="trust",
    look="When to trust a detection",
    check=_check_trust,
    mistakes=(
        Mistake(
            _trust_code("max(probs.values()) >= 0.8"), "`seconds` counts too", "length ignored"
        ),
        Mistake(_trust_code("seconds >= 3"), "Length alone", "probability ignored"),
        Mistake(
            _trust_code("max(probs.values()) >= 0.8 or seconds >= 3"),
            "`and`, not `or`",
            "one condition is enough",
        ),
        Mistake(
            _trust_code("max(probs.values()) >= 0.5 and seconds >= 3"),
            "Half is not enough",
            "majority taken for certainty",
        ),
    ),
    hints=(
        "`max(probs.values())` is the highest probability.",
        "Two conditions, joined by `and`.",
    ),
    kind="function",
    why="It turns away the Romanian and the Albanian mistake, but not the Esperanto one: try such "
    "a rule on recordings of your own.",
)


def _check_cost(answer):
    return answers.choice(
        answer,
        "C",
        {
            "A": "No error comes: Whisper cannot notice. It writes the language it was told to "
            "write.",
            "B": "Not empty: the decoder always finds a likely next token. Silence is the only "
            "thing that it may skip.",
            "D": "Whisper learned to translate into English only. A wrong `language` is no "
            "order to translate: the model takes the sounds for French ones.",
        },
    )


cost = Exercise(
    key="language.cost",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="A German recording is transcribed with `language='fr'`. What do you get?\n\n"
    '- `"A"`: an error: the language does not fit\n'
    '- `"B"`: an empty text\n'
    '- `"C"`: French words that nobody spoke, with a low `avg_logprob`\n'
    '- `"D"`: a faithful translation into French',
    stub="cost = ...",
    solution='cost = "C"',
    variable="cost",
    look="What a wrong language costs",
    check=_check_cost,
    mistakes=(
        Mistake('cost = "A"', "No error comes", "an error is expected"),
        Mistake('cost = "B"', "Not empty", "an empty text is expected"),
        Mistake('cost = "D"', "no order to translate", "language taken for translation"),
    ),
    hints=(
        "Look at what French came out of the German clip above.",
        "The token `<|fr|>` in the start sequence promises that French follows.",
    ),
    kind="choice",
    why="Fluent fiction. `avg_logprob` is the only sign, and not a sure one.",
)


def _starts(duration, width, hop):
    found, start = [], 0.0
    while start + width <= duration + 1e-9:
        found.append(start)
        start += hop
    return found


def _check_starts(function):
    cases = [(12.0, 5.0, 1.0), (10.0, 5.0, 2.5), (8.0, 3.0, 2.0)]

    def all_the_way(duration, width, hop):
        found, start = [], 0.0
        while start < duration:
            found.append(start)
            start += hop
        return found

    def last_missing(duration, width, hop):
        return [s for s in _starts(duration, width, hop) if s + width < duration]

    return answers.function(
        function,
        [(case, _starts(*case)) for case in cases],
        tol=1e-6,
        name="starts",
        wrong=[
            (lambda d, w, h: _starts(d, w, w), "The windows lie side by side: you move on by the "
             "width. The step is `hop`, so that they overlap."),
            (all_the_way, "The last windows reach beyond the end: they would hear padding, and the "
             "language of silence is a guess. Stop when `start + width` passes the duration."),
            (last_missing, "The last whole window is missing: one may end exactly where the sound "
             "ends."),
            (lambda d, w, h: [s + w / 2 for s in _starts(d, w, h)], "Those are the middles of the "
             "windows. Asked for are their starts."),
        ],
    )  # fmt: skip


_STARTS = "def starts(duration, width, hop):\n    return {}"

starts = Exercise(
    key="language.starts",
    lab=LAB,
    objective=OBJECTIVES[2],
    task="Write `starts(duration, width, hop)`: a list of the times at which the windows begin, "
    "from 0 in steps of `hop`, as long as a whole window still fits. `starts(8.0, 3.0, 2.0)` is "
    "`[0.0, 2.0, 4.0]`.",
    setup="import numpy as np",
    stub="def starts(duration, width, hop): ...",
    solution="def starts(duration, width, hop):\n"
    "    n = int((duration - width) / hop) + 1\n"
    "    return [i * hop for i in range(n)]",
    variable="starts",
    look="Language over time",
    check=_check_starts,
    mistakes=(
        Mistake(
            _STARTS.format("[i * width for i in range(int(duration / width))]"),
            "move on by the width",
            "windows side by side",
        ),
        Mistake(
            _STARTS.format("[i * hop for i in range(int(np.ceil(duration / hop)))]"),
            "beyond the end",
            "windows beyond the end",
        ),
        Mistake(
            _STARTS.format("[float(s) for s in np.arange(0, duration - width, hop)]"),
            "last whole window is missing",
            "last window lost",
        ),
        Mistake(
            _STARTS.format(
                "[i * hop + width / 2 for i in range(int((duration - width) / hop) + 1)]"
            ),
            "middles of the windows",
            "middles for starts",
        ),
    ),
    hints=(
        "The last start is the largest multiple of `hop` that is not above `duration - width`.",
        "How many steps fit into `duration - width`? One window more than that.",
    ),
    points=2,
    kind="function",
    why="These are the places that `detect_over_time` visits.",
)


def _check_code(answer):
    return answers.choice(
        answer,
        ("sq", "base"),
        {
            ("sr", "base"): "`sr` is Serbian. The table of codes finds the right one: search for "
            "the name.",
            ("al", "base"): "`AL` is the country Albania. Whisper knows languages, by ISO 639.",
            ("sq", "base.en"): "The code is right, but a model with `.en` knows only English.",
            ("sr", "base.en"): "`sr` is Serbian, and a model with `.en` knows only English.",
            ("al", "base.en"): "`AL` is the country Albania, and a model with `.en` knows only "
            "English.",
        },
    )


code = Exercise(
    key="language.code",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="You want to transcribe Albanian. Which code and which model? Answer with a pair such as "
    '`("sr", "base.en")`: the code is `"sq"`, `"sr"` or `"al"`, the model `"base"` or `"base.en"`.',
    stub="code = ...",
    solution='code = ("sq", "base")',
    variable="code",
    look="Codes and models",
    check=_check_code,
    mistakes=(
        Mistake('code = ("sr", "base")', "is Serbian. The table", "Serbian's code"),
        Mistake('code = ("al", "base")', "country Albania. Whisper", "country for language"),
        Mistake('code = ("sq", "base.en")', "The code is right, but", "English-only model"),
    ),
    hints=(
        '`decoding.languages("alban")` shows the row.',
        "`.en` in a model's name means that it was trained on English alone.",
    ),
    kind="choice",
    why="Albanian calls itself *shqip*: hence `sq`.",
)

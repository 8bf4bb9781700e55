"""The exercises of notebooks/03_decode.ipynb: positions, the greedy loop, prompts, the rule."""

from __future__ import annotations

import numpy as np

from . import legacy as answers
from .legacy import Exercise, Mistake

LAB = "03_decode"
OBJECTIVES = (
    "follow a recording through padding, log-mel, encoder and decoder, and name the shape, the "
    "unit and the time step of every array",
    "watch the decoder choose, token by token, and read its probabilities, its doubt and where it "
    "listens",
    "steer it with the start sequence, a prompt, a beam and the temperature",
    "tell from three numbers when a text is not to be trusted, and say what Whisper does then",
    "recognise the usual failures and mend each",
)

MOMENT = 7.43  #: seconds into the window


def _check_position(answer):
    return answers.close(
        answer,
        int(MOMENT / 0.02),
        tol=0.01,
        wrong=[
            (MOMENT / 0.01, "That is the frame of the log-mel, 10 ms each. The encoder's second "
             "layer moves in steps of two frames."),
            (MOMENT * 16000, "That is the sample of the waveform. A position covers 320 samples."),
            (MOMENT / 0.02, "Half a position does not exist: it is the whole number below."),
            (int(MOMENT / 0.02) + 1, "Counted from 1. Arrays count from 0: position 0 covers 0 to "
             "20 ms."),
            (int(MOMENT / 30 * 448), "That shares out the 448 tokens over the 30 s. Tokens have "
             "no clock; the 1,500 positions have."),
        ],
        name="position",
    )  # fmt: skip


position = Exercise(
    key="decode.position",
    lab=LAB,
    objective=OBJECTIVES[0],
    task=f"A dog barks {MOMENT} s after the start of a window. Which of the encoder's 1,500 "
    "positions, counted from 0, covers that moment?",
    stub="position = ...",
    solution="position = int(7.43 / 0.02)",
    variable="position",
    look="From a file to 1,500 positions",
    check=_check_position,
    mistakes=(
        Mistake("position = round(7.43 / 0.01)", "the frame of the log-mel", "frame for position"),
        Mistake("position = round(7.43 * 16000)", "the sample of the waveform", "sample index"),
        Mistake("position = 7.43 / 0.02", "Half a position", "not a whole number"),
        Mistake("position = round(7.43 / 0.02 + 0.5)", "Counted from 1", "counted from 1"),
        Mistake("position = int(7.43 / 30 * 448)", "shares out the 448", "tokens have no clock"),
    ),
    hints=(
        "1,500 positions cover 30 seconds. How long is one?",
        "20 ms each: divide, and take the whole number below.",
    ),
    why="One position is 20 ms, two log-mel frames, 320 samples.",
)


def _likely(chain):
    """A model over few tokens: after a text it expects what ``chain`` says, else the end."""

    def next_probs(tokens):
        probs = np.full(6, 0.02)
        probs[chain.get(tuple(tokens), 5)] = 0.9
        return probs

    return next_probs


_CHAIN = _likely({(0,): 3, (0, 3): 1, (0, 3, 1): 1, (0, 3, 1, 1): 4})
_ENDLESS = _likely({(0, *[2] * n): 2 for n in range(20)})


def _greedy(next_probs, start, end, limit):
    tokens = list(start)
    for _ in range(limit):
        token = int(np.argmax(next_probs(tokens)))
        if token == end:
            break
        tokens.append(token)
    return tokens[len(start) :]


def _greedy_with_end(next_probs, start, end, limit):
    found = _greedy(next_probs, start, end, limit)
    return found if len(found) == limit else [*found, end]


def _greedy_without_memory(next_probs, start, end, limit):
    return [int(np.argmax(next_probs(list(start))))] * limit


def _greedy_no_stop(next_probs, start, end, limit):
    tokens = list(start)
    for _ in range(limit):
        tokens.append(int(np.argmax(next_probs(tokens))))
    return tokens[len(start) :]


def _greedy_least(next_probs, start, end, limit):
    return _greedy(lambda tokens: -next_probs(tokens), start, end, limit)


def _check_greedy(function):
    return answers.function(
        function,
        [((_CHAIN, [0], 5, 10), [3, 1, 1, 4]), ((_ENDLESS, [0], 5, 7), [2] * 7)],
        name="greedy",
        wrong=[
            (_greedy_with_end, "The end token stands in your result. It says *stop*, and is no "
             "part of the text: leave the loop before it is appended."),
            (_greedy_no_stop, "The loop runs on after the end token, up to the limit. Real "
             "decoders that do so write nonsense after the last word."),
            (_greedy_without_memory, "The same token each time: the model is asked about `start` "
             "again and again. Append each token, and ask about all of them."),
            (_greedy_least, "That takes the least likely token. `argmax` is the place of the "
             "largest."),
            (lambda p, start, end, limit: [*start, *_greedy(p, start, end, limit)],
             "The start sequence stands in your result. Return only what came after it."),
        ],
    )  # fmt: skip


_GREEDY = (
    "def greedy(next_probs, start, end, limit):\n"
    "    tokens = list(start)\n"
    "    for _ in range(limit):\n"
    "{body}"
    "    return {result}"
)
_AFTER = "tokens[len(start) :]"


def _code(body: str, result: str = _AFTER) -> str:
    return _GREEDY.format(body=body, result=result)


greedy = Exercise(
    key="decode.greedy",
    lab=LAB,
    objective=OBJECTIVES[1],
    task="Write the decoding loop. `next_probs(tokens)` gives the probability of every token as "
    "an array; `end` is the token that ends the text. Take the likeliest token each time, at most "
    "`limit` times, and return what came after `start`, without the end token.",
    setup="import numpy as np",
    stub=_code("        ...\n"),
    solution=_code(
        "        token = int(np.argmax(next_probs(tokens)))\n"
        "        if token == end:\n"
        "            break\n"
        "        tokens.append(token)\n"
    ),
    variable="greedy",
    look="A single step by hand",
    check=_check_greedy,
    mistakes=(
        Mistake(
            _code(
                "        tokens.append(int(np.argmax(next_probs(tokens))))\n"
                "        if tokens[-1] == end:\n"
                "            break\n"
            ),
            "The end token stands in your result",
            "end token kept",
        ),
        Mistake(
            _code("        tokens.append(int(np.argmax(next_probs(tokens))))\n"),
            "runs on after the end",
            "no stop at the end token",
        ),
        Mistake(
            _code("        tokens.append(int(np.argmax(next_probs(start))))\n"),
            "asked about `start`",
            "decoder without memory",
        ),
        Mistake(
            _code(
                "        token = int(np.argmin(next_probs(tokens)))\n"
                "        if token == end:\n"
                "            break\n"
                "        tokens.append(token)\n"
            ),
            "least likely token",
            "argmin for argmax",
        ),
        Mistake(
            _code(
                "        token = int(np.argmax(next_probs(tokens)))\n"
                "        if token == end:\n"
                "            break\n"
                "        tokens.append(token)\n",
                "tokens",
            ),
            "start sequence stands in your result",
            "start sequence returned",
        ),
    ),
    hints=(
        "`int(np.argmax(next_probs(tokens)))` is the likeliest token after `tokens`.",
        "Three lines: find the token; if it is `end`, `break`; append it.",
    ),
    points=2,
    kind="function",
    why="This loop, with the rules for time stamps, is what `whisper.decode` runs.",
)


def _check_prompt(answer):
    return answers.choice(
        answer,
        "B",
        {
            "A": "That is an order, and Whisper takes no orders: it has never seen how the name is "
            "written, and this prompt does not show it.",
            "C": "Now both spellings stand in the past, and Whisper copies either. A prompt is not "
            "read as an explanation.",
            "D": "A prefix is the beginning of **this** window's text: Whisper would go on as if "
            "the name had just been spoken there.",
        },
    )


prompt = Exercise(
    key="decode.prompt",
    lab=LAB,
    objective=OBJECTIVES[2],
    task="Recordings of a firm named Zyntrava come out with *Sin Trava*. What do you pass to get "
    "the name right?\n\n"
    '- `"A"`: `prompt="Please spell all names of firms correctly."`\n'
    '- `"B"`: `prompt="Welcome to the annual meeting of Zyntrava."`\n'
    '- `"C"`: `prompt="Sin Trava means Zyntrava."`\n'
    '- `"D"`: `prefix="Zyntrava"`',
    stub="prompt = ...",
    solution='prompt = "B"',
    variable="prompt",
    look="A prompt is a fake past",
    check=_check_prompt,
    mistakes=(
        Mistake('prompt = "A"', "takes no orders", "prompt taken for an instruction"),
        Mistake('prompt = "C"', "both spellings", "prompt taken for an explanation"),
        Mistake('prompt = "D"', "beginning of **this** window", "prefix for prompt"),
    ),
    hints=(
        "A prompt is a fake past. What past would have shown Whisper the right spelling?",
        "Which of the four could be the sentence spoken just before?",
    ),
    kind="choice",
    why="A sentence as it could have been said before, with the name as you want it.",
)


def _decide(avg_logprob, no_speech_prob, compression_ratio):
    if avg_logprob < -1 and no_speech_prob > 0.6:
        return "skip"
    if avg_logprob < -1 or compression_ratio > 2.4:
        return "again"
    return "accept"


_CASES = (
    (-0.2, 0.01, 1.4),
    (-0.8, 0.93, 0.3),
    (-1.2, 0.81, 0.3),
    (-0.2, 0.99, 10.8),
    (-2.0, 0.53, 0.3),
    (-1.5, 0.9, 5.0),
)


def _check_rule(function):
    def silence_by_itself(a, n, c):
        return "skip" if n > 0.6 else _decide(a, n, c)

    def never_skips(a, n, c):
        return "again" if a < -1 or c > 2.4 else "accept"

    def loops_first(a, n, c):
        return "again" if c > 2.4 else _decide(a, n, c)

    def both_needed(a, n, c):
        if a < -1 and n > 0.6:
            return "skip"
        return "again" if a < -1 and c > 2.4 else "accept"

    return answers.function(
        function,
        [(case, _decide(*case)) for case in _CASES],
        name="decide",
        wrong=[
            (silence_by_itself, "You skip whenever `no_speech_prob` is high. Whisper skips only if "
             "it does not believe its text either: that is how *you* gets into a silence."),
            (never_skips, "You never skip. A window with a high `no_speech_prob` and a low "
             "`avg_logprob` is taken for silence."),
            (loops_first, "A window that repeats itself **and** looks silent and unlikely: silence "
             "has the last word. Ask for it first."),
            (both_needed, "One bad number is enough for another try: `or`, not `and`."),
        ],
    )  # fmt: skip


_RULE = (
    "def decide(avg_logprob, no_speech_prob, compression_ratio):\n"
    "    if {skip}:\n"
    '        return "skip"\n'
    "    if {again}:\n"
    '        return "again"\n'
    '    return "accept"'
)
_SKIP = "avg_logprob < -1 and no_speech_prob > 0.6"
_AGAIN = "avg_logprob < -1 or compression_ratio > 2.4"

rule = Exercise(
    key="decode.rule",
    lab=LAB,
    objective=OBJECTIVES[3],
    task="Write Whisper's rule: `decide(…)` returns `'accept'`, `'skip'` (silence) or `'again'` "
    "(at a higher temperature). The limits are −1 for `avg_logprob`, 0.6 for `no_speech_prob` and "
    "2.4 for `compression_ratio`.",
    stub='def decide(avg_logprob, no_speech_prob, compression_ratio):\n    """The fate of a '
    'text."""\n    ...',
    solution=_RULE.format(skip=_SKIP, again=_AGAIN),
    variable="decide",
    look="When Whisper does not trust itself",
    check=_check_rule,
    mistakes=(
        Mistake(
            _RULE.format(skip="no_speech_prob > 0.6", again=_AGAIN),
            "skips only if",
            "no_speech_prob alone decides",
        ),
        Mistake(_RULE.format(skip="False", again=_AGAIN), "You never skip", "never skips"),
        Mistake(
            "def decide(a, n, c):\n"
            "    if c > 2.4:\n        return 'again'\n"
            "    if a < -1:\n        return 'skip' if n > 0.6 else 'again'\n"
            "    return 'accept'",
            "silence has the last word",
            "repetition before silence",
        ),
        Mistake(
            _RULE.format(skip=_SKIP, again="avg_logprob < -1 and compression_ratio > 2.4"),
            "`or`, not `and`",
            "both numbers must be bad",
        ),
    ),
    hints=(
        "Three answers, two questions: is it silence? If not, is anything wrong with the text?",
        "Silence needs both: unlikely text and a high `no_speech_prob`. One of the other two "
        "numbers is enough for another try.",
    ),
    kind="function",
    why="The real rule stands in `decode_with_fallback` in whisper/transcribe.py.",
)


def _check_waveform(function):
    samples = np.array([0, 16384, -32768, 8192, 1], np.int16)
    quiet = np.array([0, 100, -50], np.int16)

    def scaled(by, kind=np.float32):
        return lambda s: (s / by).astype(kind)

    return answers.function(
        function,
        [(samples, scaled(32768)(samples)), (quiet, scaled(32768)(quiet))],
        tol=1e-4,
        name="to_waveform",
        wrong=[
            (lambda s: s.astype(np.float32), "Still in integer scale, up to 32,768: Whisper would "
             "hear it 90 dB too loud and write *The*."),
            (lambda s: (s / np.abs(s.astype(float)).max()).astype(np.float32), "You divide by the "
             "loudest sample of each recording: a whisper becomes as loud as a shout. Divide by "
             "what 16 bits can hold."),
            (lambda s: (s // 32767).astype(np.float32), "`//` throws away everything behind the "
             "decimal point: nearly all samples are 0 or −1 now."),
            (scaled(65536), "65,536 is how many values 16 bits have, from −32,768 to 32,767. The "
             "largest is half of that."),
            (scaled(32768, np.int16), "You convert back to integers: between −1 and 1 there are "
             "only three of them."),
        ],
    )  # fmt: skip


def _to_waveform(result: str) -> str:
    return f"def to_waveform(samples):\n    return {result}"


waveform = Exercise(
    key="decode.waveform",
    lab=LAB,
    objective=OBJECTIVES[4],
    task="**Find the bug.** `samples` holds 16-bit integers from a WAV file, −32,768 to 32,767. "
    "`to_waveform` is to give floats between −1 and 1, float32, but Whisper writes nonsense. Mend "
    "it.",
    setup="import numpy as np",
    stub=_to_waveform("samples.astype(np.float32)"),
    solution=_to_waveform("samples.astype(np.float32) / 32768"),
    variable="to_waveform",
    look="The wrong numbers",
    check=_check_waveform,
    mistakes=(
        Mistake(
            _to_waveform("np.float32(samples)"), "Still in integer scale", "type changed, not scale"
        ),
        Mistake(
            _to_waveform("(samples / np.abs(samples.astype(float)).max()).astype(np.float32)"),
            "loudest sample of each",
            "normalised to the loudest sample",
        ),
        Mistake(
            _to_waveform("(samples // 32767).astype(np.float32)"),
            "throws away everything",
            "integer division",
        ),
        Mistake(
            _to_waveform("(samples / 65536).astype(np.float32)"),
            "half of that",
            "number of values for the largest value",
        ),
        Mistake(
            _to_waveform("(samples / 32768).astype(np.int16)"),
            "back to integers",
            "integers again",
        ),
    ),
    hints=(
        "Two things must change: the type and the scale. One of them is missing.",
        "Which number should become 1? 16 bits reach up to about 32,768.",
    ),
    kind="bug",
    why="`lab_utils.audio.load` and `whisper.load_audio` both do this for you.",
)

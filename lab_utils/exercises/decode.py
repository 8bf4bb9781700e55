"""The exercises of notebooks/03_decode.ipynb: positions, the greedy loop, prompts, the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .core import Mistake
from .kinds import Case, choice, function, number

OBJECTIVES = (
    "follow a recording through padding, log-mel, encoder and decoder, and name the shape, the "
    "unit and the time step of every array",
    "watch the decoder choose, token by token, and read its probabilities, its doubt and where it "
    "listens",
    "steer it with the start sequence, a prompt, a beam and the temperature",
    "tell from three numbers when a text is not to be trusted, and say what Whisper does then",
    "recognise the usual failures and mend each",
)

position = number(
    "decode.position", objective=OBJECTIVES[0], look="From a file to 1,500 positions",
    task="A dog barks 7.43 s after the start of a window. Which of the encoder's 1,500 positions, "
    "counted from 0, covers that moment?",
    solution_code="int(7.43 / 0.02)",
    mistakes=(
        Mistake("7.43 / 0.01", "That is the frame of the log-mel, 10 ms each. The encoder's second "
            "layer moves in steps of two frames.", "frame for position"),
        Mistake("7.43 * 16000", "That is the sample of the waveform. A position covers 320 "
            "samples.", "sample index"),
        Mistake("7.43 / 0.02", "Half a position does not exist. In which one does that moment "
            "fall?", "not a whole number"),
        Mistake("int(7.43 / 0.02) + 1", "Counted from 1, or rounded up: arrays count from 0, and "
            "position 0 covers 0 to 20 ms.", "counted from 1"),
        Mistake("int(7.43 / 0.02) - 1", "One too few. As the first position is 0, the number of "
            "those that are over by then is already the answer.", "1 taken off once more"),
        Mistake("7.43 / 30 * 448", "That shares out the 448 tokens over the 30 s. Tokens have no "
            "clock; the 1,500 positions have.", "tokens have no clock"),
        Mistake("7430", "That is the time in milliseconds. How many of them does a position cover?",
            "milliseconds for position"),
        Mistake("7", "That is the whole second. How many positions are there in a second?",
            "second for position"),
        Mistake("1500 - 7.43 / 0.02", "That counts from the end of the window. The task counts "
            "from 0, at its start.", "counted from the end"),
        Mistake("7430 / 320", "7,430 counts milliseconds, 320 counts samples. How many "
            "milliseconds does a position cover?", "milliseconds by samples"),
        Mistake("1500 / 7.43", "The 1,500 positions last 30 s, not 7.43. How many of them are "
            "there in a second?", "all positions by the time"),
        Mistake("7.43 * 0.02", "You multiplied by the length of a position. How many such lengths "
            "fit into 7.43 s?", "multiplied by the length"),
        Mistake("7.43 / 30", "That is the share of the window that is over. Take it of the 1,500 "
            "positions.", "share of the window"),
        Mistake("7.43 * 1500", "So many would fit if a second had 1,500 positions. The 1,500 last "
            "30 s.", "positions of a window for those of a second"),
    ),
    hints=("1,500 positions cover 30 seconds. How long is one?",
           "20 ms each: divide, and take the whole number below."),
    why="One position is 20 ms, two log-mel frames, 320 samples.",
)  # fmt: skip


def _model(start: Sequence[int], text: Sequence[int], end: int) -> Callable[..., np.ndarray]:
    """A model of 8 tokens: after `start` it says `text`, then `end`; any other past confuses it."""

    def next_probs(tokens: Sequence[int]) -> np.ndarray:
        past = np.asarray(tokens).tolist()
        said = len(past) - len(start)
        known = past == [*start, *text[: max(said, 0)]]
        probs = np.array([0.02] * 6 + [0.01, 0.02])
        probs[[*text, end][said] if known else 2] = 0.87
        return probs

    return next_probs


_GREEDY = (
    "def greedy(next_probs, start, end, limit):\n"
    "    tokens = list(start)\n"
    "    {loop}:\n"
    "{body}"
    "    return {result}"
)
_TAKE = "        token = int(np.argmax(next_probs({past})))\n"
_STOP = "        if token == end:\n            break\n"
_APPEND = "        tokens.append(token)\n"
_BODY = f"{_TAKE.format(past='tokens')}{_STOP}{_APPEND}"


def _greedy(
    body: str, result: str = "tokens[len(start) :]", loop: str = "for _ in range(limit)"
) -> str:
    return _GREEDY.format(body=body, result=result, loop=loop)


greedy = function(
    "decode.greedy", objective=OBJECTIVES[1], look="A single step by hand",
    task="Write the decoding loop. `next_probs(tokens)` gives the probability of every token as an "
    "array; `end` is the token that ends the text. Take the likeliest token each time, at most "
    "`limit` times, and return what came after `start`, without the end token.",
    setup="import numpy as np",
    stub=_greedy("        ...\n"),
    solution_code=_greedy(_BODY),
    points=2,
    cases=(
        Case("model([0], [3, 1, 1, 4], 5), [0], 5, 10", "a model that says 3, 1, 1, 4 and then "
             "the end token 5"),
        Case("model([0, 6], [2] * 20, 7), [0, 6], 7, 9", "`start=[0, 6]`, `limit=9` and a model "
             "that says 2 twenty times before it ends"),
        Case("model([6, 0], [], 4), [6, 0], 4, 3", "a model that says nothing but the end token 4"),
    ),
    helpers={"model": _model},
    mistakes=(
        Mistake(_greedy(f"{_TAKE.format(past='tokens')}{_APPEND}{_STOP}"), "The end token is in "
            "your result. It says *stop*, and is no part of the text: leave the loop before it is "
            "appended.", "end token kept"),
        Mistake(_greedy(f"{_TAKE.format(past='tokens')}{_APPEND}"), "The loop runs on after the "
            "end token, up to the limit. Real decoders that do so write nonsense after the last "
            "word.", "no stop at the end token"),
        Mistake(_greedy(f"{_TAKE.format(past='start')}{_STOP}{_APPEND}"), "The same token each "
            "time: the model is asked about `start` again and again. Append each token, and ask "
            "about all of them.", "decoder without memory"),
        Mistake(_greedy(f"{_TAKE.format(past='start')}{_APPEND}"), "The model never sees the "
            "tokens that you append: `start` is all that it is given. And nothing stops at the end "
            "token.", "neither memory nor stop"),
        Mistake(_greedy(f"{_TAKE.format(past='tokens[-1:]')}{_STOP}{_APPEND}"), "The model is "
            "asked about the last token only. It needs `start` and everything after it.",
            "memory of one token"),
        Mistake(_greedy(_BODY.replace("argmax", "argmin")), "That takes the least likely token. "
            "`argmax` is the place of the largest.", "argmin for argmax"),
        Mistake(_greedy(_BODY.replace("int(np.argmax(next_probs(tokens)))",
            "next_probs(tokens).max()")), "You append the probability of the likeliest token. The "
            "token is its **place** in the array.", "probability for token"),
        Mistake(_greedy(_BODY, result="tokens"), "The start sequence is in your result. Return "
            "only what came after it.", "start sequence returned"),
        Mistake(_greedy(_BODY, loop="while len(tokens) < limit"), "`limit` counts the tokens after "
            "`start`; you count those of `start`, too.", "start counted"),
        Mistake(_greedy(_BODY, loop="while True"), "It goes on until the model ends the text. A "
            "model that never does needs `limit`.", "no limit"),
        Mistake(_greedy(f"{_BODY}        return tokens[len(start) :]\n"), "Only the first token "
            "comes back. Is `return` inside the loop?", "return inside the loop"),
    ),
    hints=("`int(np.argmax(next_probs(tokens)))` is the likeliest token after `tokens`.",
           "Three lines: find the token; if it is `end`, `break`; append it."),
    why="This loop, with the rules for time stamps, is what `whisper.decode` runs.",
)  # fmt: skip

prompt = choice(
    "decode.prompt", objective=OBJECTIVES[2], look="A prompt is a fake past",
    task="Recordings of a firm named Zyntrava come out with *Sin Trava*. What do you pass to get "
    "the name right? Answer with its letter.\n\n"
    '- `"A"`: `prompt="Please spell all names of firms correctly."`\n'
    '- `"B"`: `prompt="Welcome to the annual meeting of Zyntrava."`\n'
    '- `"C"`: `prompt="Sin Trava means Zyntrava."`\n'
    '- `"D"`: `prefix="Zyntrava"`',
    solution_code='"B"',
    options=("A", "B", "C", "D"),
    mistakes=(
        Mistake('"A"', "That is an order, and Whisper takes no orders: it has never seen how the "
            "name is written, and this prompt does not show it.",
            "prompt taken for an instruction"),
        Mistake('"C"', "The past now holds both spellings, and Whisper may copy either. It does "
            "not read a prompt as an explanation.", "prompt taken for an explanation"),
        Mistake('"D"', "A prefix is the beginning of **this** window's text: Whisper would go on "
            "as if the name had just been spoken there.", "prefix for prompt"),
    ),
    hints=("A prompt is a fake past. What past would have shown Whisper the right spelling?",
           "Which of the four could be the sentence spoken just before?"),
    why="A sentence as it could have been said before, with the name as you want it.",
)  # fmt: skip


def _rule(
    skip: str = "avg_logprob < -1 and no_speech_prob > 0.6",
    again: str = "avg_logprob < -1 or compression_ratio > 2.4",
    top: str = "",
) -> str:
    return (
        f"def decide(avg_logprob, no_speech_prob, compression_ratio):\n{top}"
        f'    if {skip}:\n        return "skip"\n    if {again}:\n        return "again"\n'
        '    return "accept"'
    )


rule = function(
    "decode.rule", objective=OBJECTIVES[3], look="When Whisper does not trust itself",
    task="Write Whisper's rule: `decide(…)` returns `'accept'`, `'skip'` (silence) or `'again'` "
    "(at a higher temperature). The limits are −1 for `avg_logprob`, 0.6 for `no_speech_prob` and "
    "2.4 for `compression_ratio`.",
    stub='def decide(avg_logprob, no_speech_prob, compression_ratio):\n    """The fate of a '
    'text."""\n    ...',
    solution_code=_rule(),
    cases=("-0.2, 0.01, 1.4", "-0.98, 0.93, 0.3", "-1.2, 0.81, 0.3", "-0.2, 0.99, 10.8",
           "-2.0, 0.53, 0.3", "-1.5, 0.9, 5.0", "-0.3, 0.1, 2.6", "-0.98, 0.55, 2.38",
           "-1.02, 0.62, 1.7", "-1.02, 0.2, 1.7", "-1.3, 0.58, 3.1", "-0.4, 0.2, 2.42"),
    mistakes=(
        Mistake(_rule(skip="no_speech_prob > 0.6"), "You skip whenever `no_speech_prob` is high. "
            "Whisper skips only if it does not believe its text either: that is how *you* gets "
            "into a silence.", "no_speech_prob alone decides"),
        Mistake(_rule(skip="avg_logprob < -1 or no_speech_prob > 0.6"), "One of the two is not "
            "enough for a silence: `and`, not `or`.", "one bad number skips"),
        Mistake(_rule(skip="avg_logprob < -1"), "You skip every text that Whisper does not "
            "believe. It is silence only if `no_speech_prob` is high, too.",
            "avg_logprob alone skips"),
        Mistake(_rule(skip="False"), "You never skip. A window with a high `no_speech_prob` and a "
            "low `avg_logprob` is taken for silence: ask for that before you ask for another try.",
            "never skips"),
        Mistake(_rule(top='    if compression_ratio > 2.4:\n        return "again"\n'), "A window "
            "that repeats itself **and** looks silent and unlikely: silence has the last word. Ask "
            "for it first.", "repetition before silence"),
        Mistake(_rule(again="avg_logprob < -1 and compression_ratio > 2.4"), "One bad number is "
            "enough for another try: `or`, not `and`.", "both numbers must be bad"),
        Mistake(_rule(again="compression_ratio > 2.4"), "A text that Whisper does not believe, "
            "though somebody speaks, needs another try, too.", "unlikely text accepted"),
        Mistake(_rule(again="avg_logprob < -1"), "A text that repeats itself needs another try, "
            "too, however sure Whisper is of it.", "repetition accepted"),
        Mistake(_rule(skip="avg_logprob > -1 and no_speech_prob > 0.6",
            again="avg_logprob > -1 or compression_ratio > 2.4"), "The good texts are above −1: a "
            "probability of 1 has the logarithm 0. You treat them as the bad ones.",
            "sign of the comparison"),
    ),
    hints=("Three answers, two questions: is it silence? If not, is anything wrong with the text?",
           "Silence needs both: unlikely text and a high `no_speech_prob`. One of the other two "
           "numbers is enough for another try."),
    why="The real rule is in `decode_with_fallback` in whisper/transcribe.py.",
)  # fmt: skip


waveform = function(
    "decode.waveform", objective=OBJECTIVES[4], look="The wrong numbers",
    task="**Find the bug.** `samples` holds 16-bit integers from a WAV file, −32,768 to 32,767. "
    "`to_waveform` should return the array that Whisper takes, float32 between −1 and 1, but with "
    "it Whisper writes nonsense. Correct it.",
    setup="import numpy as np",
    stub="def to_waveform(samples):\n    return samples.astype(np.float32)",
    solution_code="samples.astype(np.float32) / 32768",
    kind="bug", tol=5e-4, dtype="float32",  # 32767 will do
    cases=("np.array([0, 12000, -20000, 30000, -1], np.int16)",
           "np.array([-50, 300, 0], np.int16)"),
    mistakes=(
        Mistake("np.float32(samples)", "Still in integer scale, up to 32,768: Whisper would hear "
            "it 90 dB too loud.", "type changed, not scale"),
        Mistake("samples / 32768", "The values are right, but they are float64: NumPy divides "
            "integers that way. Whisper stops with an error at float64. Which type did the task "
            "ask for?", "float64"),
        Mistake("(samples / np.abs(samples).max()).astype(np.float32)", "You divide by the loudest "
            "sample of each recording: a whisper becomes as loud as a shout. Divide by what 16 "
            "bits can hold.", "normalized to the loudest sample"),
        Mistake("samples.astype(np.float32) // 32768", "`//` throws away everything behind the "
            "decimal point: nearly all samples are 0 or −1 now.", "integer division"),
        Mistake("(samples / 65536).astype(np.float32)", "65,536 is how many values 16 bits have, "
            "from −32,768 to 32,767. The largest is half of that.",
            "number of values for the largest value"),
        Mistake("(samples / 255).astype(np.float32)", "255 is the largest value of 8 bits without "
            "a sign. Here are 16 bits with one.", "8 bits for 16"),
        Mistake("(samples / 32768).astype(np.int16)", "You convert back to integers: between −1 "
            "and 1 there are only three of them.", "integers again"),
        Mistake("np.clip(samples, -1, 1).astype(np.float32)", "You cut everything off at −1 and 1: "
            "what was loud or soft is all the same now. Divide instead.", "cut off, not scaled"),
    ),
    hints=("Two things must change: the type and the scale. One of them is missing.",
           "Which number should become 1? 16 bits reach up to about 32,768."),
    why="`lab_utils.audio.load` and `whisper.load_audio` both do this for you.",
)  # fmt: skip

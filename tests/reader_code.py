"""Functions as readers write them for labs 02 and 03: right ones and wrong ones."""

from __future__ import annotations

import datetime

import numpy as np

from lab_utils.transcripts import Word

# timecode


def by_datetime(seconds):
    time = datetime.datetime(1, 1, 1) + datetime.timedelta(milliseconds=round(seconds * 1000))
    return time.strftime("%H:%M:%S,%f")[:-3]


def by_text(seconds):
    ms = int(seconds * 1000 + 0.5)
    clock = [str(n).zfill(2) for n in (ms // 3600000, ms // 60000 % 60, ms // 1000 % 60)]
    return ":".join(clock) + "," + str(ms % 1000).zfill(3)


def rounded_first(t):
    t = round(t, 3)
    return f"{int(t // 3600):02d}:{int(t % 3600 // 60):02d}:{t % 60:06.3f}".replace(".", ",")


def split_first(seconds, to_ms=int):
    s = int(seconds)
    ms = to_ms((seconds - s) * 1000)
    return f"{s // 3600:02d}:{s % 3600 // 60:02d}:{s % 60:02d},{ms:03d}"


def cut_off(seconds):
    ms = int(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def no_zeros(seconds):
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000}"


# in_one


def generated(pieces, seconds=30):
    for i, piece in enumerate(pieces):
        for w in piece:
            yield w.text, w.start + i * seconds, w.end + i * seconds


def with_offset(pieces, seconds=30):
    words, offset = [], 0
    for piece in pieces:
        words += [[w.text, w.start + offset, w.end + offset] for w in piece]
        offset += seconds
    return words


def new_words(pieces, seconds=30):
    return [
        Word(w.text, w.start + i * seconds, w.end + i * seconds, w.probability)
        for i, piece in enumerate(pieces)
        for w in piece
    ]


def after_last_word(pieces, seconds=30):
    words, offset = [], 0
    for piece in pieces:
        for w in piece:
            words.append((w.text, w.start + offset, w.end + offset))
        offset += piece[-1].end
    return words


def in_place(pieces, seconds=30):
    for i, piece in enumerate(pieces):
        for w in piece:
            w.start += i * seconds
            w.end += i * seconds
    return [(w.text, w.start, w.end) for piece in pieces for w in piece]


def moved(by):
    """in_one with another offset."""

    def in_one(pieces, seconds=30):
        return [
            (w.text, w.start + by(i, seconds), w.end + by(i, seconds))
            for i, piece in enumerate(pieces)
            for w in piece
        ]

    return in_one


# greedy


def while_loop(next_probs, start, end, limit):
    found = []
    while len(found) < limit:
        token = np.argmax(next_probs([*start, *found]))
        if token == end:
            return found
        found.append(token)
    return found


def recursive(next_probs, start, end, limit):
    token = next_probs(start).argmax()
    if limit == 0 or token == end:
        return ()
    return (token, *recursive(next_probs, [*start, token], end, limit - 1))


def popped(next_probs, start, end, limit):
    tokens = np.array(start)
    for _ in range(limit):
        tokens = np.append(tokens, next_probs(tokens).argmax())
        if tokens[-1] == end:
            tokens = tokens[:-1]
            break
    return tokens[len(start) :]


def in_start(next_probs, start, end, limit):
    n = len(start)
    for _ in range(limit):
        likely = list(next_probs(start))
        start.append(likely.index(max(likely)))
        if start[-1] == end:
            return start[n:-1]
    return start[n:]


def end_kept(next_probs, start, end, limit):
    tokens = list(start)
    while len(tokens) < len(start) + limit and tokens[-1] != end:
        tokens.append(int(next_probs(tokens).argmax()))
    return tokens[len(start) :]


def filtered(next_probs, start, end, limit):
    tokens = list(start)
    for _ in range(limit):
        tokens.append(int(next_probs(tokens).argmax()))
    return [token for token in tokens[len(start) :] if token != end]


def forgetful(next_probs, start, end, limit):
    tokens = list(start)
    for _ in range(limit):
        token = int(next_probs([tokens[-1]]).argmax())
        if token == end:
            break
        tokens.append(token)
    return tokens[len(start) :]


def without_start(next_probs, start, end, limit):
    return while_loop(next_probs, [], end, limit)


def start_kept(next_probs, start, end, limit):
    return [*start, *while_loop(next_probs, start, end, limit)]


def start_counted(next_probs, start, end, limit):
    return while_loop(next_probs, start, end, limit - len(start))


def one_more(next_probs, start, end, limit):
    return while_loop(next_probs, start, end, limit + 1)


def unlimited(next_probs, start, end, limit):
    return while_loop(next_probs, start, end, 1000)


def first_only(next_probs, start, end, limit):
    return while_loop(next_probs, start, end, 1)


def unlikely(next_probs, start, end, limit):
    return while_loop(lambda tokens: -next_probs(tokens), start, end, limit)


# decide


def nested(avg_logprob, no_speech_prob, compression_ratio):
    if avg_logprob <= -1:
        return "skip" if no_speech_prob >= 0.6 else "again"
    elif compression_ratio >= 2.4:
        return "again"
    return "accept"


def again_first(a, n, c):
    if a < -1 or c > 2.4:
        return "again"
    if a < -1 and n > 0.6:
        return "skip"
    return "accept"


# broken_sentences


def first_sentence(cuts, sentences):
    count = 0
    for start, end in sentences:
        for cut in cuts:
            if start < cut < end:
                count += 1
                break
        return count


# corpus_rate and broken


def quotient(errors, words):
    return errors / words


def only_first_cut(cuts, sentences):
    return sum(a < cuts[0] < b for a, b in sentences)

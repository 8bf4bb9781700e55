"""Pictures of recordings and words: what is written where."""

import numpy as np

from lab_utils.plotting import corpus, speech
from lab_utils.transcripts import Word

SR = 16000


def noise(n):
    return np.random.default_rng(0).uniform(-0.5, 0.5, n).astype(np.float32)


def test_events_of_a_recording_are_joined_and_their_labels_do_not_meet():
    events = [("fan", 10, 12), ("fan", 14, 20), ("door", 21, 21), ("fan", 90, 91)]
    events = [{"kind": kind, "start": start, "end": end} for kind, start, end in events]
    ax = corpus.plot_recording(noise(5000), sr=50, events=events)
    assert [text.get_text() for text in ax.texts] == ["fan", "door", "fan"]
    assert [text.xy[0] for text in ax.texts] == [15, 21, 90.5]
    heights = [text.xyann[1] for text in ax.texts]
    assert heights[0] == heights[2] < heights[1]


def test_shared_padding_counts_the_seconds_that_are_encoded():
    alone, shared = corpus.plot_shared_padding([2.0, 3.0], margin=1.0, reference=4.0).axes
    assert alone.get_title() == "each clip alone: 60 s to encode"
    assert shared.get_title() == "shared padding: 37 s to encode"  # 3, 4 and the reference's 30


def test_words_are_printed_under_their_moment_and_doubtful_ones_framed():
    words = [Word(" sure", 1.0, 1.5, 0.9), Word(" maybe", 7.0, 7.5, 0.2)]
    fig = speech.spoken_figure(noise(12 * SR), sr=SR, words=words)
    (first,), (second,) = (ax.texts for ax in fig.axes)
    assert (first.get_text(), second.get_text()) == ("sure", "maybe")
    frames = [text.get_bbox_patch().get_edgecolor()[3] for text in (first, second)]
    assert frames == [0, 1]
    assert [ax.get_xlim() for ax in fig.axes] == [(0, 6), (6, 12)]
    assert not speech.spoken_figure(noise(40 * SR), sr=SR, words=words).axes[0].texts

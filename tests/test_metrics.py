"""Metrics against jiwer and scipy, and on texts whose score is plain to see."""

from __future__ import annotations

import doctest
import random

import jiwer
import numpy as np
import pytest
import scipy.stats

from lab_utils import metrics
from lab_utils.errors import MetricsError
from lab_utils.metrics import alignment, intervals, normalizers

WORDS = "the a cat dog sat ran down up Köln house mouse 21 it's".split()


def random_pairs(n: int, *, seed: int, words=WORDS) -> list[tuple[str, str]]:
    """Sentences and what three kinds of random errors make of them."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(n):
        said = rng.choices(words, k=rng.randint(1, 15))
        written = []
        for word in said:
            error = rng.random()
            if error < 0.15:
                written.append(rng.choice(words))
            elif error >= 0.25:
                written.append(word)
            if rng.random() < 0.15:
                written.append(rng.choice(words))
        pairs.append((" ".join(said), " ".join(written)))
    return pairs


def test_every_alignment_is_as_short_as_jiwers():
    for said, written in random_pairs(300, seed=0):
        ours, theirs = metrics.align(said, written, normalizer="none"), jiwer.wer(said, written)
        assert ours.wer == pytest.approx(theirs), (said, written)
        assert [e.reference for e in ours.edits if e.reference] == said.split()
        assert [e.hypothesis for e in ours.edits if e.hypothesis] == written.split()
        assert ours.hits + ours.substitutions + ours.deletions == len(said.split())


def test_corpus_wer_and_cer_equal_jiwers():
    said, written = map(list, zip(*random_pairs(60, seed=1), strict=True))
    ours = metrics.score(said, written, normalizer="none")
    assert ours.wer == pytest.approx(jiwer.wer(said, written))
    assert ours.cer == pytest.approx(jiwer.cer(said, written))
    assert ours.mean_wer == pytest.approx(
        np.mean([jiwer.wer(s, w) for s, w in zip(said, written, strict=True)])
    )


@pytest.mark.parametrize(
    ("said", "written", "wer"),
    [("", "", 0), ("", "thank you", 2), ("a b", "", 1), ("a", "a b c d", 3), ("   ", " \n", 0)],
)
def test_empty_and_longer_texts_are_scored_as_jiwer_scores_them(said, written, wer):
    ours = metrics.align(said, written, normalizer="none")
    assert ours.wer == wer == jiwer.wer(said, written)


def test_empty_references_inside_a_corpus():
    said, written = ["", "one two", ""], ["ghost", "one two", ""]
    ours = metrics.score(said, written, normalizer="none")
    assert (ours.errors, ours.n_reference) == (1, 2)
    assert ours.wer == jiwer.wer(said, written) == 0.5


def test_texts_that_the_normalizer_empties_are_empty():
    assert metrics.align("Um, uh!", "", normalizer="english").edits == ()
    assert metrics.align("Um, uh!", "", normalizer="english").wer == 0


def test_the_distance_table_by_hand():
    expected = [[0, 1, 2, 3], [1, 1, 2, 3], [2, 1, 2, 3], [3, 2, 1, 2]]
    table = metrics.distance_table("the cat sat".split(), "cat sat down".split())
    assert (
        table.tolist()
        == [
            [0, 1, 2, 3],
            [1, 1, 2, 3],
            [2, 1, 2, 3],
            [3, 2, 1, 2],
        ]
        == expected
    )


def test_the_table_of_characters_is_the_known_one():
    assert metrics.distance_table("kitten", "sitting")[-1, -1] == 3
    assert metrics.distance("kitten", "sitting") == 3
    assert metrics.distance_table("", "abc").tolist() == [[0, 1, 2, 3]]


def test_of_equally_short_alignments_the_readable_one_is_taken():
    edits = metrics.align("the Zyntriq unit", "the sin Zintrick unit").edits
    assert [(e.kind, e.hypothesis) for e in edits[1:3]] == [
        ("insertion", "sin"),
        ("substitution", "zintrick"),
    ]
    assert metrics.align("a b", "b c", normalizer="none").hits == 1  # two errors either way


def test_alignment_as_text_marks_each_kind():
    text = metrics.align("one two three", "one too three four", normalizer="none").text()
    assert text.splitlines() == [
        "said    one two three ****",
        "written one too three four",
        "            S         I",
    ]
    assert metrics.align("", "").text().splitlines()[0] == "said"


def test_normalizers_hide_what_they_say_they_hide():
    assert metrics.normalize("Colour, 20!") == metrics.normalize("color twenty") == "color 20"
    assert metrics.normalize("Köln", normalizer="english") == "koln"
    assert metrics.normalize("Köln,  ja!", normalizer="basic") == "köln ja"
    assert metrics.normalize(" Köln,\n ja ", normalizer="none") == "Köln, ja"
    assert metrics.align("Köln", "koln").wer == 0
    assert metrics.align("Köln", "koln", normalizer="none").wer == 1


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: metrics.score([], []), "at least one"),
        (lambda: metrics.score(["a"], ["a", "b"]), "1 references and 2 hypotheses"),
        (lambda: metrics.score("a", "a"), "put it in a list"),
        (lambda: metrics.score(["a", "b"], ["a", "b"], names=["x", "x"]), "different names"),
        (lambda: metrics.normalize("a", normalizer="german"), "german"),
        (lambda: metrics.align(None, "a"), "found NoneType"),
        (lambda: metrics.score(["a"], ["a"]).by(["x", "y"]), "one label"),
        (lambda: metrics.align("a " * 6000, "b " * 6000, normalizer="none"), "score its parts"),
        (lambda: metrics.share(3, 2), "3 of 2"),
        (lambda: metrics.bootstrap(metrics.score(["a"], ["a"]), confidence=95), "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, match):
    with pytest.raises(MetricsError, match=match):
        call()


def test_slices_add_up_to_the_whole():
    said, written = map(list, zip(*random_pairs(30, seed=2), strict=True))
    whole = metrics.score(said, written)
    parts = whole.by(["joe" if i % 3 else "heart" for i in range(30)])
    assert list(parts) == ["heart", "joe"]
    assert sum(p.errors for p in parts.values()) == whole.errors
    assert sum(p.n_reference for p in parts.values()) == whole.n_reference


def test_table_and_confusions():
    score = metrics.score(["a b", "a c"], ["a x", "a c"], names=["one", "two"])
    assert score.table().loc["one", ["words", "S", "D", "I", "wer"]].tolist() == [2, 1, 0, 0, 0.5]
    assert score.confusions() == [(metrics.Edit("substitution", "b", "x"), 1)]


def test_the_bootstrap_interval_agrees_with_scipys():
    said, written = map(list, zip(*random_pairs(50, seed=3), strict=True))
    score = metrics.score(said, written, normalizer="none")
    errors = np.array([c.words.errors for c in score.clips])
    words = np.array([c.words.n_reference for c in score.clips])
    oracle = scipy.stats.bootstrap(
        (errors, words),
        lambda e, w, axis: e.sum(axis=axis) / w.sum(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    ours = metrics.bootstrap(score, n_resamples=4000)
    assert ours.value == score.wer
    assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high), abs=0.01)
    assert metrics.bootstrap(score, seed=5) == metrics.bootstrap(score, seed=5)


def test_ninety_five_percent_intervals_hold_the_truth_about_that_often():
    """Corpora of 60 clips of 10 words, each word wrong with probability 0.2."""
    rng, inside = np.random.default_rng(0), 0
    for seed in range(200):
        errors = rng.binomial(10, 0.2, size=60)
        clips = tuple(fake_clip(i, int(e), 10) for i, e in enumerate(errors))
        interval = metrics.bootstrap(metrics.Score(clips, "none"), n_resamples=400, seed=seed)
        inside += interval.low <= 0.2 <= interval.high
    assert 0.88 <= inside / 200 <= 0.99


def fake_clip(i: int, errors: int, words: int) -> metrics.ClipScore:
    wrong = (metrics.Edit("substitution", "a", "b"),) * errors
    right = (metrics.Edit("hit", "a", "a"),) * (words - errors)
    return metrics.ClipScore(str(i), "a", "b", metrics.Alignment(wrong + right), errors, words)


def test_groups_widen_the_interval_of_doubled_clips():
    said, written = map(list, zip(*random_pairs(30, seed=4), strict=True))
    doubled = metrics.score(said * 2, written * 2, normalizer="none")
    alone = metrics.bootstrap(metrics.score(said, written, normalizer="none"))
    grouped = metrics.bootstrap(doubled, groups=[*range(30)] * 2)
    naive = metrics.bootstrap(doubled)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    assert naive.high - naive.low < grouped.high - grouped.low


def test_compare_finds_a_real_difference_and_no_imagined_one():
    said = [f"one two three four {i}" for i in range(40)]
    a = metrics.score(said, [s.replace("two", "too") for s in said], normalizer="none")
    b = metrics.score(said, said, normalizer="none")
    result = metrics.compare(a, b)
    assert result.difference.value == pytest.approx(-0.2)
    assert (result.better, result.worse, result.equal) == (40, 0, 0)
    assert "better" in result.verdict and "worse" in metrics.compare(b, a).verdict
    assert "cannot tell" in metrics.compare(a, a).verdict


def test_pairing_sees_a_small_steady_gain_that_separate_intervals_hide():
    rng = np.random.default_rng(0)
    errors = rng.integers(2, 9, size=40)
    a = metrics.Score(tuple(fake_clip(i, int(e), 10) for i, e in enumerate(errors)), "none")
    b = metrics.Score(tuple(fake_clip(i, int(e) - 1, 10) for i, e in enumerate(errors)), "none")
    assert metrics.bootstrap(b).high > metrics.bootstrap(a).low  # the two intervals overlap
    assert metrics.compare(a, b).difference.high < 0


def test_compare_refuses_scores_of_different_clips():
    a, b = metrics.score(["a"], ["a"]), metrics.score(["b"], ["b"])
    with pytest.raises(MetricsError, match="same clips"):
        metrics.compare(a, b)
    with pytest.raises(MetricsError, match="one normalizer"):
        metrics.compare(a, metrics.score(["a"], ["a"], normalizer="none"))


def test_wilson_interval_equals_scipys():
    for hits, n in [(0, 10), (10, 10), (3, 46), (23, 46)]:
        oracle = scipy.stats.binomtest(hits, n).proportion_ci(method="wilson")
        ours = metrics.share(hits, n)
        assert (ours.low, ours.high) == pytest.approx((oracle.low, oracle.high))


def test_terms_count_only_when_spelled_exactly():
    said = ["Zyntriq and Kaelith, Kaelith.", "No name here."]
    written = ["zyntriq and Kaelith! Kalith Zyntriq", "Zyntriq"]
    assert metrics.terms_right(said, written, ["Zyntriq", "Kaelith"]) == (2, 3)


def test_interval_prints_as_one_would_write_it():
    assert f"{metrics.Interval(0.1234, 0.1, 0.2):.1%}" == "12.3% [10.0%, 20.0%]"


def test_examples_in_the_docstrings():
    for module in (alignment, intervals, normalizers):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed

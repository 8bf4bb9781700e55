"""Metrics against jiwer and scipy, and on texts whose score is plain to see."""

from __future__ import annotations

import doctest
import importlib
import json
import random
import runpy
import time
from pathlib import Path

import jiwer
import numpy as np
import pytest
import scipy.stats

from lab_utils import metrics
from lab_utils.errors import MetricsError

PROJECT = Path(__file__).resolve().parent.parent
BENCHMARKS = PROJECT / "benchmarks"
RESULTS = PROJECT / "assets" / "results" / "two_systems.json"

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


UNICODE = "काली कोला नमस्ते 東京 都 をが สวัสดี காலி שלום عليكم naïve Köln é é 😀 o'clock ﬁn".split()


@pytest.mark.parametrize("normalizer", ["none", "basic"])
def test_alignments_of_any_script_are_as_short_as_jiwers(normalizer):
    for said, written in random_pairs(200, seed=7, words=UNICODE):
        a, b = (metrics.normalize(text, normalizer=normalizer) for text in (said, written))
        ours = metrics.score([said], [written], normalizer=normalizer)
        assert ours.wer == pytest.approx(jiwer.wer(a, b)), (said, written)
        assert ours.cer == pytest.approx(jiwer.cer(a, b)), (said, written)


def lecture(n: int, *, seed: int = 0) -> tuple[str, str]:
    """Many words, of which one in ten is written wrong, left out or followed by another."""
    rng, said, written = random.Random(seed), [], []
    for _ in range(n):
        word, error = f"w{rng.randrange(3000)}", rng.random()
        said.append(word)
        if not 0.03 < error < 0.07:
            written.append("x" if error < 0.03 else word)
        if 0.07 < error < 0.1:
            written.append("y")
    return " ".join(said), " ".join(written)


def test_a_lecture_is_aligned_in_full_and_nearly_as_fast_as_by_jiwer():
    said, written = lecture(8000)
    seconds = {"ours": [], "theirs": []}
    for _ in range(5):
        start = time.process_time()
        ours = metrics.align(said, written, normalizer="none")
        middle = time.process_time()
        theirs = jiwer.process_words(said, written)
        seconds["ours"].append(middle - start)
        seconds["theirs"].append(time.process_time() - middle)
    assert min(seconds["ours"]) < 6 * min(seconds["theirs"])  # measured: 1.6
    assert ours.wer == theirs.wer
    assert [e.reference for e in ours.edits if e.reference] == said.split()
    assert [e.hypothesis for e in ours.edits if e.hypothesis] == written.split()
    assert {e.kind for e in ours.edits} == set(metrics.LETTERS)


def test_a_run_of_errors_in_a_long_text_reads_as_in_a_short_one():
    said, written = lecture(300)
    edits = metrics.align(
        f"{said} the Zyntriq unit {said}", f"{said} the sin Zintrick unit {written}",
        normalizer="none",
    ).edits  # fmt: skip
    assert [(e.kind, e.hypothesis) for e in edits[301:303]] == [
        ("insertion", "sin"),
        ("substitution", "Zintrick"),
    ]


def test_texts_that_the_normalizer_empties_are_empty():
    assert metrics.align("Um, uh!", "", normalizer="english").edits == ()
    assert metrics.align("Um, uh!", "", normalizer="english").wer == 0


def test_the_distance_table_by_hand():
    table = metrics.distance_table("the cat sat".split(), "cat sat down".split())
    assert table.tolist() == [[0, 1, 2, 3], [1, 1, 2, 3], [2, 1, 2, 3], [3, 2, 1, 2]]
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
    ("said", "written"),
    [("काली", "कोला"), ("நாய்", "நாயா"), ("ไม้", "ไม"), ("ਕਿ", "ਕੀ"), ("かぎ", "がき"), ("йод", "иод")],
)
@pytest.mark.parametrize("normalizer", metrics.NORMALIZERS)
def test_no_normalizer_hides_the_vowels_of_another_script(said, written, normalizer):
    assert metrics.score([said], [written], normalizer=normalizer).cer > 0
    assert metrics.normalize(said, normalizer=normalizer) == said


def test_the_english_normalizer_is_whispers():
    from whisper.normalizers import EnglishTextNormalizer

    theirs = EnglishTextNormalizer()
    texts = [
        "Mr. O'Neil won't pay £20.50 [noise] (laughs) for 21st-century café œuvre, um, ½ ﬁne!",
        "ＦＵＬＬ width naïve Åre e\u0301 ™ “quoted” – twenty-one hundred and five",
        *json.loads(RESULTS.read_text("utf-8"))["clips"][0].values(),
    ]
    for text in texts:
        assert metrics.normalize(text) == " ".join(theirs(text).split())


def test_basic_drops_case_and_punctuation_and_nothing_else():
    basic = lambda text: metrics.normalize(text, normalizer="basic")  # noqa: E731
    assert basic("Hello [noise] (laughs) World!") == "hello noise laughs world"
    assert basic("नमस्ते, दुनिया।") == "नमस्ते दुनिया"
    assert basic("I ❤️ it 1️⃣") == "i it 1"
    assert basic("İyi ȷ̈ x̂") == "i̇yi ȷ̈ x̂"


BASIC = {"normalizer": "basic"}


@pytest.mark.parametrize(
    ("said", "written", "how"),
    [
        ("Donau\u00addampfer", "Donaudampfer", BASIC),
        ("\u200fשלום\u200e", "שלום", BASIC),
        ("\ufeffHallo", "Hallo", BASIC),
        ("क्\u200dष", "क्ष", BASIC),
        ("ᠮᠠ\u180bᠨ", "ᠮᠠᠨ", BASIC),
        ("İSTANBUL ISPARTA", "istanbul ısparta", {"language": "tr"}),
        ("пʼять", "п'ять", BASIC),
        ("oʻzbek", "o‘zbek", BASIC),
        ("I’m here; don’t go", "I'm here; don't go", {}),
        ("hy\u00adphen", "hyphen", {}),
        ("cafe\u0301", "café", BASIC),
        ("ＡＢＣ", "abc", BASIC),
        ("ﾃｽﾄ", "テスト", BASIC),
        ("ΟΔΟΣ", "οδος", BASIC),
    ],
)
def test_texts_that_read_the_same_are_the_same(said, written, how):
    score = metrics.score([said], [written], **how)
    assert score.wer == score.cer == 0


@pytest.mark.parametrize(
    ("said", "written", "language"),
    [
        ("كَتَبَ", "كُتِبَ", "ar"),
        ("שָׁלוֹם", "שָׁלֵם", "he"),
        ("schon", "schön", "de"),
        ("Straße", "Strasse", "de"),
        ("um homem", "homem", "pt"),
        ("kız", "kiz", "tr"),
        ("မြန်မာ", "မြန်မ", "my"),
    ],
)
def test_texts_that_read_differently_are_different(said, written, language):
    assert metrics.score([said], [written], language=language).cer > 0


def test_the_unit_and_the_normalizer_follow_the_language():
    for language in "zh ja th lo my km yue bo zh-TW Chinese cmn_hans_cn".split():
        assert metrics.unit_of(language) == "character", language
    for language in (None, "", "en", "hi", "de", "ko", "German"):
        assert metrics.unit_of(language) == "word", language
    assert metrics.normalizer_of("de") == metrics.normalizer_of("Hindi") == "basic"
    assert metrics.normalizer_of("en-US") == metrics.normalizer_of(None) == "english"


def test_one_wrong_character_of_fifteen_is_one_fifteenth():
    said, written = "今天天气很好我们一起去公园散步", "今天天气很好我们一起去公园跑步"
    ours = metrics.align(said, written, language="zh")
    assert ours.wer == pytest.approx(1 / 15) and ours.unit == "character"
    score = metrics.score([said], [written + "。"], language="zh")
    assert score.wer == score.cer == pytest.approx(1 / 15)
    assert metrics.score(["สวัสดี ครับ"], ["สวัสดีครับ"], language="th").wer == 0


@pytest.mark.parametrize(
    ("language", "texts", "heard", "rule"),
    [
        ("zh", ["今天天气很好我们去公园"] * 3, "今天天汽很好我们去公园", "disagreement"),
        ("de", ["Das ist schon gut", "Das ist schön gut", "Nein"], "", "duplicate_text"),
        ("pt", ["Um homem chegou", "Homem chegou", "Não"], "", "duplicate_text"),
    ],
)
def test_a_corpus_is_checked_in_its_language(tmp_path, language, texts, heard, rule):
    import workshop

    from lab_utils.corpus import check, rules

    corpus = workshop.small(tmp_path)
    values = {"language": language, "heard": heard}
    rows = {c.id: values | {"text": t} for c, t in zip(corpus.clips, texts, strict=True)}
    outcome = check.check(corpus.updated(rows), rules.contract("voice"))
    found = {f.rule for f in outcome.findings}
    assert rule not in found


def test_wide_characters_stand_under_each_other():
    lines = metrics.align("東京 は it", "東 は a", normalizer="none").text().splitlines()
    assert lines == ["said    東京 は it", "written 東   は a", "        S       S"]
    hindi = metrics.align("नमस्ते x", "नमस x", normalizer="none").text().splitlines()
    assert hindi[2] == "        S"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: metrics.score(["a"], ["a"], language="de", normalizer="english"), "English only"),
        (lambda: metrics.score(["a"], ["a"], language="Chinees"), "Did you mean 'Chinese'"),
        (lambda: metrics.unit_of(5), "found 5"),
        (lambda: metrics.score([], []), "at least one"),
        (lambda: metrics.score(["a"], ["a", "b"]), "1 references and 2 hypotheses"),
        (lambda: metrics.score("a", "a"), "put it in a list"),
        (lambda: metrics.score(["a", "b"], ["a", "b"], names=["x", "x"]), "different names"),
        (lambda: metrics.normalize("a", normalizer="german"), "german"),
        (lambda: metrics.align(None, "a"), "found NoneType"),
        (lambda: metrics.score(["a"], ["a"]).by(["x", "y"]), "one label"),
        (lambda: metrics.distance_table("a" * 6000, "b" * 6000), "use metrics.distance"),
        (lambda: metrics.share(3, 2), "3 of 2"),
        (lambda: metrics.interval(metrics.score(["a"], ["a"]), confidence=95), "between 0 and 1"),
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


def test_the_spread_of_a_rate_is_scipys_bootstrap_standard_error():
    said, written = map(list, zip(*random_pairs(50, seed=3), strict=True))
    score = metrics.score(said, written, normalizer="none")
    errors, words = metrics.counts(score)
    oracle = scipy.stats.bootstrap(
        (errors, words),
        lambda e, w, axis: e.sum(axis=axis) / w.sum(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(1),
    )
    assert metrics.intervals._spread(errors, words) == pytest.approx(
        oracle.standard_error, rel=0.06
    )
    ours, theirs = metrics.interval(score), oracle.confidence_interval
    assert ours.value == score.wer
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


def test_an_interval_can_be_computed_by_hand():
    """Ten clips of ten words, one error in half of them: the spread is that of a mean."""
    score = metrics.Score(tuple(fake_clip(i, i % 2, 10) for i in range(10)), "none")
    spread = np.std([0, 1] * 5, ddof=1) / np.sqrt(10) / 10
    t = scipy.stats.t.ppf(0.975, 9)
    ours = metrics.interval(score)
    assert (ours.low, ours.high) == pytest.approx(
        (0.05 * np.exp(-t * spread / 0.05), 0.05 * np.exp(t * spread / 0.05))
    )
    clean = metrics.Score(tuple(fake_clip(i, 0, 10) for i in range(10)), "none")
    change = metrics.compare(clean, score).difference
    half = scipy.stats.t.ppf(0.975, 5) * spread  # half as many degrees of freedom as clips
    assert (change.low, change.high) == pytest.approx((0.05 - half, 0.05 + half))


def skewed(rng, n: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors and words of clips like the labs': 3 to 20 words, some clips much harder."""
    words = rng.integers(3, 21, size=n)
    return rng.poisson(rate * words * rng.gamma(1, 1, size=n)), words


def as_score(errors, words) -> metrics.Score:
    clips = (fake_clip(i, int(e), int(w)) for i, (e, w) in enumerate(zip(errors, words)))  # noqa: B905
    return metrics.Score(tuple(clips), "none")


@pytest.mark.parametrize(("n", "rate"), [(10, 0.05), (10, 0.2), (12, 0.1), (16, 0.05)])
def test_ninety_five_percent_intervals_hold_the_truth_about_that_often(n, rate):
    """The percentiles of a bootstrap did so in 82 to 87 % of these corpora."""
    rng, inside, corpora = np.random.default_rng(n), 0, 0
    for _ in range(300):
        errors, words = skewed(rng, n, rate)
        if errors.any():
            corpora += 1
            found = metrics.interval(as_score(errors, words))
            inside += found.low <= rate <= found.high
    assert 0.92 <= inside / corpora <= 0.99


@pytest.mark.parametrize("n", [10, 16])
def test_so_do_the_intervals_of_a_difference(n):
    rng, inside = np.random.default_rng(n), 0
    for _ in range(300):
        words = rng.integers(3, 21, size=n)
        hard = words * rng.gamma(1, 1, size=n)
        a, b = (as_score(rng.poisson(rate * hard), words) for rate in (0.05, 0.03))
        found = metrics.compare(a, b).difference
        inside += found.low <= -0.02 <= found.high
    assert 0.92 <= inside / 300 <= 0.995


def test_the_benchmark_measures_what_it_says():
    benchmark = runpy.run_path(str(BENCHMARKS / "interval_coverage.py"))
    draw, rate, change = benchmark["scenarios"]()["tiny.en and base"]
    found = benchmark["coverage"](draw, rate, change, n=12, corpora=200)
    assert found["change old"] < 0.85 < 0.93 < found["change new"]
    assert found["rate old"] < 0.93 < found["rate new"]
    assert 0 < found["change none"] < 0.3  # small corpora in which no clip differs


def test_an_interval_is_wider_where_one_clip_makes_most_errors():
    """Its spread rests on one case, so Student's t takes fewer degrees of freedom than n - 1."""
    words, spread = np.full(12, 20), metrics.intervals._spread
    for errors, few in ([2] * 6 + [4] * 6, False), ([1] * 6 + [2] * 5 + [20], True):
        found = metrics.rate_interval(errors, words)
        factor = np.log(found.high / found.value) * found.value / spread(np.array(errors), words)
        plain = scipy.stats.t.ppf(0.975, 11)
        assert factor > 1.15 * plain if few else factor == pytest.approx(plain)


def test_clips_of_one_sentence_are_one_group():
    """Two voices read each of ten sentences, and stumble over the same ones."""
    rng, grouped, alone = np.random.default_rng(0), 0, 0
    for _ in range(200):
        words = rng.integers(3, 21, size=10).repeat(2)
        hard = rng.gamma(0.7, 1 / 0.7, size=10).repeat(2)
        score = as_score(rng.poisson(0.1 * hard * words), words)
        sentences = np.arange(10).repeat(2).tolist()
        for groups in (sentences, None):
            found = metrics.interval(score, groups=groups)
            inside = found.low <= 0.1 <= found.high
            grouped, alone = grouped + (inside if groups else 0), alone + (0 if groups else inside)
    assert alone / 200 < 0.9 < grouped / 200


def test_where_nothing_can_be_told_there_is_no_interval_but_a_reason():
    few = metrics.interval(as_score([1] * 7, [10] * 7))
    assert np.isnan([few.low, few.high]).all() and few.value == 0.1
    assert f"{few:.1%}" == "10.0% (no interval: only 7 independent clips, 8 are needed)"
    perfect = metrics.interval(as_score([0] * 12, [10] * 12))
    assert "up to 22% of all" in f"{perfect:.1%}"  # 1 - 0.05 ** (1 / 12), about 3 / 12
    two = metrics.compare(as_score([1, 0], [5, 5]), as_score([0, 0], [5, 5]))
    assert "cannot tell" in two.verdict and "only 2" in two.verdict
    same = metrics.compare(as_score([0] * 12, [10] * 12), as_score([0] * 12, [10] * 12))
    assert same.verdict == "These clips cannot tell: no clip of 12 differs."


def fake_clip(i: int, errors: int, words: int) -> metrics.ClipScore:
    wrong = (metrics.Edit("substitution", "a", "b"),) * errors
    right = (metrics.Edit("hit", "a", "a"),) * (words - errors)
    return metrics.ClipScore(str(i), "a", "b", metrics.Alignment(wrong + right), errors, words)


def test_groups_widen_the_interval_of_doubled_clips():
    said, written = map(list, zip(*random_pairs(30, seed=4), strict=True))
    doubled = metrics.score(said * 2, written * 2, normalizer="none")
    alone = metrics.interval(metrics.score(said, written, normalizer="none"))
    grouped = metrics.interval(doubled, groups=[*range(30)] * 2)
    naive = metrics.interval(doubled)
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
    assert metrics.interval(b).high > metrics.interval(a).low  # the two intervals overlap
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


@pytest.mark.parametrize(
    "term",
    ["New York", "Saint-Malo", "O'Brien", "C++", "GPT-4", "AT&T", "नमस्ते", "東京", ".NET", "Ω"],
)
def test_a_term_may_have_several_words_signs_and_any_script(term):
    said = [f"Do you know {term}, or not?", f"{term}!", "Nothing."]
    assert metrics.terms_right(said, said, [term]) == (2, 2)
    assert metrics.terms_right(said, ["Do you know that?", "x", ""], [term]) == (0, 2)
    assert metrics.terms_right([term], [term.upper()], [term, term.lower()]) == (1, 1)


@pytest.mark.parametrize(
    ("said", "written", "terms", "counts"),
    [
        ("我住在東京都。", "我住在东京都。", ["東京"], (0, 1)),
        ("category C++ catch AT&T", "x", ["cat", "C", "AT"], (0, 0)),
        ("New York, York and New  York’s", None, ["York", "New York"], (3, 3)),
        ("O’Brien", "O'Brien", ["O'Brien"], (1, 1)),
        ("नमस्ते", "नमस", ["नमस"], (0, 0)),
        ("GPT-4.5 costs 5.5 in the .NET age", None, ["GPT-4", "5", "NET"], (0, 0)),
        ("Frau Weiß WEISS", "Frau Weiss weiss", ["Weiß"], (0, 1)),
        ("İstanbul", "istanbul", ["İstanbul"], (1, 1)),
        ("서울에서 왔어요", "서울에서 왔어요", ["서울"], (1, 1)),
        ("Donau\u00addampfer", "Donaudampfer", ["Donaudampfer"], (1, 1)),
        ("п'ять", "пʼять", ["п’ять"], (1, 1)),
    ],
)
def test_terms_are_whole_words_spelled_exactly_in_every_script(said, written, terms, counts):
    assert metrics.terms_right([said], [said if written is None else written], terms) == counts


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((["a"], ["a"], "Zyntriq"), "terms to be a list.*single text"),
        (("a", ["a"], ["a"]), "references to be a list"),
        ((["a"], ["a", "b"], ["a"]), "1 references and 2 hypotheses"),
        ((["a"], ["a"], [" "]), "empty one"),
        ((["a"], ["a"], [5]), "lists of texts, found 5"),
        (([None], ["a"], ["a"]), "lists of texts, found None"),
    ],
)
def test_terms_that_make_no_sense_are_refused(arguments, match):
    with pytest.raises(MetricsError, match=match):
        metrics.terms_right(*arguments)


def test_pictures_show_a_rate_without_an_interval_as_a_dot():
    from lab_utils.plotting import scores

    some = metrics.interval(as_score([1, 0] * 5, [10] * 10))
    few = metrics.interval(as_score([1] * 6, [10] * 6))
    for ax, dots, bars in (
        (scores.plot_intervals({"some": some, "few": few}), 2, 1),
        (scores.plot_before_after({"some": (some, some), "few": (few, few)}), 4, 2),
    ):
        sizes = [len(line.get_xdata()) for line in ax.lines]
        assert (sizes.count(1), sizes.count(2)) == (dots, bars)
        said = [text.get_text() for text in ax.texts]
        assert sum("no interval" in text for text in said) == dots / 2
        assert not any("nan" in text for text in said)


def test_interval_prints_as_one_would_write_it():
    assert f"{metrics.Interval(0.1234, 0.1, 0.2):.1%}" == "12.3% [10.0%, 20.0%]"


def test_examples_in_the_docstrings():
    for name in ("alignment", "intervals", "normalizers", "terms"):
        result = doctest.testmod(importlib.import_module(f"lab_utils.metrics.{name}"))
        assert result.attempted and not result.failed

"""Texts for clips: heard by Whisper, from a script, from subtitles."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import smallmodel
import workshop
from whisper.model import ModelDimensions
from whisper.tokenizer import get_tokenizer

from lab_utils import audio, batches, files, models
from lab_utils.corpus import check, heard, label, rules
from lab_utils.corpus.manifest import Manifest
from lab_utils.errors import CorpusError, LabError, TrainingError


def _misheard(text: str, seed: int) -> str:
    """The text with about one word in five wrong, missing or doubled."""
    rng, words = random.Random(seed), []
    for word in text.split():
        chance = rng.random()
        if chance < 0.07:
            continue
        words.append("banana" if chance < 0.14 else word)
        if chance > 0.95:
            words.append("uh")
    return " ".join(words)


@pytest.mark.parametrize("name", ["lecture.ogg", "guest.mp3", "student.flac"])
def test_the_script_gives_every_clip_its_line_though_much_was_misheard(name):
    """The two clipped sentences of the lecture are in the script and in no clip."""
    corpus = workshop.corpus()
    clips = [clip for clip in corpus.clips if clip.recording == name]
    misheard = {c.id: _misheard(c.text, i) for i, c in enumerate(clips)}
    corpus = corpus.updated({k: {"heard": v, "text": v} for k, v in misheard.items()})
    script = label.read_script((workshop.FOLDER / name).with_suffix(".txt"))
    made = {c.id: c for c in label.from_script(corpus, name, script).clips if c.recording == name}
    wrong = [clip.id for clip in clips if made[clip.id].text != clip.text]
    assert len(wrong) <= 0.03 * len(clips)


def test_a_clip_of_half_a_sentence_gets_half_a_sentence(tmp_path):
    corpus = workshop.small(tmp_path, 2)
    words = "one two three four five six seven eight nine ten eleven twelve"
    first, second = corpus.clips
    corpus = corpus.updated({first.id: {"heard": "one two three four five six"},
                             second.id: {"heard": "seven ate nine ten eleven twelve"}})  # fmt: skip
    made = label.from_script(corpus, "student.flac", f"Before it.\n{words.title()}.\nAfter it.")
    assert [c.text for c in made.clips] == [
        "One Two Three Four Five Six", "Seven Eight Nine Ten Eleven Twelve."
    ]  # fmt: skip


def test_words_that_are_not_in_the_script_stay(tmp_path):
    corpus = workshop.small(tmp_path, 1)
    corpus = corpus.updated({corpus.clips[0].id: {"heard": "quite other words", "text": "mine"}})
    made = label.from_script(corpus, "student.flac", "Nothing of the kind was ever said here.")
    assert made.clips[0].text == "mine"


def test_a_script_of_running_text_in_another_order(tmp_path):
    corpus = workshop.small(tmp_path, 3)
    said = ["one two three four", "five six seven ate nine", "ten eleven twelve thirteen"]
    ids = [clip.id for clip in corpus.clips]
    corpus = corpus.updated({k: {"heard": v} for k, v in zip(ids, said, strict=True)})
    running = "Ten, eleven, twelve, thirteen! One, two, three, four. Five, six, seven, 8, nine?"
    made = label.from_script(corpus, "student.flac", running)
    assert [clip.text for clip in made.clips] == [
        "One, two, three, four.", "Five, six, seven, 8, nine?", "Ten, eleven, twelve, thirteen!"
    ]  # fmt: skip


def test_a_japanese_script_is_compared_by_characters(tmp_path):
    corpus = workshop.small(tmp_path, 2)
    first, second = corpus.clips
    corpus = corpus.updated({
        first.id: {"language": "ja", "heard": "船は昼に港を出た"},
        second.id: {"language": "ja", "heard": "誰も手を振らない"},
    })  # fmt: skip
    made = label.from_script(corpus, "student.flac", "船は昼に港を出る。だれも手を振らない。")
    assert [clip.text for clip in made.clips] == ["船は昼に港を出る。", "だれも手を振らない。"]


SRT = """1
00:00:00,500 --> 00:00:01,000
Before.

2
00:00:01,000 --> 00:00:02,500
<i>Hello</i>
there.

3
01:00:02,000 --> 01:00:03,000
Later.
"""


def test_clips_get_the_subtitles_that_lie_in_them():
    rows = workshop.truth()["student.flac"]["sentences"]
    lines = [f"{i}\n00:00:{a:06.3f} --> 00:00:{b:06.3f}\n{t}\n" for i, (t, a, b) in enumerate(rows)]
    corpus = workshop.corpus()
    blank = corpus.updated({c.id: {"text": "", "text_by": ""} for c in corpus.clips})
    made = label.from_subtitles(blank, "student.flac", "\n".join(lines).replace(".", ",", 0))
    for clip, before in zip(made.clips, corpus.clips, strict=True):
        if clip.recording == "student.flac":
            assert (clip.text, clip.text_by) == (before.text, "subtitles")
        else:
            assert clip.text == ""


def test_texts_for_clips_and_recordings_that_are_not_there(tmp_path):
    corpus = workshop.small(tmp_path, 1)
    with pytest.raises(CorpusError, match="ids"):
        label.from_texts(corpus, {"nobody": "text"})
    with pytest.raises(CorpusError, match="student.flac"):
        label.from_subtitles(corpus, "other.wav", SRT)
    with pytest.raises(CorpusError, match="found none"):
        label.from_subtitles(corpus, "student.flac", "no subtitles")
    with pytest.raises(CorpusError, match="a script with words"):
        label.from_script(corpus, "student.flac", " \n ")
    deaf = corpus.updated({corpus.clips[0].id: {"heard": ""}})
    with pytest.raises(CorpusError, match="has been heard"):
        label.from_script(deaf, "student.flac", "Some words.")
    with pytest.raises(CorpusError, match="cannot be read"):
        label.read_script(tmp_path / "none.txt")


# ---- resumable labelling, with a Whisper that only counts


@pytest.fixture
def counting(monkeypatch):
    """Batches of four, whose texts name the model, the language and the clip's length."""
    calls: list[list[str]] = []

    def transcribe_many(clips, model, *, language, exact, on_batch):
        lengths = [len(y) for y in clips]
        for first in range(0, len(lengths), 4):
            batch = range(first, min(first + 4, len(lengths)))
            texts = {i: f"{model.name} {language} {lengths[i]}" for i in batch}
            calls.append(list(texts.values()))
            on_batch({i: batches.ClipText(text, (), -0.1, 1.0) for i, text in texts.items()})

    monkeypatch.setattr(batches, "transcribe_many", transcribe_many)
    monkeypatch.setattr(models, "fingerprint", lambda model: model.name)
    return calls


def _blank(corpus: Manifest) -> Manifest:
    return corpus.updated({c.id: {"text": "", "text_by": "", "heard": ""} for c in corpus.clips})


MODEL = SimpleNamespace(name="A")
SMALL = ModelDimensions(80, 1500, 16, 2, 1, 51864, 24, 16, 2, 1)  # English only, random weights


def test_killed_and_started_again_only_the_rest_is_heard(tmp_path, counting, monkeypatch):
    corpus = _blank(workshop.small(tmp_path / "whole", 10))
    expected = [c.text for c in label.with_whisper(corpus, MODEL).clips]
    assert all(expected) and [len(batch) for batch in counting] == [4, 4, 2]

    counting.clear()
    again = label.with_whisper(corpus, MODEL)
    assert [c.text for c in again.clips] == expected and counting == []

    other = _blank(workshop.small(tmp_path / "killed", 10))
    real, counting[:] = batches.transcribe_many, []

    def die_in_the_second(*arguments, on_batch, **options):
        def die(made):
            if len(counting) == 2:
                raise KeyboardInterrupt
            on_batch(made)

        real(*arguments, on_batch=die, **options)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "transcribe_many", die_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            label.with_whisper(other, MODEL)
    cache = tmp_path / "killed" / label.CACHE
    cache.write_text(cache.read_text("utf-8") + '{"clip": "half a li', "utf-8")
    counting.clear()
    assert [c.text for c in label.with_whisper(other, MODEL).clips] == expected
    assert [len(batch) for batch in counting] == [4, 2]


def test_a_text_with_a_line_separator_is_remembered(tmp_path, counting, monkeypatch):
    monkeypatch.setattr(MODEL, "name", "two\u2028lines\x85three")
    corpus = _blank(workshop.small(tmp_path, 2))
    made = label.with_whisper(corpus, MODEL)
    counting.clear()
    assert label.with_whisper(corpus, MODEL) == made and counting == []


def test_given_texts_are_kept_and_broken_files_passed_over(tmp_path, counting):
    corpus = workshop.small(tmp_path, 3)
    corpus.path(corpus.clips[1]).write_bytes(b"")
    given = corpus.updated({corpus.clips[0].id: {"text": "Mine.", "text_by": "given", "heard": ""}})
    made = label.with_whisper(given, MODEL)
    assert made.clips[0].text == "Mine." and made.clips[0].heard
    assert made.clips[1].heard == corpus.clips[1].heard


def test_each_clip_is_heard_in_its_own_language(tmp_path, counting):
    corpus = _blank(workshop.small(tmp_path, 3))
    first, second, third = corpus.clips
    corpus = corpus.updated({first.id: {"language": "ru"}, third.id: {"language": ""}})
    made = label.with_whisper(corpus, MODEL)
    assert [c.text.split()[1] for c in made.clips] == ["ru", "en", "en"]
    made = label.with_whisper(corpus, MODEL, language="fr")  # one for all
    assert [c.text.split()[1] for c in made.clips] == ["fr", "fr", "fr"]
    assert [c.language for c in made.clips] == ["ru", "en", "fr"]  # noted where none was


def test_each_clip_is_read_once(tmp_path, monkeypatch):
    import builtins

    import soundfile

    model, corpus = smallmodel.small_whisper(SMALL), _blank(workshop.small(tmp_path, 2))
    opened, real_open, real_init = Counter(), open, soundfile.SoundFile.__init__

    def note(file):
        if str(file).startswith(str(tmp_path.resolve())) and str(file).endswith(".wav"):
            opened[Path(file).name] += 1

    def open_and_note(file, *more, **options):
        note(file)
        return real_open(file, *more, **options)

    def init_and_note(self, file, *more, **options):
        note(file)
        real_init(self, file, *more, **options)

    monkeypatch.setattr(builtins, "open", open_and_note)
    monkeypatch.setattr(soundfile.SoundFile, "__init__", init_and_note)
    audio.load(corpus.path(corpus.clips[0]))
    one_read = opened.total()
    opened.clear()
    label.with_whisper(corpus, model)
    assert list(opened.values()) == [one_read, one_read]


# ---- the cache knows the weights: two small models with random ones


def test_another_model_is_heard_itself(tmp_path):
    """Two models, and one file whose weights were trained on in between."""
    from lab_utils import training

    a, b = (smallmodel.small_whisper(SMALL, seed=seed) for seed in (0, 1))
    corpus = _blank(workshop.small(tmp_path / "corpus", 2))
    by_a, by_b = ([c.heard for c in label.with_whisper(corpus, m).clips] for m in (a, b))
    assert by_a != by_b
    assert [c.heard for c in label.with_whisper(corpus, a).clips] == by_a
    path, heard = str(tmp_path / "mine.pt"), []
    for model in (a, b):
        training.save(model, path)
        heard.append([c.heard for c in label.with_whisper(corpus, path).clips])
    assert heard == [by_a, by_b]


def test_a_cache_that_does_not_name_the_weights_is_not_trusted(tmp_path, counting):
    corpus = _blank(workshop.small(tmp_path, 1))
    old = f"{files.sha256(corpus.path(corpus.clips[0]))[:24]} of your own en shared"
    (tmp_path / label.CACHE).write_text(json.dumps({"clip": old, "heard": "stale"}) + "\n", "utf-8")
    assert label.with_whisper(corpus, MODEL).clips[0].heard.startswith("A en")


def test_what_cannot_be_heard_is_named(tmp_path):
    model, corpus = smallmodel.small_whisper(SMALL), workshop.small(tmp_path, 1)
    clip = corpus.clips[0]
    for language in ("xx", "de"):  # nobody's, and not this model's
        odd = corpus.updated({clip.id: {"language": language}})
        with pytest.raises(CorpusError, match=f"{clip.id}.*{language}.*column 'language'"):
            label.with_whisper(odd, model)
        with pytest.raises(LabError, match=language):
            label.with_whisper(corpus, model, language=language)
    audio.save_wav(corpus.path(clip), np.zeros(30 * 16_000 + 1, np.float32), sr=16_000)
    with pytest.raises(CorpusError, match=f"{clip.id}.*30.0 s.*cut it"):
        label.with_whisper(corpus, model)


def test_special_tokens_are_no_words(tmp_path):
    from lab_utils import training
    from lab_utils.corpus import findings

    corpus = workshop.small(tmp_path, 1)
    clip = corpus.clips[0]
    with pytest.raises(CorpusError, match=r"<\|endoftext\|>.*special token"):
        label.from_texts(corpus, {clip.id: "The end.<|endoftext|>"})
    heard = corpus.updated({clip.id: {"heard": clip.text}})
    with pytest.raises(CorpusError, match="script.*special token"):
        label.from_script(heard, clip.recording, f"<|0.00|> {clip.text}")
    with pytest.raises(TrainingError, match="special token"):
        training.labels("The end.<|endoftext|>", get_tokenizer(False))
    assert findings.count_tokens("The end.<|endoftext|>") > findings.count_tokens("The end.")


@pytest.mark.model
@pytest.mark.parametrize("level", [1e-4, 3e-3])
def test_a_clip_in_which_nobody_speaks_gets_no_text_and_a_finding(tmp_path, level):
    corpus = _blank(workshop.small(tmp_path, 2))
    mute, spoken = corpus.clips
    noise = np.random.default_rng(0).normal(0, level, 2 * 22_050).astype(np.float32)
    audio.save_wav(corpus.path(mute), noise, sr=22_050)
    made = label.with_whisper(corpus, "tiny.en")
    assert made.clips[0].text == ""
    assert made.clips[0].heard == label.NO_SPEECH
    assert made.clips[1].text
    found = check.check(made, rules.WHISPER).findings
    assert [(f.clip, f.found) for f in found if f.rule == "text"] == [
        (mute.id, "no text: heard '(no speech)'")
    ]
    # a text that was given stays, and disagrees with what is heard
    given = corpus.updated({mute.id: {"text": "Hello there.", "text_by": "given"}})
    made = label.with_whisper(given, "tiny.en")
    assert made.clips[0].text == "Hello there."
    found = check.check(made, rules.WHISPER).findings
    assert mute.id in {f.clip for f in found if f.rule == "disagreement"}


@pytest.mark.model
def test_whisper_hears_the_students_questions(tmp_path):
    from lab_utils import metrics

    corpus = workshop.small(tmp_path, 4)
    blank = corpus.updated({c.id: {"text": "", "text_by": "", "heard": ""} for c in corpus.clips})
    made = label.with_whisper(blank, "tiny.en")
    made.save()
    assert all(c.text_by == "whisper tiny.en" for c in Manifest.load(tmp_path).clips)
    score = metrics.score([c.text for c in corpus.clips], [c.text for c in made.clips])
    assert score.wer < 0.15


# ---- on other machines


@pytest.mark.model
def test_a_cluster_hears_the_same_texts(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    corpora = [_blank(workshop.small(tmp_path / name, 9)) for name in ("serial", "cluster")]
    for corpus in corpora:
        audio.save_wav(corpus.path(corpus.clips[2]), np.zeros(22_050, np.float32), sr=22_050)
    expected = label.with_whisper(corpora[0], "tiny.en")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None,
            host="127.0.0.1", local_directory=str(tmp_path / "dask"),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        executor = client.get_executor(pure=False)
        monkeypatch.setattr(batches, "BATCH_SIZE", 4)  # so that both have something to do
        made = label.with_whisper(corpora[1], "tiny.en", executor=executor)
        assert [c.heard for c in made.clips] == [c.heard for c in expected.clips]
        assert made.clips[2].heard == label.NO_SPEECH and made.clips[3].text
        caches = [(tmp_path / n / label.CACHE).read_text("utf-8") for n in ("serial", "cluster")]
        assert sorted(caches[0].splitlines()) == sorted(caches[1].splitlines())
        with pytest.raises(CorpusError, match="other weights|same weights"):
            executor.submit(
                heard.hear_clips, [np.zeros(16_000, np.float32)], model="tiny.en", weights="0",
                language="en", exact=False,
            ).result()  # fmt: skip
    # what was heard is known, without any worker
    again = label.with_whisper(corpora[1], "tiny.en", executor=Executor())
    assert again == made


def test_batches_come_back_in_any_order_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(heard, "IN_FLIGHT", 30)
    rng = np.random.default_rng(0)
    waves = [np.full(n, i, np.float32) for i, n in enumerate(rng.integers(0, 30 * 16_000, 150))]
    got, sizes = {}, []

    def task(clips):
        sizes.append((len(clips), sum(map(len, clips)) / 16_000))
        return [str(int(y[0])) if len(y) else "" for y in clips]

    with ThreadPoolExecutor(3) as executor:
        heard.spread(executor, task, iter(waves), got.update)
    assert got == {i: str(i) if len(y) else "" for i, y in enumerate(waves)}
    assert max(n for n, _ in sizes) <= batches.BATCH_SIZE
    assert max(seconds for _, seconds in sizes) <= heard.SENT + 30


def test_what_was_heard_before_a_worker_failed_is_kept():
    got = {}

    def task(clips):
        if len(clips[-1]) > 4000:
            raise CorpusError("the worker has no weights")
        return ["text"] * len(clips)

    waves = (np.zeros(n, np.float32) for n in [100] * 16 + [5000] * 3)
    with ThreadPoolExecutor(1) as executor, pytest.raises(CorpusError, match="no weights"):
        heard.spread(executor, task, waves, got.update)
    assert got == dict.fromkeys(range(16), "text")


def test_a_model_object_does_not_travel(tmp_path):
    with pytest.raises(CorpusError, match="name or the .pt file.*training.save"):
        label.with_whisper(workshop.small(tmp_path, 1), MODEL, executor=Executor())

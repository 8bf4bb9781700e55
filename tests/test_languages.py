"""One function settles what a language is called."""

import pytest
from smallmodel import small_whisper
from whisper.model import ModelDimensions

from lab_utils import batches, languages
from lab_utils.errors import DecodingError, LabError, TranscriptError


def dims(n_vocab, *, n_audio_layer=1, n_text_layer=1):
    return ModelDimensions(80, 1500, 8, 2, n_audio_layer, n_vocab, 448, 8, 2, n_text_layer)


@pytest.fixture(scope="module")
def english():
    return small_whisper(dims(51864))


@pytest.fixture(scope="module")
def multilingual():
    return small_whisper(dims(51865))


@pytest.mark.parametrize(
    "value, code",
    [
        ("de", "de"), ("German", "de"), (" GERMAN ", "de"), ("EN", "en"), ("en-US", "en"),
        ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("Valencian", "ca"), ("mandarin", "zh"),
        ("Haitian Creole", "ht"), (None, None), ("deu", "de"), ("cmn_hans_cn", "zh"),
        ("nb-NO", "no"), ("spa", "es"), ("fil", "tl"),
    ],
)  # fmt: skip
def test_every_name_of_a_language_is_one_code(multilingual, value, code):
    assert languages.language_code(value) == code
    assert languages.language_code(value, model=multilingual) == code
    assert languages.language_code(value, model="base") == code


@pytest.mark.parametrize(
    "value, hint",
    [
        ("Germn", "Did you mean 'german'"), ("klingon", "decoding.languages"), ("", "found ''"),
        ("auto", "leave the language out"), ("xx-US", "found 'xx-US'"), (5, "found 5"),
        (["de"], "found"),
    ],
)  # fmt: skip
def test_what_is_no_language_is_refused_with_a_hint(value, hint):
    for kind in (DecodingError, TranscriptError):
        with pytest.raises(kind, match=hint):
            languages.language_code(value)


def test_a_table_may_name_any_language():
    names = ("Spanish", "pt-BR", " ", "", "Klingon", "und", "rus")
    known = [languages.known_code(name, default="en") for name in names]
    assert known == ["es", "pt", "en", "en", "und", "und", "ru"]


def test_other_codes_are_codes_of_known_languages():
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    assert set(languages.OTHER_CODES.values()) <= set(LANGUAGES)
    assert not set(languages.OTHER_CODES) & {*LANGUAGES, *TO_LANGUAGE_CODE}


def test_an_english_only_model_takes_english_only(english):
    for model in (english, "tiny.en"):
        assert [languages.language_code(v, model=model) for v in (None, "English")] == ["en", "en"]
        with pytest.raises(LabError, match="found 'German': this model knows only English"):
            languages.language_code("German", model=model)
        with pytest.raises(LabError, match="multilingual"):
            languages.check_task("translate", model=model)


def test_cantonese_came_with_large_v3(multilingual):
    with pytest.raises(LabError, match="99 languages of this model, found 'Cantonese'"):
        languages.language_code("Cantonese", model=multilingual)
    assert languages.language_code("Cantonese", model=small_whisper(dims(51866))) == "yue"


def test_turbo_does_not_translate(multilingual):
    turbo = small_whisper(dims(51866, n_audio_layer=32, n_text_layer=4))
    for model in (turbo, "turbo", "large-v3-turbo"):
        assert languages.check_task("transcribe", model=model) == "transcribe"
        with pytest.raises(LabError, match="trained to translate"):
            languages.check_task("translate", model=model)
    assert languages.check_task("translate", model=multilingual) == "translate"


def test_batches_use_the_same_names(english):
    import numpy as np

    y = np.zeros(1600, np.float32)
    with pytest.raises(TranscriptError, match="knows only English"):
        batches.transcribe_many([y], english, language="German")
    with pytest.raises(TranscriptError, match="Did you mean"):
        batches.transcribe_many([y], english, language="Englsh")


def test_batches_do_not_detect_a_language(multilingual):
    import numpy as np

    with pytest.raises(TranscriptError, match="found None"):
        batches.transcribe_many([np.zeros(1600, np.float32)], multilingual, language=None)

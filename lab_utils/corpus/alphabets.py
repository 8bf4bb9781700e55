"""Which letters and signs a language is written with.

Latin and Cyrillic alphabets differ from language to language; they are listed letter by letter, as
the main exemplar characters of Unicode's Common Locale Data Repository have them (CLDR 47,
https://cldr.unicode.org). A language with any other script may use every letter of that script.

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import functools
import string
import unicodedata

PUNCTUATION = " !\"'(),-.:;?"  #: in every language
_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
#: code → letters beyond a to z
_LATIN = {
    "af": "áâèéêëîïôöû", "az": "çöüğİışə", "br": "êñùʼ", "bs": "ćčđšž", "ca": "·àçèéíïòóúü",
    "cs": "áéíóúýčďěňřšťůž", "cy": "àáâäèéêëìíîïòóôöùúûüýÿŵŷẁẃẅỳ", "da": "åæø", "de": "ßäöü",
    "en": "", "es": "áéíñóúü", "et": "äõöüšž", "eu": "çñ", "fi": "äåöšž", "fo": "áæíðóøúý",
    "fr": "àâæçèéêëîïôùûüÿœ", "gl": "áéíïñóúü", "ha": "ƙƴɓɗʼ", "haw": "āēīōūʻ", "hr": "ćčđšž",
    "ht": "èò", "hu": "áéíóöúüőű", "id": "", "is": "áæéíðóöúýþ", "it": "àèéìòù", "jw": "âåèéêìòù",
    "la": "", "lb": "äéë", "ln": "áâéêíîóôúěǎǐǒɔɛ\u0301\u0302\u030c", "lt": "ąčėęįšūųž",
    "lv": "āčēģīķļņšūž", "mg": "àâèéêëìîïñô", "mi": "āēīōū", "ms": "", "mt": "àèìòùċġħż",
    "nl": "áäéëíïóöúü", "nn": "àåæéòóôø", "no": "àåæéòóôø", "oc": "·àáçèéíïòóúü",
    "pl": "óąćęłńśźż", "pt": "àáâãçéêíòóôõú", "ro": "âîășț", "sk": "áäéíóôúýčďĺľňŕšťž",
    "sl": "čšž", "sn": "", "so": "", "sq": "çë", "su": "é", "sv": "àäåéö", "sw": "",
    "tk": "äçöüýňşž", "tl": "ñ", "tr": "çöüğİış", "uz": "ʻʼ",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "yo": "àáèéìíòóùúńǹḿṣẹọ\u0300\u0301\u0304",
}  # fmt: skip
#: code → all letters; Serbian is written with both alphabets
_CYRILLIC = {
    "ba": _RUSSIAN + "ғҙҡңҫүһәө", "be": "абвгдеёжзйклмнопрстуфхцчшыьэюяіў",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя", "kk": _RUSSIAN + "іғқңүұһәө",
    "mk": "абвгдежзиклмнопрстуфхцчшѓѕјљњќџ", "mn": _RUSSIAN + "үө", "ru": _RUSSIAN,
    "sr": "абвгдежзиклмнопрстуфхцчшђјљњћџ" + string.ascii_lowercase + "ćčđšž",
    "tg": "абвгдеёжзийклмнопрстуфхчшъэюяғқҳҷӣӯ", "tt": _RUSSIAN + "җңүһәө",
    "uk": "абвгдежзийклмнопрстуфхцчшщьюяєіїґʼ",
}  # fmt: skip
#: code → first words of the Unicode names of its letters
_SCRIPTS = {
    "am": "ETHIOPIC", "ar": "ARABIC", "as": "BENGALI", "bn": "BENGALI", "bo": "TIBETAN",
    "el": "GREEK", "fa": "ARABIC", "gu": "GUJARATI", "he": "HEBREW", "hi": "DEVANAGARI",
    "hy": "ARMENIAN", "ja": "HIRAGANA|KATAKANA|CJK|IDEOGRAPHIC", "ka": "GEORGIAN", "km": "KHMER",
    "kn": "KANNADA", "ko": "HANGUL", "lo": "LAO", "ml": "MALAYALAM", "mr": "DEVANAGARI",
    "my": "MYANMAR", "ne": "DEVANAGARI", "pa": "GURMUKHI", "ps": "ARABIC", "sa": "DEVANAGARI",
    "sd": "ARABIC", "si": "SINHALA", "ta": "TAMIL", "te": "TELUGU", "th": "THAI", "ur": "ARABIC",
    "yi": "HEBREW", "yue": "CJK|IDEOGRAPHIC", "zh": "CJK|IDEOGRAPHIC",
}  # fmt: skip
_HAN_SIGNS = "。、，！？：；「」『』（）《》〈〉…—·・"
_DANDAS = "।॥"
#: language, or first word of its script → signs beyond ``PUNCTUATION``
_SIGNS = {
    "ca": "¡¿", "es": "¡¿", "gl": "¡¿", "ARABIC": "،؛؟۔", "ARMENIAN": "՚՛՜՝՞՟։֊",
    "BENGALI": _DANDAS, "CJK": _HAN_SIGNS, "DEVANAGARI": _DANDAS, "ETHIOPIC": "፡።፣፤፥፦",
    "GREEK": "·", "GUJARATI": _DANDAS, "GURMUKHI": _DANDAS, "HEBREW": "־׳״", "HIRAGANA": _HAN_SIGNS,
    "KANNADA": _DANDAS, "KHMER": "។៕៖៚", "MYANMAR": "၊။", "THAI": "ฯ", "TIBETAN": "་།༎",
}  # fmt: skip
JOINERS = "\u200c\u200d"  #: no sound of their own, but a part of the spelling
_JOINED = {
    *("ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "KANNADA", "KHMER", "MALAYALAM"),
    *("MYANMAR", "SINHALA", "TAMIL", "TELUGU"),
}
KNOWN = frozenset({*_LATIN, *_CYRILLIC, *_SCRIPTS})


@functools.cache
def letters(code: str) -> str:
    """The letters of a Latin or Cyrillic alphabet, both cases, in order; else ``""``.

    Examples
    --------
    >>> letters("en")
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    >>> "ñ" in letters("es"), letters("hi")
    (True, '')
    """
    if code in _LATIN:
        small = string.ascii_lowercase + _LATIN[code]
    else:
        small = _CYRILLIC.get(code, "")
    both = {*small, *(c.upper() for c in small if len(c.upper()) == 1)}
    return "".join(sorted(both))


def signs(code: str) -> str:
    """The punctuation of a language, and the joiners of its script."""
    script = _SCRIPTS.get(code, code).split("|")[0]
    joiners = JOINERS if script in _JOINED else ""
    return PUNCTUATION + _SIGNS.get(script, "") + joiners


@functools.lru_cache(maxsize=4096)
def is_written(character: str, code: str) -> bool:
    """Whether a language is written with a character: a letter, a mark on one, or punctuation.

    Digits and signs that are read as words (%, $) never are. Of a language that is not in
    :data:`KNOWN` every letter is taken.

    Examples
    --------
    >>> [is_written("ñ", code) for code in ("es", "en", "hi", "und")]
    [True, False, False, True]
    """
    if character in signs(code):
        return True
    if code in _LATIN or code in _CYRILLIC:
        return character in letters(code)
    if unicodedata.category(character)[0] not in "LM":
        return False
    starts = tuple(_SCRIPTS.get(code, "").split("|"))
    return unicodedata.name(character, "").startswith(starts)

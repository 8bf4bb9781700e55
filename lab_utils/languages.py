"""The languages that Whisper knows: one code for each, whatever the reader calls it.

Taught in: notebooks/04_language.ipynb.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, overload

from .errors import DecodingError, OptionError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from whisper import Whisper

#: other codes of the same languages, most of them with three letters, as in FLEURS (ISO 639-2, -3)
OTHER_CODES = {
    pair[:-3]: pair[-2:]
    for pair in (
        "afr:af alb:sq amh:am ara:ar arb:ar arm:hy asm:as aze:az azj:az bak:ba baq:eu bel:be "
        "ben:bn bod:bo bos:bs bre:br bul:bg bur:my cat:ca ces:cs chi:zh cmn:zh cym:cy cze:cs "
        "dan:da deu:de dut:nl ekk:et ell:el eng:en est:et eus:eu fao:fo fas:fa fil:tl fin:fi "
        "fra:fr fre:fr geo:ka ger:de glg:gl gre:el guj:gu hat:ht hau:ha heb:he hin:hi hrv:hr "
        "hun:hu hye:hy ice:is ind:id isl:is ita:it iw:he jav:jw jpn:ja jv:jw kan:kn kat:ka "
        "kaz:kk khk:mn khm:km kor:ko lat:la lav:lv lin:ln lit:lt ltz:lb lvs:lv mac:mk "
        "mal:ml mao:mi mar:mr may:ms mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nb:no "
        "nep:ne nld:nl nno:nn nob:no nor:no npi:ne oci:oc pan:pa per:fa pes:fa plt:mg pol:pl "
        "por:pt pus:ps ron:ro rum:ro rus:ru san:sa sin:si slk:sk slo:sk slv:sl sna:sn snd:sd "
        "som:so spa:es sqi:sq srp:sr sun:su swa:sw swe:sv swh:sw tam:ta tat:tt tel:te tgk:tg "
        "tgl:tl tha:th tib:bo tuk:tk tur:tr ukr:uk urd:ur uzb:uz uzn:uz vie:vi wel:cy ydd:yi "
        "yid:yi yor:yo zho:zh zsm:ms"
    ).split()
}
UNKNOWN = "und"  #: the standard's code for a language that is not determined
_WITH_REGION = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})+")


@overload
def language_code(
    value: str, *, model: Whisper | str | None = None, required: bool = False
) -> str: ...


@overload
def language_code(
    value: str | None, *, model: Whisper | str | None = None, required: bool = False
) -> str | None: ...


def language_code(
    value: str | None, *, model: Whisper | str | None = None, required: bool = False
) -> str | None:
    """The code that Whisper uses for a language, checked against what a model knows.

    Parameters
    ----------
    value : str or None
        A code, a name or another name in any case (``"de"``, ``"deu"``, ``"German"``,
        ``"Valencian"``), or a code with a region, which Whisper does not tell apart (``"en-US"``).
        ``None``: detect it; a model that knows only English gives ``"en"``.
    model : whisper.Whisper or str, optional
        The model, or its name, that is to use the language.
    required : bool
        The language cannot be detected here: refuse ``None``.

    Raises
    ------
    OptionError
        Whisper, or this model, does not know the language.

    Examples
    --------
    >>> language_code("German"), language_code("en-US"), language_code("EN", model="tiny.en")
    ('de', 'en', 'en')
    """
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    if value is None and (is_english_only(model) or not required):
        return "en" if is_english_only(model) else None
    text = value.strip().lower() if isinstance(value, str) else ""
    code = TO_LANGUAGE_CODE.get(text, text)
    if code not in LANGUAGES and (match := _WITH_REGION.fullmatch(text)):
        code = match[1]
    code = OTHER_CODES.get(code, code)
    if code not in LANGUAGES:
        hint = did_you_mean(text, [*LANGUAGES, *TO_LANGUAGE_CODE], n=3)
        detect = "" if required else "; leave the language out to have it detected"
        raise OptionError(
            f"Expected the code or the English name of a language, such as 'en' or 'German', found "
            f"{value!r}.{hint} decoding.languages() lists all codes{detect}."
        )
    if is_english_only(model) and code != "en":
        raise OptionError(
            f"Expected language='en', found {value!r}: this model knows only English. "
            "Take a model without '.en' in its name."
        )
    n_known = getattr(model, "num_languages", len(LANGUAGES))
    if code != "en" and code not in list(LANGUAGES)[:n_known]:
        raise OptionError(
            f"Expected one of the {n_known} languages of this model, found {value!r}: that "
            "language came with large-v3. Take large-v3 or turbo."
        )
    return code


def known_code(value: str, *, default: str) -> str:
    """The code of a language that a table names, and never an error.

    Returns
    -------
    str
        ``default`` where the name is empty, :data:`UNKNOWN` for a language that Whisper does not
        know.

    Examples
    --------
    >>> [known_code(name, default="en") for name in ("Spanish", "pt-BR", "", "Klingon")]
    ['es', 'pt', 'en', 'und']
    """
    if not value.strip():
        return default
    try:
        return language_code(value)
    except OptionError:
        return UNKNOWN


def is_english_only(model: Whisper | str | None) -> bool:
    """Whether a model, or the model of this name, knows only English."""
    if isinstance(model, str):
        return model.endswith(".en")
    return not getattr(model, "is_multilingual", True)


def check_task(task: str, *, model: Whisper | str) -> str:
    """Return the task if the model can do it, else raise OptionError."""
    if task not in ("transcribe", "translate"):
        raise OptionError(f"Expected the task 'transcribe' or 'translate', found {task!r}.")
    if task == "translate" and is_english_only(model):
        raise OptionError(
            "Expected a multilingual model for task='translate', found one that knows only "
            "English. Take a model without '.en' in its name."
        )
    if task == "translate" and _is_turbo(model):
        raise OptionError(
            "Expected a model that was trained to translate, found turbo, which writes the "
            "language that is spoken whatever the task. Take 'medium' or 'large'."
        )
    return task


def _is_turbo(model: Whisper | str) -> bool:
    """By name, or by its dimensions: the encoder of large-v3 on a decoder of 4 layers."""
    if isinstance(model, str):
        return model in ("turbo", "large-v3-turbo")
    dims = model.dims
    return (dims.n_audio_layer, dims.n_text_layer) == (32, 4)


def language_name(code: str) -> str:
    """The English name of a code: ``sq`` → ``Albanian``."""
    from whisper.tokenizer import LANGUAGES

    if code not in LANGUAGES:
        raise DecodingError(
            f"Expected the code of a language that Whisper knows, found {code!r}. "
            "decoding.languages('part of a name') searches them."
        )
    return LANGUAGES[code].title()


def languages(search: str = "") -> pd.DataFrame:
    """Every language that Whisper knows, or those whose code or name contains ``search``.

    Columns: code, language and also (other names that Whisper takes); sorted by name.
    """
    import pandas as pd
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    needle, rows = search.strip().lower(), []
    for code, name in sorted(LANGUAGES.items(), key=lambda pair: pair[1]):
        others = [other for other, its in TO_LANGUAGE_CODE.items() if its == code and other != name]
        if needle == code or needle in " ".join([name, *others]):
            rows.append([code, name.title(), ", ".join(others).title()])
    return pd.DataFrame(rows, columns=["code", "language", "also"])

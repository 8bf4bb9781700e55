"""The rules of a corpus, as named objects: what is asked, why, how it is tested, what to do.

Two contracts share them with other thresholds: ``VOICE`` for a voice model (22 050 Hz),
``WHISPER`` for recognition (16 kHz, at most 30 s).

Taught in: notebooks/08_dataset.ipynb.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..constants import SAMPLE_RATE, VOICE_SR
from ..errors import CorpusError
from . import findings as look
from .alphabets import PUNCTUATION
from .clipping import SUSPECTED
from .findings import Test


@dataclass(frozen=True)
class Rule:
    """One thing that a corpus promises."""

    key: str  #: its name in tables and on the command line
    asks: str  #: what is true of a good clip; ``{limit}`` stands for the threshold
    limit: Any  #: the threshold; None where the rule has none
    reason: str  #: why it matters
    remedy: str  #: what to do about a clip that breaks it
    test: Test  #: (corpus, key, limit) -> findings

    @property
    def sentence(self) -> str:
        """What the rule asks, with its threshold."""
        limit = self.limit
        if isinstance(limit, tuple):
            limit = " to ".join(f"{value:g}" for value in limit)
        elif isinstance(limit, float):
            limit = f"{limit:g}"
        return self.asks.format(limit=limit)


@dataclass(frozen=True)
class Contract:
    """A name and its rules, in the order in which they are checked."""

    name: str
    rules: tuple[Rule, ...]

    def __contains__(self, key: str) -> bool:
        return any(rule.key == key for rule in self.rules)

    def __getitem__(self, key: str) -> Rule:
        for rule in self.rules:
            if rule.key == key:
                return rule
        raise CorpusError(f"The contract {self.name!r} has no rule {key!r}.")

    def with_limits(self, **limits: Any) -> Contract:
        """The same contract with other thresholds: ``VOICE.with_limits(snr=25.0)``."""
        return self._replaced(
            {key: dataclasses.replace(self[key], limit=limits[key]) for key in limits}
        )

    def saying(self, **asks: str) -> Contract:
        """The same contract, some rules in other words."""
        return self._replaced({key: dataclasses.replace(self[key], asks=asks[key]) for key in asks})

    def without(self, *keys: str) -> Contract:
        """The same contract without some rules."""
        return self._replaced({self[key].key: None for key in keys})

    def _replaced(self, others: dict[str, Rule | None]) -> Contract:
        rules = (others.get(rule.key, rule) for rule in self.rules)
        return Contract(self.name, tuple(rule for rule in rules if rule))


_RULES = (
    Rule("inside", "each file lies in the folder of the corpus", None,
         "A path that leads outside is lost when the corpus is moved, or reads what it should not.",
         "Copy the file into the corpus and correct the row.", look.trouble),
    Rule("missing_file", "each row has its file", None,
         "A trainer stops, often hours later, at the row without a file.",
         "Restore the file, or delete the row.", look.trouble),
    Rule("missing_row", "each file has its row", None,
         "Sound without a text is not used, and nobody notices.",
         "Add the row, or delete the file.", look.trouble),
    Rule("readable", "each file can be read to its end", None,
         "An empty or broken file, or NaN in it, spoils a whole batch.",
         "Export the clip again from its recording.", look.trouble),
    Rule("format", "the file is a {limit}", "WAV",
         "WAV is read by every program and every position in it can be reached at once.",
         "Convert it; do not only rename it.", look.fact("format")),
    Rule("bit_depth", "samples are {limit}", "PCM_16",
         "8 bits hiss; 24 bits and floats are larger and some programs refuse them.",
         "Write it again as 16-bit PCM.", look.fact("subtype")),
    Rule("rate", "the sampling rate is {limit} Hz", VOICE_SR,
         "A model hears another rate as another voice, faster or slower.",
         "Resample it from the original recording.", look.fact("sr")),
    Rule("channels", "there is {limit} channel", 1,
         "Two channels are twice the data, and mixing them later may cancel sound.",
         "Mix to mono.", look.fact("channels")),
    Rule("duration", "it lasts {limit} s", (1.0, 30.0),
         "Shorter teaches nothing, longer does not fit: Whisper hears 30 s at a time.",
         "Split the long ones on speech; join or drop the short ones.",
         look.between("duration", "{:.3f} s")),
    Rule("clipping", "no flat tops, and at most {limit} times as many samples at the ceiling as "
         "just below", SUSPECTED,
         "A flattened wave is distorted for good.",
         "Listen to it; record it again with less gain.", look.clipping),
    Rule("dc_offset", "the mean lies within {limit} of zero", 0.01,
         "An offset wastes level and clicks wherever clips are joined.",
         "Subtract the mean, or use a high-pass filter at 20 Hz.",
         look.at_most("dc_offset", "{:.3f}")),
    Rule("edge_silence", "at most {limit} s of silence at either end", 0.5,
         "A voice model learns to wait; Whisper learns to write nothing.",
         "Trim it, and leave a tenth of a second.", look.edge_silence),
    Rule("inner_silence", "no silence longer than {limit} s inside", 1.0,
         "A voice model learns pauses that no text explains.",
         "Split the clip there.", look.at_most("silence_inside", "{:.2f} s")),
    Rule("snr", "speech lies at least {limit} dB above the noise (estimate)", 20.0,
         "A voice model learns the noise as part of the voice.",
         "Record in a quieter room; a noise gate is second best.",
         look.at_least("snr", "{:.0f} dB")),
    Rule("music", "the sound as a whole is at least {limit} dB above what holds a pitch for 0.3 s",
         13.0,
         "Music and hum are learned as part of the voice.",
         "Listen to it; record it again without music, or drop it.",
         look.at_least("over_held", "{:.1f} dB")),
    Rule("loudness", "within {limit} dB of the middle loudness of the corpus", 6.0,
         "A model may learn loudness as if it carried meaning.",
         "Bring every clip to the same loudness.", look.loudness),
    Rule("bandwidth", "there is sound up to at least {limit} Hz", 5_000.0,
         "A telephone recording stays dull at any sampling rate.",
         "Look for the original; resampling up brings nothing back.",
         look.at_least("bandwidth", "{:.0f} Hz")),
    Rule("duplicate_audio", "no two clips are the same sound", None,
         "A doubled clip counts twice, and in two splits it is a leak.",
         "Keep one of them.", look.duplicate_audio),
    Rule("duplicate_text", "no two clips have the same text", None,
         "A model that has seen the sentence knows the answer.",
         "Keep one of them, or have another sentence read.", look.duplicate_text),
    Rule("text", "there is a text", None,
         "A clip without a text teaches nothing.",
         "Label it, or drop the clip.", look.text),
    Rule("language", "the language is one that is known", None,
         "It decides the letters, how numbers are read and how errors are counted.",
         "Correct it in recordings.csv and in manifest.csv: a code such as 'es', or its English "
         "name; decoding.languages() lists them.", look.language),
    Rule("speech_rate", "{limit} characters a second", (4.0, 25.0),
         "Nobody speaks so fast or so slowly: the text belongs to another clip.",
         "Listen, and correct the text.", look.speech_rate),
    Rule("tokens", "at most {limit} tokens", 448,
         "Whisper's decoder ends there, and the rest of the text would be cut.",
         "Split the clip.", look.tokens),
    Rule("characters",
         "written out, only letters and signs of its language, or: {limit}",
         PUNCTUATION,
         "A voice model has no sound for a character that it does not know.",
         "Write digits and signs out in words, as the speaker says them.", look.characters),
    Rule("disagreement", "Whisper hears it with an error rate of at most {limit}", 0.5,
         "Either the text is wrong or the sound is bad.",
         "Listen to it, and correct the text or drop the clip.", look.disagreement),
    Rule("speaker_leak", "no speaker is in two splits", None,
         "Testing on a voice that the model has heard gives results that are too good.",
         "Split again with the speaker as the group.", look.speaker_leak),
    Rule("text_leak", "no text is in two splits", None,
         "Testing on a sentence that the model has read gives results that are too good.",
         "Split again with the text as the group.", look.text_leak),
    Rule("consent", "a licence and a consent are noted", None,
         "A voice belongs to a person, and a corpus without a licence cannot be used.",
         "Ask, write it into recordings.csv, and drop the clip if the answer is no.", look.consent),
    Rule("count", "there are at least {limit} clips", 100,
         "A voice model cannot be trained from less.",
         "Record more sentences.", look.count),
)  # fmt: skip

VOICE = Contract("voice", _RULES).without("tokens", "speaker_leak")
WHISPER = (
    Contract("whisper", _RULES)
    .without("duplicate_text", "count")
    .with_limits(
        rate=SAMPLE_RATE, snr=5.0, loudness=12.0, bandwidth=3_000.0, speech_rate=(2.0, 30.0)
    )
    .with_limits(characters=None)
    .saying(characters="no control characters and no replacement character (U+FFFD)")
)
CONTRACTS = {contract.name: contract for contract in (VOICE, WHISPER)}


def contract(name: str) -> Contract:
    """A contract by its name: ``"voice"`` or ``"whisper"``."""
    if name not in CONTRACTS:
        raise CorpusError(f"Expected one of the contracts {tuple(CONTRACTS)}, found {name!r}.")
    return CONTRACTS[name]

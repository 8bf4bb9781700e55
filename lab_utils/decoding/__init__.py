"""One window of at most 30 seconds, step by step, the way ``whisper.decode`` goes through it.

``encode`` runs the encoder once and gives a :class:`Window`; everything else reads that:
``trace`` follows the decoder token by token, ``beam_search`` keeps the whole tree, ``detect``
reads the language distribution, ``word_times`` turns cross-attention into times, and
``try_temperatures`` plays whisper's fallback rule.

Taught in: notebooks/03_decode.ipynb, notebooks/04_language.ipynb.
"""

from ..constants import SECONDS_PER_POSITION
from ..errors import DecodingError
from ..languages import language_name, languages
from .attention import AttentionSpan, TimedWord, attended, heard_words, is_monotone, word_times
from .beams import BeamNode, BeamSearch, Hypothesis, beam_search
from .fallback import Attempt, Fallback, Thresholds, try_temperatures, verdict
from .language import LanguageGuess, LanguageTrack, detect, detect_over_time
from .steps import Alternative, Step, Trace, trace
from .task import start_sequence, token_text
from .window import Window, encode

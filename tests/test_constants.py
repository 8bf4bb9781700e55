"""The constants are Whisper's."""

import pytest

from lab_utils import constants


@pytest.mark.parametrize(
    "name",
    [
        *("SAMPLE_RATE", "N_FFT", "HOP_LENGTH", "CHUNK_LENGTH", "N_SAMPLES", "N_FRAMES"),
        *("N_SAMPLES_PER_TOKEN", "FRAMES_PER_SECOND", "TOKENS_PER_SECOND"),
    ],
)
def test_each_equals_the_one_in_whisper(name):
    from whisper import audio

    assert getattr(constants, name) == getattr(audio, name)


def test_the_encoder_has_one_position_for_two_frames():
    assert constants.N_POSITIONS == 1500 == constants.N_FRAMES // 2
    assert constants.SECONDS_PER_POSITION == 0.02

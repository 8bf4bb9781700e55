"""Pictures of signals: labels with units, limits, and the data that was drawn."""

import numpy as np
import pytest

from lab_utils import features
from lab_utils.errors import LabError
from lab_utils.plotting import new_figure, png
from lab_utils.plotting import signal as plots

SR = 16000


def wave(n, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n).astype(np.float32)


def labels(ax):
    return ax.get_xlabel(), ax.get_ylabel().replace("\n", " ")


def bar_label(ax):
    return ax.get_figure().axes[-1].get_ylabel()


def test_waveform_keeps_every_peak():
    y = wave(100_000) * 0.1
    y[77_777] = 0.9
    ax = plots.plot_waveform(y, sr=SR)
    assert labels(ax) == ("time (s)", "amplitude (1 = full scale)")
    assert ax.get_xlim() == (0, len(y) / SR)
    drawn = ax.collections[0].get_paths()[0].vertices
    assert drawn[:, 1].max() == pytest.approx(0.9)
    assert drawn[drawn[:, 1].argmax(), 0] == pytest.approx(77_777 / SR, abs=len(y) / SR / 1200)


def test_short_waveform_is_a_line_of_its_samples():
    y = wave(50)
    line = plots.plot_waveform(y, sr=SR, start=2.0).lines[0]
    np.testing.assert_array_equal(line.get_ydata(), y)
    np.testing.assert_allclose(line.get_xdata(), 2 + np.arange(50) / SR)


def test_silence_and_one_sample_can_be_drawn():
    for y in (np.zeros(5000, np.float32), np.zeros(1, np.float32)):
        low, high = plots.plot_waveform(y, sr=SR).get_ylim()
        assert low < 0 < high


def test_samples_are_dots_at_their_times_in_ms():
    ax = plots.plot_samples(wave(5), sr=1000, start=0.5)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [500, 501, 502, 503, 504])
    assert labels(ax)[0] == "time (ms)"


def test_trim_hatches_and_names_what_is_cut():
    ax = plots.plot_trim(wave(SR * 4), sr=SR, start=1.0, end=3.5)
    spans = [p for p in ax.patches if p.get_hatch()]
    edges = sorted((round(p.get_x(), 2), round(p.get_x() + p.get_width(), 2)) for p in spans)
    assert edges == [(0, 1.0), (3.5, 4.0)]
    assert [text.get_text() for text in ax.texts] == ["cut", "cut"]
    assert not plots.plot_trim(wave(SR), sr=SR, start=0, end=1).patches


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_spectrogram_axes_are_seconds_and_hertz(scale):
    S = wave(129 * 41).reshape(129, 41)
    ax = plots.plot_spectrogram(S, sr=SR, hop_length=160, scale=scale, unit="level (dB)")
    assert labels(ax) == ("time (s)", "frequency (Hz)")
    assert ax.get_xlim() == (0, pytest.approx(0.4))
    assert ax.get_ylim() == (0 if scale == "linear" else 50, 8000)
    assert ax.get_yscale() == scale
    assert bar_label(ax) == "level (dB)"


def test_a_tone_stands_at_its_frequency_and_time():
    y = np.zeros(SR, np.float32)
    y[4000:8000] = np.sin(2 * np.pi * 2000 * np.arange(4000) / SR)
    S = features.power(features.stft(y, n_fft=512, hop_length=128))
    picture = plots.plot_spectrogram(S, sr=SR, hop_length=128).images[0]
    left, right, bottom, top = picture.get_extent()
    row, column = np.unravel_index(picture.get_array().argmax(), S.shape)
    assert bottom + (row + 0.5) * (top - bottom) / S.shape[0] == pytest.approx(2000)
    assert 0.25 <= left + (column + 0.5) * (right - left) / S.shape[1] <= 0.5


def test_mel_rows_are_named_by_their_frequency():
    edges = features.mel_edges(n_mels=80, fmax=8000)
    ax = plots.plot_mel(wave(80 * 20).reshape(80, 20), sr=SR, hop_length=160, edges=edges)
    assert labels(ax) == ("time (s)", "frequency of the band (Hz)")
    texts = [tick.get_text() for tick in ax.get_yticklabels()]
    places = dict(zip(texts, ax.get_yticks(), strict=True))
    band = int(np.abs(edges[1:-1] - 1000).argmin())
    assert abs(places["1000"] - band) < 1
    assert sorted(places.values()) == list(places.values())


@pytest.mark.parametrize("kind", ["lines", "image"])
def test_filter_bank_says_weight_and_not_decibels(kind):
    filters = features.mel_filters(sr=SR, n_fft=400, n_mels=20)
    ax = plots.plot_filter_bank(filters, sr=SR, kind=kind)
    assert ax.get_xlabel() == "frequency (Hz)"
    assert "weight" in (ax.get_ylabel() if kind == "lines" else bar_label(ax))
    if kind == "lines":
        assert len(ax.lines) == 20
        assert len({line.get_linestyle() for line in ax.lines}) == 2, "not by colour alone"


def test_lines_are_told_apart_by_dashes():
    x = np.arange(10.0)
    ax = plots.plot_spectrum({"a": x, "b": -x, "c": x + 1}, frequencies=x)
    assert len({line.get_linestyle() for line in ax.lines}) == 3
    assert [text.get_text() for text in ax.get_legend().texts] == ["a", "b", "c"]
    ax = plots.plot_curve(x, {"a": x, "b": -x}, xlabel="x (s)", ylabel="y (dB)")
    assert len({line.get_linestyle() for line in ax.lines}) == 2


def test_levels_and_threshold():
    ax = plots.plot_levels(wave(9) * 10, times=np.arange(9.0), threshold=-30)
    assert "dB" in ax.get_ylabel()
    assert set(ax.lines[1].get_ydata()) == {-30}


def test_an_axes_of_the_readers_is_drawn_on_and_no_pyplot_figure_is_made():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    fig, (a, b) = new_figure(2, 1)
    assert plots.plot_waveform(wave(10), sr=SR, ax=a) is a
    assert plots.plot_mel(np.eye(3), sr=SR, hop_length=160, ax=b) is b
    assert plt.get_fignums() == before
    assert png(fig).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: plots.plot_waveform(np.zeros((2, 3)), sr=SR), "shape"),
        (lambda: plots.plot_waveform(np.zeros(0), sr=SR), "shape"),
        (lambda: plots.plot_mel(np.zeros(3), sr=SR, hop_length=1), "matrix"),
        (lambda: plots.plot_mel(np.zeros((2, 2)) * 1j, sr=SR, hop_length=1), "features.power"),
        (lambda: plots.plot_spectrogram(np.eye(3), sr=SR, hop_length=1, scale="mel"), "'log'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, match):
    with pytest.raises(LabError, match=match):
        call()

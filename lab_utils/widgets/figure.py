"""A picture that changes in place, and the controls that change it.

Plain HTML underneath: ``<img alt>``, ``<input type="range">``, ``<select>`` and ``<audio>``. Each
has a label, works with the keyboard, and takes the colours of the theme. The scripts stand beside
this file, so nothing is fetched from the internet.

    picture = LiveFigure()
    slider = Slider(label="Window length", unit="samples", options=(256, 512, 1024), value=512)

    def draw(change=None):
        ax = plotting.plot_thing(compute(int(slider.value)))
        picture.show(ax, alt=f"…, window length {slider.value:.0f} samples")

    slider.observe(draw, "value")
    draw()
    ipywidgets.VBox([slider, picture])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from .. import audio, plotting
from ..errors import LabError
from .messages import Answering, script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HERE = Path(__file__).parent


class LiveFigure(anywidget.AnyWidget):
    """A PNG with an alt text. A new one is decoded first and then swapped in, so nothing flickers.

    Attributes
    ----------
    png : bytes
        The picture.
    alt : str
        What it shows, for a reader who cannot see it.
    caption : str
        A line under the picture; a screen reader speaks it when it changes.
    """

    _esm = script("figure")
    _css = _HERE / "controls.css"

    png = traitlets.Bytes(b"").tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)

    def __init__(self, png: bytes = b"", *, alt: str = "", caption: str = "", **kwargs: Any):
        super().__init__(png=png, alt=alt, caption=caption, **kwargs)

    def update(self, png: bytes, *, alt: str, caption: str = "") -> None:
        """Swap picture, alt text and caption in one message to the page."""
        if not alt.strip():
            raise LabError("Expected an alt text that says what the picture shows, found none.")
        with self.hold_sync():
            self.png, self.alt, self.caption = png, alt, caption

    def show(self, figure: Figure | Axes, *, alt: str, caption: str = "", dpi: int = plotting.DPI):
        """Draw a matplotlib figure (an Axes stands for its whole figure) and swap it in.

        This draws everything anew, about 100 ms. Where each step must be fast, keep the artists and
        hand ``update`` the bytes: see :mod:`lab_utils.plotting.live`.
        """
        fig = figure if hasattr(figure, "savefig") else figure.get_figure()
        self.update(plotting.png(fig, dpi=dpi), alt=alt, caption=caption)

    def __repr__(self) -> str:
        return f"[picture that changes with the controls: {self.alt}]"


class Slider(anywidget.AnyWidget):
    """A labelled slider that shows its value and unit.

    Give either a range (``min``, ``max``, ``step``) or ``options``, the values to step through.
    Arrow keys make one step, Page Up and Page Down ten, Home and End go to the ends.

    Parameters
    ----------
    label, unit : str
        What is set, and in which unit.
    value : float
        Where it stands; observe the trait ``value``.
    min, max, step : float, optional
    options : sequence of float, optional
        The values, in the order in which the slider passes them.
    texts : sequence of str, optional
        What to show for each of the options in place of value and unit.
    continuous : bool
        Whether dragging reports every value on its way or only where it was let go. Say false where
        a step costs more than about 0.3 s.

    Raises
    ------
    LabError
        The value is outside the range or not among the options.
    """

    _esm = script("slider")
    _css = _HERE / "controls.css"

    label = traitlets.Unicode("").tag(sync=True)
    unit = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Float(0.0).tag(sync=True)
    min = traitlets.Float(0.0).tag(sync=True)
    max = traitlets.Float(100.0).tag(sync=True)
    step = traitlets.Float(1.0).tag(sync=True)
    options = traitlets.List(traitlets.Float()).tag(sync=True)
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    continuous = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        *,
        label: str,
        value: float,
        unit: str = "",
        min: float = 0.0,
        max: float = 100.0,
        step: float = 1.0,
        options: Sequence[float] = (),
        texts: Sequence[str] = (),
        continuous: bool = True,
        **kwargs: Any,
    ):
        if not label.strip():
            raise LabError("Expected a label that says what the slider sets, found none.")
        if options and value not in options:
            raise LabError(f"Expected a value among {list(options)}, found {value}.")
        if not options and not min <= value <= max:
            raise LabError(f"Expected a value from {min} to {max}, found {value}.")
        if texts and len(texts) != len(options):
            raise LabError(f"Expected {len(options)} texts, one an option, found {len(texts)}.")
        super().__init__(
            label=label,
            unit=unit,
            value=float(value),
            min=float(min),
            max=float(max),
            step=float(step),
            options=[float(option) for option in options],
            texts=list(texts),
            continuous=continuous,
            **kwargs,
        )

    def __repr__(self) -> str:
        return f"[slider: {self.label} = {self.value:g} {self.unit}".rstrip() + "]"


class Choice(anywidget.AnyWidget):
    """A labelled drop-down list; observe the trait ``value``, one of ``options`` (strings)."""

    _esm = script("choice")
    _css = _HERE / "controls.css"

    label = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Unicode("").tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, *, label: str, options: Sequence[str], value: str | None = None, **kwargs):
        value = options[0] if value is None else value
        if value not in options:
            raise LabError(f"Expected a value among {list(options)}, found {value!r}.")
        super().__init__(label=label, options=list(options), value=value, **kwargs)

    def __repr__(self) -> str:
        return f"[choice: {self.label} = {self.value}]"


class LiveSound(Answering):
    """A button that asks Python for the sound of the moment and plays it.

    Parameters
    ----------
    make : callable
        Called when the button is pressed; returns ``(y, sr)``, mono float32 and Hz.
    label : str
        What the button says.
    """

    _esm = script("live_sound")
    _css = _HERE / "controls.css"

    label = traitlets.Unicode("Listen").tag(sync=True)

    def __init__(self, make: Callable[[], tuple[np.ndarray, int]], *, label: str, **kwargs: Any):
        self._make = make
        super().__init__(label=label, **kwargs)

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        if action != "make":
            return None
        y, sr = self._make()
        return f"{len(y) / sr:.1f} s at {sr} Hz", [audio.encode(y, sr=sr)]

    def __repr__(self) -> str:
        return f"[sound: {self.label}]"

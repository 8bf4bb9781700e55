"""A picture that changes in place, and the controls that change it.

Plain HTML underneath: a canvas with an alt text, ``<input type="range">``, ``<select>`` and
``<audio>``. Each has a label, works with the keyboard, and follows the theme.

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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from .. import audio, plotting
from ..errors import LabError
from .messages import Answering, script, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Ticks = Sequence[tuple[float, str]]  #: (place from 0 at the bottom to 1 at the top, text)


@dataclass(frozen=True)
class Panel:
    """One picture over time: a matrix, or the outline of a curve."""

    values: np.ndarray  #: of ``pictures.levels``, row 0 at the bottom, or of ``pictures.outline``
    label: str  #: quantity and unit of the vertical axis
    ticks: Ticks
    bar: tuple[str, Ticks] | None = None  #: quantity, unit and ticks of a color bar
    cuts: Sequence[tuple[float, float]] = ()  #: (start, end) in seconds of what is hatched
    line: float | None = None  #: the height of a dashed line, from 0 to 1


class LiveFigure(anywidget.AnyWidget):
    """A picture with an alt text and a caption, which a screen reader speaks when it changes."""

    _esm = script("figure")
    _css = style("controls")

    picture = traitlets.Dict().tag(sync=True)  #: what figure.js paints: panels, or a PNG
    alt = traitlets.Unicode("").tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)

    def draw(self, *panels: Panel, duration: float, alt: str, caption: str = "") -> None:
        """Paint panels one above the other, over ``duration`` seconds."""
        drawn = [
            {
                "data": panel.values.tobytes(),
                "rows": len(panel.values) if panel.values.dtype == np.uint8 else 0,
                "label": panel.label,
                "ticks": list(panel.ticks),
                "bar": panel.bar,
                "cuts": list(panel.cuts),
                "line": panel.line,
            }
            for panel in panels
        ]
        self._update({"panels": drawn, "duration": duration}, alt=alt, caption=caption)

    def show(
        self, figure: Figure | Axes, *, alt: str, caption: str = "", dpi: int = plotting.DPI
    ) -> None:
        """Draw a matplotlib figure (an Axes stands for its whole figure); takes about 100 ms."""
        fig: Any = figure if hasattr(figure, "savefig") else figure.figure
        self._update({"png": plotting.png(fig, dpi=dpi)}, alt=alt, caption=caption)

    def _update(self, picture: dict[str, Any], *, alt: str, caption: str) -> None:
        if not alt.strip():
            raise LabError("Expected an alt text that says what the picture shows, found none.")
        with self.hold_sync():
            self.picture, self.alt, self.caption = picture, alt, caption

    def __repr__(self) -> str:
        return f"[picture that changes with the controls: {self.alt}]"


class Slider(anywidget.AnyWidget):
    """A labeled slider over a list of values; observe the trait ``value``.

    Arrow keys make one step, Page Up and Page Down ten, Home and End go to the ends.

    Parameters
    ----------
    label, unit : str
        What is set, and in which unit.
    options : sequence of float
        The values in their order; ``range`` and ``np.linspace`` make one.
    value : float
        The option chosen at first.
    texts : sequence of str, optional
        What to show for each option in place of value and unit.

    Raises
    ------
    LabError
        The label is empty, the value is not among the options, or a text is missing.
    """

    _esm = script("control")
    _css = style("controls")

    label = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Float(0.0).tag(sync=True)
    options = traitlets.List(traitlets.Float()).tag(sync=True)
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        *,
        label: str,
        options: Sequence[float],
        value: float,
        unit: str = "",
        texts: Sequence[str] | None = None,
    ) -> None:
        options = [float(option) for option in options]
        _check(label, options, value)
        texts = texts or [f"{option:g} {unit}".strip() for option in options]
        if len(texts) != len(options):
            raise LabError(f"Expected a text for each option, {len(options)}, found {len(texts)}.")
        super().__init__(label=label, options=options, value=float(value), texts=list(texts))

    def __repr__(self) -> str:
        return f"[slider: {self.label} = {self.texts[self.options.index(self.value)]}]"


class Choice(anywidget.AnyWidget):
    """A labeled drop-down list; observe the trait ``value``, one of ``options`` (strings)."""

    _esm = script("control")
    _css = style("controls")

    label = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Unicode("").tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, *, label: str, options: Sequence[str], value: str | None = None) -> None:
        value = options[0] if value is None else value
        _check(label, options, value)
        super().__init__(label=label, options=list(options), value=value)

    def __repr__(self) -> str:
        return f"[choice: {self.label} = {self.value}]"


class LiveSound(Answering):
    """A button, named by ``label``, that asks Python for the sound of the moment and plays it.

    ``make`` is called at each press; it returns ``(y, sr)``: a mono waveform and its rate in Hz.
    """

    _esm = script("live_sound")
    _css = style("controls")

    label = traitlets.Unicode("Listen").tag(sync=True)

    def __init__(self, make: Callable[[], tuple[np.ndarray, int]], *, label: str) -> None:
        self._make = make
        super().__init__(label=label)

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        if action != "make":
            return None
        y, sr = self._make()
        return f"{len(y) / sr:.1f} s at {sr} Hz", [audio.encode(y, sr=sr)]

    def __repr__(self) -> str:
        return f"[sound: {self.label}]"


def _check(label: str, options: Sequence[float | str], value: float | str) -> None:
    if not label.strip():
        raise LabError("Expected a label that says what is set, found none.")
    if value not in options:
        raise LabError(f"Expected a value among {list(options)}, found {value!r}.")

"""Every matplotlib call of the labs. Functions here receive arrays and results; they never load
or compute. Each takes ``ax=None`` and returns the Axes it drew on.
"""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

from ..errors import LabError
from .style import new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DPI", "figure_html", "new_axes", "new_figure", "png", "show"]
DPI = 90  #: keeps a notebook under 1 MB


def png(fig: Figure, *, dpi: int = DPI) -> bytes:
    """The figure as PNG bytes, cut to what is drawn, in 256 colors: half the size."""
    from PIL import Image

    full, small = io.BytesIO(), io.BytesIO()
    fig.savefig(full, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    palette = {"colors": 256, "method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE}
    Image.open(full).convert("RGB").quantize(**palette).save(small, "png", optimize=True)
    return small.getvalue()


def figure_html(fig: Figure, *, alt: str, caption: str = "", dpi: int = DPI) -> str:
    """The figure as ``<figure><img alt=…><figcaption>…</figure>``, its picture inside.

    JupyterLab and nbconvert drop an alt text that stands in the metadata; here it stays.
    """
    if not alt.strip():
        raise LabError("Expected an alt text that says what the figure shows, found none.")
    data = base64.b64encode(png(fig, dpi=dpi)).decode("ascii")
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure style="margin:0"><img alt="{html.escape(alt, quote=True)}" '
        f'style="max-width:100%;height:auto" src="data:image/png;base64,{data}">{below}</figure>'
    )


def show(figure: Figure | Axes, *, alt: str, caption: str = "", dpi: int = DPI) -> None:
    """Show a figure in a notebook with an alt text that survives; text where there is no HTML.

    Parameters
    ----------
    figure : Figure or Axes
        What to show; an Axes stands for its whole figure.
    alt : str
        What the picture shows, for a reader who cannot see it.
    caption : str, optional
        One line under the picture.
    """
    from IPython.display import display

    fig: Any = figure if hasattr(figure, "savefig") else figure.get_figure()
    markup = figure_html(fig, alt=alt, caption=caption, dpi=dpi)
    display({"text/html": markup, "text/plain": f"[figure: {alt}]"}, raw=True)

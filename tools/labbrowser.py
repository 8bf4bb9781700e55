"""Start JupyterLab on this machine only and drive it in Chromium: for the tests and screenshots.

The browser is the one that ``CHROMIUM`` names, or the first on the PATH. Playwright's Python
package carries the driver; no browser of its own is fetched.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat

REPOSITORY = Path(__file__).resolve().parent.parent
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
LOCAL = ("127.0.0.1", "localhost")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--mute-audio",
)
SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
}
CURRENT = "window.jupyterapp.shell.currentWidget"
KERNEL = f"{CURRENT}.sessionContext.session.kernel"
WIDGET_CONTROL = "jupyter.widget.control"  # JupyterLab asks a new kernel for widgets it had before
CONTROL_COMM = re.compile(rf'"comm_id":\s*"([^"]+)",\s*"target_name":\s*"{WIDGET_CONTROL}"')


def find_chromium() -> str | None:
    """The path of a Chromium, or None."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def missing() -> str | None:
    """Why browser tests cannot run here, or None."""
    for package in ("jupyterlab", "playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"the Python package {package} is not installed ('python -m lab_utils test')"
    if find_chromium() is None:
        return "no Chromium on the PATH (apt-get install chromium, or set CHROMIUM)"
    return None


def microphone_flags(wav: Path) -> list[str]:
    """Flags for a microphone that plays a WAV again and again, with permission given."""
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}",
    ]


def launch(playwright, *, flags=()):
    """Start Chromium without a window."""
    return playwright.chromium.launch(
        executable_path=find_chromium(), headless=True, args=[*CHROMIUM_FLAGS, *flags]
    )


def axe_script() -> Path:
    """The script of axe-core that the package axe-playwright-python carries."""
    [folder] = importlib.util.find_spec("axe_playwright_python").submodule_search_locations
    return Path(folder, "axe.min.js")


def workspace(folder: Path) -> Path:
    """A copy of the notebooks with the clips beside them: a run there changes nothing here."""
    for name in ("notebooks", "assets"):
        ignored = shutil.ignore_patterns("outputs", ".ipynb_checkpoints")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    return folder


class LabServer:
    """``jupyter lab`` on 127.0.0.1 with a token; settings, trust and history in its own folder."""

    def __init__(self, root: Path, state: Path, *, env: dict[str, str] | None = None):
        self.root, self.state = Path(root), Path(state)
        self.token, self.port = secrets.token_hex(16), _free_port()
        self._env = dict(env or {})
        self._process = self._log = None

    def start(self, timeout: float = 90) -> LabServer:
        """Start the server and wait until it answers."""
        for name, settings in SETTINGS.items():
            file = self.state / "settings" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(settings), "utf-8")
        page = self.state / "config" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(json.dumps({"disabledExtensions": {"@jupyter/nbgrader": True}}), "utf-8")
        environment = os.environ | {
            "JUPYTERLAB_SETTINGS_DIR": str(self.state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.state / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(self.state / "config"),
            "JUPYTER_DATA_DIR": str(self.state / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.state / "runtime"),
            "IPYTHONDIR": str(self.state / "ipython"),
            "WHISPER_LAB_ASSETS": str(self.root / "assets"),
            "WHISPER_LAB_RECORDINGS": str(self.state / "recordings"),
            "WHISPER_LAB_PROGRESS": str(self.state / "progress.json"),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            **self._env,
        }
        environment.pop("MPLBACKEND", None)
        root_user = hasattr(os, "geteuid") and os.geteuid() == 0
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}"),
            "--LabApp.expose_app_in_browser=True",
            "--LanguageServerManager.autodetect=False",  # it would start the type checker we have
            *(["--allow-root"] if root_user else []),
        ]
        self._log = open(self.state / "server.log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT, cwd=self.root
        )
        url = f"http://127.0.0.1:{self.port}/api/status?token={self.token}"
        deadline = time.monotonic() + timeout
        while True:
            if self._process.poll() is not None:
                tail = (self.state / "server.log").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"JupyterLab ended before it answered:\n{tail}")
            try:
                urllib.request.urlopen(url, timeout=2).read()
                return self
            except (OSError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    self.stop()
                    raise TimeoutError("JupyterLab did not answer") from None
                time.sleep(0.1)

    def stop(self) -> None:
        """End the server and its kernels."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log:
            self._log.close()

    def __enter__(self) -> LabServer:
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    def write(self, name: str, *cells: str) -> str:
        """Put a notebook with these code cells into ``notebooks/``; returns its path."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": kernel},
        )
        (self.root / "notebooks").mkdir(exist_ok=True)
        nbformat.write(notebook, self.root / "notebooks" / name)
        return f"notebooks/{name}"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/lab/tree/{path}?token={self.token}&reset"


class LabPage:
    """One notebook in one page of its own; what it asks for and complains about is written down."""

    def __init__(self, browser, server: LabServer, *, width: int = 1280, height: int = 1000):
        self.server = server
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.strangers: list[str] = []  # requests to any other host
        self.page_errors: list[str] = []
        self.closed = False
        self._control_comms: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("websocket", lambda socket: socket.on("framesent", self._sent))
        self.page.route("**/*", self._guard)
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _guard(self, route) -> None:
        url = route.request.url
        host = url.split("/")[2].split(":")[0] if url.startswith(("http", "ws")) else ""
        if host and host not in LOCAL:
            self.strangers.append(url)
            route.abort()
        else:
            route.continue_()

    def _sent(self, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        self._control_comms += CONTROL_COMM.findall(text)

    def open(self, path: str, timeout: float = 60_000) -> LabPage:
        """Open a notebook and wait until its kernel is ready."""
        self.path = path
        self.page.goto(self.server.url(path), wait_until="domcontentloaded", timeout=timeout)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=timeout)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=timeout)
        self.page.wait_for_function(
            f"() => document.querySelector('.jp-Dialog')"
            f" || window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady"
            f" && {CURRENT}.sessionContext.session?.kernel?.status === 'idle'",
            timeout=timeout,
        )
        if (dialog := self.page.locator(".jp-Dialog")).count():
            raise RuntimeError(f"{path} cannot be run: JupyterLab asks {dialog.inner_text()!r}")
        self.page.evaluate(
            f"""() => {{ window.kernelSaid = [];
              {KERNEL}.iopubMessage.connect((_, message) => {{
                const {{ header, content }} = message;
                if (header.msg_type === 'error')
                  window.kernelSaid.push(`${{content.ename}}: ${{content.evalue}}`);
                if (header.msg_type === 'stream' && content.name === 'stderr')
                  window.kernelSaid.push(content.text); }}) }}"""
        )
        return self

    def command(self, name: str, **arguments):
        """Run a command of JupyterLab and wait for its end."""
        return self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )

    def start_all(self) -> None:
        """Start every cell, without waiting."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")

    def run_all(self, timeout: float = 180_000) -> LabPage:
        """Run every cell to the end."""
        self.start_all()
        return self.wait_all(timeout)

    def wait_all(self, timeout: float = 180_000) -> LabPage:
        """Wait until every code cell that holds something was run and the kernel rests."""
        self.page.wait_for_function(
            f"() => {KERNEL}.status === 'idle' && [...{CURRENT}.node"
            ".querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".every((prompt) => !prompt.textContent.includes('*'))"
            f" && ([...{CURRENT}.content.model.sharedModel.cells].every((cell) =>"
            " cell.cell_type !== 'code' || !cell.source.trim() || cell.execution_count)"
            f" || [...{CURRENT}.content.model.sharedModel.cells].some((cell) =>"
            " (cell.toJSON().outputs ?? []).some((o) => o.output_type === 'error')))",
            timeout=timeout,
            polling=200,
        )
        return self

    def run_cell(self, index: int, timeout: float = 60_000) -> str:
        """Run one cell and return what it printed."""
        self.page.evaluate(
            f"""async (index) => {{ const notebook = {CURRENT}.content;
              notebook.activeCellIndex = index; notebook.deselectAll();
              await window.jupyterapp.commands.execute('notebook:run-cell'); }}""",
            index,
        )
        self.page.wait_for_function(f"() => {KERNEL}.status === 'idle'", timeout=timeout)
        return self.page.evaluate(
            f"(index) => ({CURRENT}.content.model.sharedModel.cells[index].toJSON().outputs)"
            ".map((o) => [o.text].flat().join('')).join('')",
            index,
        )

    def ask_kernel(self, code: str) -> str:
        """Run code in the kernel, outside the notebook; returns what it printed."""
        return self.page.evaluate(
            f"""async (code) => {{ let said = '';
              const future = {KERNEL}.requestExecute({{ code, store_history: false }});
              future.onIOPub = ({{ header, content }}) => {{
                if (header.msg_type === 'stream') said += content.text;
                if (header.msg_type === 'error') said += content.traceback.join('\\n'); }};
              await future.done; return said }}""",
            code,
        )

    def until(self, condition, seconds: float = 30) -> None:
        """Wait until a condition holds: widgets hold messages back while the kernel is busy."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.page.wait_for_timeout(50)

    def cell_errors(self) -> list[str]:
        """Every error output in the notebook, drawn or not."""
        return self.page.evaluate(
            f"() => [...{CURRENT}.content.model.sharedModel.cells]"
            ".flatMap((cell) => cell.toJSON().outputs ?? [])"
            ".filter((o) => o.output_type === 'error').map((o) => `${o.ename}: ${o.evalue}`)"
        )

    def kernel_said(self) -> list[str]:
        """Errors and stderr that the kernel sent, those of widget callbacks too.

        Left out is what a new kernel answers to JupyterLab's question for earlier widgets: it has
        not imported ipywidgets yet. The answer comes before or after we begin to listen.
        """
        answers = {f"No such comm target registered: {WIDGET_CONTROL}"}
        answers |= {f"No such comm: {comm}" for comm in self._control_comms}
        said = self.page.evaluate("() => window.kernelSaid")
        lines = [[line for line in text.splitlines() if line not in answers] for text in said]
        return ["\n".join(kept) for kept in lines if any(kept)]

    def theme(self, name: str) -> LabPage:
        """Switch to the light or the dark theme."""
        self.command("apputils:change-theme", theme=THEMES[name])
        light = "true" if name == "light" else "false"
        self.page.wait_for_function(
            f"() => document.body.dataset.jpThemeLight === '{light}'"
            " && getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
        )
        self.page.wait_for_timeout(200)
        return self

    def resize(self, width: int, height: int = 1000) -> LabPage:
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_timeout(250)
        return self

    def too_wide(self) -> list[str]:
        """Widgets and pictures that stick out of the notebook at the present width."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll(
                '[class*=whisper-lab], .jupyter-widgets, .jp-OutputArea-output figure, '
                + '.jp-OutputArea-output img, .jp-OutputArea-output audio')]
              .filter((e) => { const room = e.closest('.jp-OutputArea-output');
                const box = e.getBoundingClientRect();
                return room && box.width && box.right > room.getBoundingClientRect().right + 1; })
              .map((e) => `${e.tagName} ${e.className} ${e.textContent.slice(0, 60)}`)"""
        )

    def full_height(self, width: int = 1280) -> int:
        """Make the window as tall as the notebook, and go to its top; returns the height."""
        self.page.set_viewport_size({"width": width, "height": 1000})
        self.page.wait_for_timeout(250)
        height = self.page.evaluate(
            """() => { const outer = document.querySelector('.jp-WindowedPanel-outer');
              const last = [...document.querySelectorAll('.jp-Notebook .jp-Cell')].at(-1);
              return Math.ceil(last.getBoundingClientRect().bottom + outer.scrollTop) + 40 }"""
        )
        self.page.set_viewport_size({"width": width, "height": min(height, 16_000)})
        self.page.wait_for_timeout(500)
        self.page.evaluate(
            f"""() => {{ {CURRENT}.content.activeCellIndex = 0;
              document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0 }}"""
        )
        self.page.wait_for_timeout(300)
        return min(height, 16_000)

    def axe(self, script: Path, *, only_colors: bool = False) -> list[str]:
        """What axe-core finds in outputs and text: rule, place, element.

        Left out is what only JupyterLab's theme or pandas could mend: links in running text are
        not underlined, and the corner of a DataFrame is an empty header. axe sees no colours in
        JupyterLab's clipped shell, so nothing is clipped any more: take screenshots before.
        """
        self.page.add_style_tag(
            content="html,body,div{overflow:visible!important}"
            "body{background:var(--jp-layout-color0)!important}"
        )
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.add_script_tag(path=str(script))
        found = self.page.evaluate(
            """async (rules) => { const parts = ['.jp-OutputArea-output', '.jp-MarkdownOutput']
                .filter((part) => document.querySelector(part));
              const { violations, passes } = await axe.run(
                { include: parts.map((part) => [part]) },
                { resultTypes: ['violations', 'passes'], ...rules });
              const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
              const coloured = passes.filter((p) => p.id === 'color-contrast')
                .flatMap((p) => p.nodes).length;
              const foreign = (rule, e) => (rule === 'link-in-text-block'
                  && e?.closest('.jp-MarkdownOutput'))
                || (rule === 'empty-table-header' && e?.closest('table.dataframe'));
              return { coloured, lines: violations.flatMap((v) => v.nodes
                .map((node) => [v.id, node, document.querySelector(node.target[0])])
                .filter(([rule, , e]) => !foreign(rule, e))
                .map(([rule, node, e]) => `${rule} in cell ${cells.indexOf(e?.closest('.jp-Cell'))}`
                  + `: ${node.html.slice(0, 160)} (${node.any[0]?.message ?? v.help})`)) } }""",
            {"runOnly": ["color-contrast"]} if only_colors else {},
        )
        assert found["coloured"], "axe compared no colours: the page is clipped"
        return found["lines"]

    def close(self) -> None:
        """End the kernel and the page; a second time does nothing."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(Exception):
            self.page.evaluate(f"async () => {{ await {CURRENT}.sessionContext.shutdown() }}")
        self.context.close()


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

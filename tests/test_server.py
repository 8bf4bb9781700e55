"""JupyterLab as ``start --no-browser`` runs it: on this machine's own address, behind its token,
reached through a real ssh tunnel. The instance file of lab 01 is what cloud-init accepts.
"""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from lab_utils import environment

pytestmark = pytest.mark.slow

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, *, seconds=120, process=None):
    """Poll until ``what()`` is true; a bounded loop."""
    for _ in range(seconds * 5):
        if what():
            return
        assert process is None or process.poll() is None, "the process ended too early"
        time.sleep(0.2)
    raise AssertionError("waited too long")


def answers(url):
    """HTTP status of a page, or None where nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The documented command, as a reader on a rented machine types it."""
    state = tmp_path_factory.mktemp("server")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab_utils", "start", "--no-browser", "--port", str(port)],
        cwd=environment.project_dir(),
        env={
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        },
        stdout=(state / "log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for(lambda: list(state.glob("runtime/jpserver-*.json")), process=process)
        facts = json.loads(next(state.glob("runtime/jpserver-*.json")).read_text())
        wait_for(lambda: answers(f"http://127.0.0.1:{facts['port']}/login"), process=process)
        yield process, facts
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.model
def test_it_listens_on_this_machines_own_address_only(server):
    process, facts = server
    assert facts["pid"] == process.pid  # one process id ends it
    listening = [c.laddr.ip for c in psutil.Process(process.pid).net_connections("tcp")]
    assert listening and set(listening) <= {"127.0.0.1"}
    assert Path(facts["root_dir"]) == environment.project_dir()


@pytest.mark.model
def test_a_tunnel_reaches_it_and_the_token_guards_it(server, tmp_path):
    """sshd and ssh on loopback stand for the rented machine and the laptop."""
    if SSHD is None or shutil.which("ssh") is None:
        pytest.skip("no ssh server or client on this machine (Debian: openssh-server)")
    _, facts = server
    os.chmod(tmp_path, 0o700)
    for name in ("host", "reader"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(key, check=True)
    shutil.copy(tmp_path / "reader.pub", tmp_path / "authorized")
    ssh_port, local_port = free_port(), free_port()
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {ssh_port}\nHostKey {tmp_path}/host\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nPidFile {tmp_path}/pid\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    daemon = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")],
        stderr=(tmp_path / "sshd.log").open("w"),
    )
    options = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known"]
    options += ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-i", str(tmp_path / "reader")]
    tunnel = None
    try:
        wait_for(lambda: (tmp_path / "pid").exists(), seconds=20, process=daemon)
        tunnel = subprocess.Popen(
            ["ssh", "-N", "-L", f"127.0.0.1:{local_port}:127.0.0.1:{facts['port']}", *options]
            + ["-p", str(ssh_port), f"{getpass.getuser()}@127.0.0.1"]
        )
        near = f"http://127.0.0.1:{local_port}"
        wait_for(lambda: answers(f"{near}/login"), seconds=20, process=tunnel)
        assert answers(f"{near}/api/contents") == 403
        assert answers(f"{near}/api/contents?token=wrong") == 403
        assert answers(f"{near}/api/contents?token={facts['token']}") == 200
    finally:
        for process in (tunnel, daemon):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def test_the_instance_file_is_what_cloud_init_accepts():
    if shutil.which("cloud-init") is None:
        pytest.skip("no cloud-init on this machine (Debian: cloud-init)")
    file = environment.project_dir() / "assets" / "cloud" / "gpu-instance.yaml"
    command = ["cloud-init", "schema", "--config-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_inside_the_instance_file_is_sound(tmp_path):
    """Run with a stand-in for git and python3: it clones once and calls the documented command."""
    import yaml

    file = environment.project_dir() / "assets" / "cloud" / "gpu-instance.yaml"
    script = yaml.safe_load(file.read_text("utf-8"))["write_files"][0]["content"]
    (tmp_path / "bin").mkdir()
    for name in ("git", "python3"):
        fake = tmp_path / "bin" / name
        fake.write_text(
            f'#!/bin/sh\necho {name} "$@" >> "$HOME/calls"\n[ {name} = git ] && mkdir whisper-lab\n'
            "exit 0\n"
        )
        fake.chmod(0o755)
    (tmp_path / "setup").write_text(script)
    for _ in range(2):
        env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        subprocess.run(["sh", str(tmp_path / "setup")], env=env, check=True, cwd=tmp_path)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["git", "python3", "python3"]
    assert calls[-1] == "python3 -m lab_utils start --check-only"

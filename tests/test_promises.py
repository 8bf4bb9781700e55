"""What the project promises about itself: imports, versions, files that tell one story."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import house
import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "lab_utils"

#: tracked files over 1 MB, each with its reason
LARGE = {
    "assets/workshop/lecture.ogg": "lab 08 cuts a lecture of several minutes into clips",
    "assets/audio/en_long.flac": "a talk of 88 s: longer than Whisper's window",
}
HEAVY = ("torch", "whisper", "librosa", "matplotlib", "pandas", "scipy", "sklearn", "numba")


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def own_imports(path):
    """Names of the lab_utils modules that a file imports, at the top or inside a function."""
    depth = path.relative_to(PACKAGE).parts
    found = set()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []  # names for type hints: nothing is imported when the program runs
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = ("lab_utils", *depth[:-1])[: len(depth) + 1 - node.level]
                full = ".".join([*base, *([node.module] if node.module else [])])
            else:
                full = node.module
            names = [f"{full}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("lab_utils.")}
    return {
        name for name in found if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()
    }


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    parts = path.relative_to(PACKAGE).parts
    name = parts[0].removesuffix(".py")
    if name == "__init__":
        assert own_imports(path) == set()
        return
    imported = own_imports(path) - {name} - house.GROUND
    allowed = house.MAY_IMPORT.get(name, set())
    assert imported <= allowed, f"{name} may not import {imported - allowed}"


def test_the_map_of_the_house_shows_every_room():
    """tools/house.py draws it; a circle among the rooms would end it with an error."""
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()}
    assert rooms - {"__init__"} == house.GROUND | set(house.MAY_IMPORT)
    assert house.OUT.read_text("utf-8") == house.svg()
    assert "house.svg" in (PROJECT / "CONTRIBUTING.md").read_text("utf-8")


def file_imports():
    """Each file of the package → the files that it imports, at the top or inside a function."""
    files = {
        p.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): p for p in modules()
    }
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph = {}
    for name, path in files.items():
        folder = path.parent.relative_to(PACKAGE).parts
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                node.body = []
        found = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {a.name for a in node.names if a.name.startswith("lab_utils.")}
            elif isinstance(node, ast.ImportFrom):
                above = ["lab_utils", *folder[: len(folder) + 1 - node.level]] if node.level else []
                base = ".".join([*above, *filter(None, [node.module])])
                for alias in node.names:  # a file of the package, or a name that it defines
                    whole = f"{base}.{alias.name}"
                    found.add(whole if whole.removeprefix("lab_utils.") in files else base)
        inside = {full.removeprefix("lab_utils.") for full in found}
        graph[name] = {other for other in inside if other in files and other != name}
    return graph


def circles(graph):
    """Groups of files that each reach all others of the group."""
    reach = {name: set(others) for name, others in graph.items()}
    for middle in graph:
        for name in graph:
            if middle in reach[name]:
                reach[name] |= reach[middle]
    groups = {frozenset({a} | {b for b in reach[a] if a in reach[b]}) for a in graph}
    return [set(group) for group in groups if len(group) > 1]


def test_no_files_import_each_other():
    """A package's own __init__ gathers its files, and they may not import it back."""
    graph = file_imports()
    assert len(graph) > 80 and "models" in graph["transcripts"]
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]
    assert circles(graph) == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for_and_stays_readable(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path.name} has no docstring"
    lines = path.read_text("utf-8").count("\n")
    longest = 700 if path.parent.name == "exercises" else 420  # texts of tasks are long
    assert lines <= longest, f"{path.name} has {lines} lines: split it"


@pytest.mark.parametrize(
    "module", ["lab_utils", "lab_utils.audio", "lab_utils.samples", "lab_utils.bootstrap"]
)
def test_importing_is_light(module):
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def pins():
    text = (PROJECT / "constraints.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE))


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pyproject():
    return tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_requirement_is_pinned_and_the_pin_fits_its_range():
    from packaging.requirements import Requirement

    pinned = {canonical(name): version for name, version in pins().items()}
    project = pyproject()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (Requirement(text) for group in groups for text in group):
        version = pinned[canonical(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_every_requirement_is_recorded_with_hashes_in_its_pinned_version():
    """torch alone is not: its builds differ by machine. tools/lock.py writes the file."""
    from packaging.requirements import Requirement

    from lab_utils import installed

    pinned = {canonical(name): version for name, version in pins().items()}
    lines = installed.recorded("test", "classroom")
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines)
    found = dict(line.split(" ")[0].split("==") for line in lines)
    assert {n: v for n, v in found.items() if pinned.get(n, v) != v} == {}
    needed = installed.requirements("test", "classroom")
    missing = {canonical(Requirement(text).name) for text in needed} - set(found)
    assert missing == {"torch"}


def test_constraints_hold_versions_and_nothing_else():
    lines = (PROJECT / "constraints.txt").read_text("utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.!]+", line), line


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_pinned_version_that_is_installed_runs_on(python):
    from importlib.metadata import distributions

    from packaging.specifiers import SpecifierSet

    pinned = {canonical(name) for name in pins()}
    installed = {
        canonical(d.metadata["Name"]): d.metadata.get("Requires-Python") for d in distributions()
    }
    assert len(pinned & set(installed)) > 100
    needs = {name: installed[name] for name in pinned & set(installed) if installed[name]}
    assert {n: need for n, need in needs.items() if python not in SpecifierSet(need)} == {}


def test_conda_installs_the_same_versions_by_the_same_file():
    conda = yaml.safe_load((PROJECT / "environment.yml").read_text("utf-8"))
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert "-c constraints.txt" in pip
    assert any(line.startswith("-e .") for line in pip)
    python = next(d for d in conda["dependencies"] if str(d).startswith("python="))
    assert tuple(map(int, python.split("=")[1].split("."))) >= (3, 11)
    assert pyproject()["requires-python"] == ">=3.11"


def test_the_readme_names_what_exists():
    text = (PROJECT / "README.md").read_text("utf-8")
    from lab_utils.__main__ import COMMANDS

    for name in re.findall(r"python3? -m lab_utils (\w+)", text):
        assert name in COMMANDS, f"README names the unknown command {name}"
    assert {"start", "test", "check"} <= set(re.findall(r"python3? -m lab_utils (\w+)", text))
    for link in re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'src="([^"]+)"', text):
        if not link.startswith(("http://", "https://", "mailto:")):
            assert (PROJECT / link).exists(), f"README links to {link}, which is not there"
    for lab in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        assert f"notebooks/{lab.name}" in text, f"README does not list {lab.name}"
    assert "environment.yml" in text


def test_the_glossary_sends_each_term_to_a_lab_that_has_it():
    rows = re.findall(
        r"^\| (.+?) \| .+ \| \[\d+\]\((.+?)\) \|$",
        (PROJECT / "GLOSSARY.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 40
    assert [term.lower() for term, _ in rows] == sorted(term.lower() for term, _ in rows)
    for term, lab in rows:
        cells = json.loads((PROJECT / lab).read_text("utf-8"))["cells"]
        text = " ".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown").lower()
        word = re.split(r"[,(]", term)[0].strip().lower()
        assert word in text, f"{lab} never says {word!r}"


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [PROJECT / name for name in done.stdout.split("\0") if name]


def test_no_large_files_and_no_weights_are_tracked():
    for path in tracked():
        if path.is_file():
            assert path.suffix not in (".pt", ".bin", ".whl"), path
            name = path.relative_to(PROJECT).as_posix()
            assert path.stat().st_size <= 2**20 or name in LARGE, f"{name} is over 1 MB"


def test_tools_and_lab_utils_import_no_test():
    tests = {path.stem for path in (PROJECT / "tests").glob("*.py")}
    folders = ("tools", "benchmarks", "lab_utils")
    for path in (p for folder in folders for p in (PROJECT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found = (
                {name.split(".")[0] for name in names}
                if isinstance(node, ast.Import | ast.ImportFrom)
                else set()
            )
            assert not found & {*tests, "tests"}, f"{path.name} imports {found}"


def test_text_files_end_their_lines_the_same_way_on_every_system():
    text = (PROJECT / ".gitattributes").read_text("utf-8")
    assert "* text=auto eol=lf" in text
    for path in tracked():
        if path.suffix in (".py", ".md", ".ipynb", ".toml", ".txt", ".js", ".css", ".yml", ".json"):
            if path.is_file():
                assert b"\r\n" not in path.read_bytes(), path


def test_no_two_tracked_names_are_one_on_windows_or_macos():
    names = [path.relative_to(PROJECT).as_posix() for path in tracked()]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name.isascii() and not re.search(r'[<>:"|?*\\]|[. ](/|$)', name), name


BACKTICKED = re.compile(r"`((?:lab_utils|notebooks|tools|tests|benchmarks|assets)/[\w./-]+)`")


@pytest.mark.parametrize("name", ["*.md", "notebooks/*.ipynb"])
def test_paths_in_backticks_exist(name):
    for path in sorted(PROJECT.glob(name)):
        for found in BACKTICKED.findall(path.read_text("utf-8")):
            if not found.startswith("notebooks/outputs"):
                assert (PROJECT / found).exists(), f"{path.name} names {found}"


WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_workflows_pin_their_actions_and_run_commands_that_exist(path):
    from lab_utils.__main__ import COMMANDS

    steps = [s for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
             for s in job["steps"]]  # fmt: skip
    for step in steps:
        if action := step.get("uses"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        for command in re.findall(r"-m lab_utils (\w+)", step.get("run", "")):
            assert command in COMMANDS
    assert len(steps) > 5


def test_the_citation_names_this_version_and_its_license():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["authors"]
    assert citation["version"] == pyproject()["version"]
    assert citation["license"] == pyproject()["license"].split(" AND ")

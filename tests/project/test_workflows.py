"""Rules of the workflows that check and publish pcnet, read from their YAML.

Oracles: the build table in pyproject.toml, the files that git tracks, `wheels/release.py`.
"""

import fnmatch
import importlib.util
import itertools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="no workflows: a source distribution")
# Python of actions/setup-python or of a manylinux image -> tag of the wheels that it installs
PYTHON_TAG = re.compile(r"(\d)\.(\d+)(t?)")


def workflow(name):
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    loaded = yaml.safe_load(text)
    loaded["on"] = loaded.pop(True)  # YAML 1.1 reads the key "on" as a boolean
    return loaded


def steps(loaded):
    """(job, step) of all jobs that have steps."""
    for name, job in loaded["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


def release_script():
    spec = importlib.util.spec_from_file_location("release", ROOT / "wheels" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheels():
    return workflow("wheels")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path):
    for line in re.findall(r"^.*\buses:.*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        local = re.search(r"uses: \./\.github/workflows/[\w-]+\.yml$", line)
        pinned = re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\b", line)
        assert local or pinned, line


def test_one_commit_for_an_action():
    """Every use of an action has the same version, so that an update changes all."""
    texts = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pinned = set(re.findall(r"uses: ([\w-]+/[\w-]+)@(\w+) # (v[\d.]+)", texts))
    assert len({name for name, _, _ in pinned}) == len(pinned)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_tools_images_and_runners_are_pinned(path):
    loaded = workflow(path.stem)
    for _, step in steps(loaded):
        command = step.get("run", "")
        for tools in re.findall(r"pip install (.*)", command):
            assert all(re.fullmatch(r"[\w-]+==[\d.]+", tool) for tool in tools.split()), command
        if "docker run" in command:
            assert re.search(r'"[\w./$ {}]+@(sha256:|\$\{\{ matrix\.digest)', command), command
    text = path.read_text(encoding="utf-8")
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", d) for d in re.findall(r"digest: (\S+)", text))
    for job in loaded["jobs"].values():
        assert re.search(r":\d+\.\d+\.\d+", job.get("container", ":1.2.3"))
    assert "-latest" not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_permissions_are_minimal(path):
    loaded = workflow(path.stem)
    assert loaded["permissions"] == {"contents": "read"}
    given = {
        name: job["permissions"] for name, job in loaded["jobs"].items() if "permissions" in job
    }
    assert set(given) <= {"publish"}
    for _, step in steps(loaded):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_publishing_job_only_downloads_and_uploads(wheels):
    job = wheels["jobs"]["publish"]
    assert job["permissions"] == {"id-token": "write"}
    assert job["if"] == "startsWith(github.ref, 'refs/tags/v')"
    names = [step["uses"].partition("@")[0] for step in job["steps"]]
    assert names == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert all(set(step) <= {"uses", "with"} for step in job["steps"])


def needed_by(jobs, name):
    """All jobs that must succeed before this one."""
    needs = jobs[name].get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    return set(needs).union(*(needed_by(jobs, need) for need in needs))


def test_publishing_needs_all_other_jobs(wheels):
    jobs = wheels["jobs"]
    assert needed_by(jobs, "publish") == set(jobs) - {"publish"}


def test_published_files_are_the_checked_files(wheels):
    """One job checks the files with release.py and twine, and only this job passes them on."""
    (downloaded,) = (
        step["with"]["name"]
        for step in wheels["jobs"]["publish"]["steps"]
        if "download-artifact" in step["uses"]
    )
    uploads = {
        step["with"]["name"]: job
        for job, step in steps(wheels)
        if "upload-artifact" in step.get("uses", "")
    }
    collecting = wheels["jobs"][uploads[downloaded]]["steps"]
    commands = [step.get("run", "") for step in collecting]
    for needed in (
        "python wheels/release.py --files dist",
        "python -m twine check --strict dist/*",
        'python wheels/release.py "$GITHUB_REF_NAME" dist',
    ):
        assert needed in commands
    assert "upload-artifact" in collecting[-1]["uses"]


def test_a_run_of_a_tag_is_never_cancelled():
    for path in WORKFLOWS:
        concurrency = workflow(path.stem)["concurrency"]
        assert concurrency["cancel-in-progress"] == "${{ !startsWith(github.ref, 'refs/tags/') }}"
        # alone in its group, because the next run of a group cancels a queued one
        own = "${{ startsWith(github.ref, 'refs/tags/') && github.run_id || github.ref }}"
        assert concurrency["group"] == f"{path.stem}-{own}"


def test_ci_runs_on_pushes_pull_requests_and_before_a_release(wheels):
    ci = workflow("ci")
    assert ci["on"]["push"] == {"branches": ["**"]}
    assert {"pull_request", "workflow_call"} <= set(ci["on"])
    assert ci["on"]["pull_request"] is None  # for changes of all paths
    assert ".ci/run" in [step.get("run") for _, step in steps(ci)]
    assert wheels["jobs"]["ci"]["uses"] == "./.github/workflows/ci.yml"


# ---- every file that is published is built, installed and tested


def wheels_under_test(jobs):
    """{(Python tag, platform)} of the wheels that some job installs and tests."""
    matrix = jobs["test"]["strategy"]["matrix"]
    for name, python in itertools.product(matrix["name"], matrix["python"]):
        system, _, machine = name.partition("-")
        major, minor, free = PYTHON_TAG.fullmatch(python).groups()
        plain = f"cp{major}{minor}"
        platform = {"linux": "manylinux", "macos": "macOS", "windows": "Windows"}[system]
        machine = machine.upper() if system == "windows" else machine
        yield f"{plain}-{plain}{free}", f"{platform} {machine}"
    matrix = jobs["test-musllinux"]["strategy"]["matrix"]
    for python, arch in itertools.product(matrix["python"], matrix["arch"]):
        yield python, f"musllinux {arch}"


def test_every_wheel_is_installed_and_tested(wheels):
    script = release_script()
    published = set(itertools.product(script.built_pythons(ROOT), script.PLATFORMS))
    assert set(wheels_under_test(wheels["jobs"])) == published
    for job in ("test", "test-musllinux"):
        commands = " ".join(step.get("run", "") for step in wheels["jobs"][job]["steps"])
        assert "wheels/check.py" in commands
        assert "dist" in commands


def test_every_matrix_entry_has_a_runner(wheels):
    for job, key in (("test", "name"), ("test-musllinux", "arch")):
        matrix = wheels["jobs"][job]["strategy"]["matrix"]
        assert [row[key] for row in matrix["include"]] == matrix[key]
        assert all("runner" in row for row in matrix["include"])


def test_the_wheels_of_every_platform_are_built(wheels):
    rows = wheels["jobs"]["build"]["strategy"]["matrix"]["include"]
    assert [row["name"] for row in rows] == wheels["jobs"]["test"]["strategy"]["matrix"]["name"]
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["cibuildwheel"]
    assert {r["archs"] for r in rows if "linux" in r["name"]} == set(table["linux"]["archs"])
    assert {r["archs"] for r in rows if "windows" in r["name"]} == set(table["windows"]["archs"])
    platforms = release_script().PLATFORMS
    assert {r["archs"] for r in rows} == {name.partition(" ")[2] for name in platforms}


def test_the_source_distribution_is_installed_and_tested(wheels):
    job = wheels["jobs"]["test-sdist"]
    assert job["needs"] == "sdist"
    assert "python wheels/check.py dist/*.tar.gz" in [step.get("run") for step in job["steps"]]


# ---- paths


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("no repository")
    return listed.stdout.split("\0")[:-1]


# Files that neither go into a wheel nor test it; a change of any other file must rebuild wheels.
ELSEWHERE = (
    "docs/*",
    "examples/*",
    "benchmarks/*",
    ".ci/*",
    ".*",
    "CONTRIBUTING.md",
    "SECURITY.md",
)


def test_paths_that_trigger_wheels_are_complete(wheels):
    """A change of any file that is not listed as irrelevant builds and tests the wheels."""
    patterns = wheels["on"]["pull_request"]["paths"]
    files = tracked_files()
    missed = [
        name
        for name in files
        if not any(fnmatch.fnmatch(name, pattern.replace("**", "*")) for pattern in patterns)
        and not any(fnmatch.fnmatch(name, pattern) for pattern in ELSEWHERE)
    ]
    assert missed == []
    for pattern in patterns:
        assert any(fnmatch.fnmatch(name, pattern.replace("**", "*")) for name in files), pattern


def test_all_figures_are_computed_on_a_schedule():
    loaded = workflow("figures")
    assert loaded["on"]["schedule"]
    assert any(step.get("run", "").startswith(".ci/figures") for _, step in steps(loaded))
    text = (ROOT / ".ci" / "figures").read_text(encoding="utf-8")
    assert "docs/figures.py --check\n" in text
    assert "PCNET_GALLERY=full" in text

"""A release is refused unless tag, version and changelog agree and all wheels are there."""

import datetime
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.date(2026, 5, 4)
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-05-04

### Added

- Something.

## [1.1.0] - 2026-01-01

- Something before.
"""
PYPROJECT = """
[tool.cibuildwheel]
build = "cp313-* cp314t-*"
"""
WHEELS = [
    f"pcnet-1.2.0-{python}-{platform}.whl"
    for python in ("cp313-cp313", "cp314-cp314t")
    for platform in (
        *("manylinux_2_27_x86_64.manylinux_2_28_x86_64", "manylinux_2_28_aarch64"),
        *("musllinux_1_2_x86_64", "musllinux_1_2_aarch64"),
        *("macosx_15_0_x86_64", "macosx_15_0_arm64", "win_amd64"),
    )
]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "wheels" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release, check = script("release"), script("check")


@pytest.fixture
def tree(tmp_path):
    """A tree that may be released as v1.2.0."""
    (tmp_path / "pcnet").mkdir()
    (tmp_path / "pcnet" / "_version.py").write_text('"""Version."""\n\n__version__ = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("title: pcnet\nversion: 1.2.0\nlicense: BSD\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "README.md").write_text("# pcnet\n\nVersion 1.2.0.\n")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def problems(tree, tag="v1.2.0", folder=None):
    return release.problems(tag, root=tree, folder=folder, today=TODAY)


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_tree_without_problems(tree):
    assert problems(tree) == []


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2.1", "v1.2", ""])
def test_tag_of_another_version_is_refused(tree, tag):
    (problem,) = problems(tree, tag)
    assert "expected 'v1.2.0'" in problem


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("CITATION.cff", "1.2.0", "1.1.0", "CITATION"),
        ("CHANGELOG.md", "[1.2.0]", "[1.3.0]", "expected '## [1.2.0] - 2026-05-04'"),
        ("CHANGELOG.md", "2026-05-04", "not yet released", "expected '## [1.2.0] - 2026-05-04'"),
        ("CHANGELOG.md", "2026-05-04", "2026-05-05", "in the future"),
        ("CHANGELOG.md", "2026-05-04", "2026-13-05", "is no date"),
        ("CHANGELOG.md", "## [Unreleased]\n", "", "first section must be"),
        ("CHANGELOG.md", "[Unreleased]\n", "[Unreleased]\n\n- More.\n", "under Unreleased"),
        ("CHANGELOG.md", "### Added\n\n- Something.\n", "", "lists no change"),
        ("CHANGELOG.md", "- Something.\n", "", "lists no change"),
        ("CHANGELOG.md", "- Something.\n", "-\n", "lists no change"),
        ("README.md", "1.2.0.", "1.2.0, not yet\nreleased: names may change.", "not yet released"),
        ("README.md", "1.2.0.", "1.2.0, no wheels on a package index yet.", "no wheels on"),
    ],
)
def test_disagreement_is_refused(tree, file, old, new, words):
    replace(tree / file, old, new)
    (problem,) = problems(tree)
    assert words in problem


def test_a_development_version_is_refused(tree):
    replace(tree / "pcnet" / "_version.py", "1.2.0", "1.2.0.dev0")
    assert any("no version to release" in problem for problem in problems(tree))


@pytest.fixture
def folder(tree):
    """All files of the release 1.2.0."""
    (tree / "dist").mkdir()
    for name in ("pcnet-1.2.0.tar.gz", *WHEELS):
        (tree / "dist" / name).touch()
    return tree / "dist"


def test_a_whole_set_of_files_is_published(tree, folder):
    assert problems(tree, folder=folder) == []


@pytest.mark.parametrize("name", ["pcnet-1.2.0.tar.gz", *WHEELS])
def test_a_missing_file_is_named(tree, folder, name):
    (folder / name).unlink()
    (problem,) = problems(tree, folder=folder)
    assert "no pcnet-1.2.0.tar.gz" in problem or "no wheel for cp31" in problem


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pcnet-1.1.0-cp313-cp313-win_amd64.whl", "does not belong to the release"),
        ("pcnet-1.2.0-cp310-cp310-win_amd64.whl", "does not belong to the release"),
        ("pcnet-1.1.0.tar.gz", "does not belong to the release"),
        ("pcnet-1.2.0-cp313-cp313-linux_x86_64.whl", "is not repaired"),
        ("pcnet-1.2.0-cp313-cp313-macosx_14_0_arm64.whl", "is a second wheel"),
    ],
)
def test_an_unexpected_file_is_named(tree, folder, name, words):
    (folder / name).touch()
    (problem,) = problems(tree, folder=folder)
    assert words in problem


def test_an_empty_folder(tree):
    (tree / "dist").mkdir()
    assert len(problems(tree, folder=tree / "dist")) == 1 + len(WHEELS)


def test_files_are_checked_without_a_tag(tree, folder, monkeypatch, capsys):
    """As for a pull request, where there is no tag."""
    monkeypatch.setattr(release, "ROOT", tree)
    (tree / "CHANGELOG.md").unlink()
    release.main(["--files", str(folder)])
    assert "all files" in capsys.readouterr().out
    (folder / WHEELS[0]).unlink()
    with pytest.raises(SystemExit, match="no wheel for cp313-cp313 on manylinux x86_64"):
        release.main(["--files", str(folder)])


@pytest.mark.parametrize("arguments", [[], ["v1.2.0", "--files", "dist"]])
def test_a_command_that_does_not_say_what_to_check(arguments, capsys):
    with pytest.raises(SystemExit):
        release.main(arguments)
    assert "give either a tag or --files FOLDER" in capsys.readouterr().err


def test_release_reads_this_tree():
    """On the files of the project, only the changelog and the README may prevent a release."""
    found = release.problems(f"v{release.version_of(ROOT)}")
    assert all(problem.startswith(("CHANGELOG.md", "README.md")) for problem in found)


def test_the_pythons_of_the_wheels_are_those_of_the_classifiers():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    built = pyproject["tool"]["cibuildwheel"]["build"].split()
    classifiers = pyproject["project"]["classifiers"]
    versions = re.findall(r"Programming Language :: Python :: (3\.\d+)", "\n".join(classifiers))
    plain = [f"cp{version.replace('.', '')}-*" for version in versions]
    assert built == [*plain, "cp314t-*"]


NAMES = [
    *("pcnet/_core/binding.so", "pcnet/_core/binding.pyi", "pcnet/py.typed"),
    "pcnet-1.dist-info/METADATA",
    "pcnet-1.dist-info/licenses/LICENSE",
    "pcnet-1.dist-info/licenses/wheels/bundled/README.md",
]


def test_what_belongs_in_a_wheel():
    check.check_names([*NAMES, "pcnet.libs/libgomp-1.so.1.0.0", "pcnet/theory/__init__.py"])


@pytest.mark.parametrize(
    "name",
    [
        "pcnet/_core/binding.c",
        "pcnet/_core/binding.pyx",
        "tests/test_a.py",
        "csrc/pcnet.h",
        "pcnet/tests/a.py",
    ],
)
def test_files_that_do_not_belong_in_a_wheel(name):
    with pytest.raises(check.Wrong, match=name):
        check.check_names([*NAMES, name])


@pytest.mark.parametrize("part", ["_core", "LICENSE", "bundled"])
def test_missing_file_of_a_wheel_is_reported(part):
    with pytest.raises(check.Wrong, match=part):
        check.check_names([name for name in NAMES if part not in name])


SDIST = [
    f"pcnet-1.2.0/{name}"
    for name in (
        *(
            "PKG-INFO",
            "LICENSE",
            "pyproject.toml",
            "setup.py",
            "csrc/pcnet.h",
            "pcnet/_core/binding.pyx",
            "pcnet/_core/core.pxd",
            "pcnet/_core/batch.pxi",
        ),
        *("pcnet/py.typed", "tests/conftest.py", "wheels/bundled/README.md", "docs/conf.py"),
    )
]


def test_what_belongs_in_a_source_distribution():
    check.check_sdist_names([*SDIST, "pcnet-1.2.0/csrc/dispatch.c"])
    for missing in SDIST:
        with pytest.raises(check.Wrong, match="is missing in the source distribution"):
            check.check_sdist_names([name for name in SDIST if name != missing])


@pytest.mark.parametrize(
    "name", ["pcnet/_core/binding.c", "pcnet/_core/binding.cpython-311.so", "csrc/a.o"]
)
def test_what_is_built_does_not_belong_in_a_source_distribution(name):
    with pytest.raises(check.Wrong, match=name):
        check.check_sdist_names([*SDIST, f"pcnet-1.2.0/{name}"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (" 0x1 (NEEDED)  Shared library: [libgomp.so.1]", "libgomp.so.1, which not every system"),
        (" 0x1d (RUNPATH)  Library runpath: [/opt/lib]", "looks for libraries in /opt/lib"),
    ],
)
def test_libraries_of_this_machine_are_reported(line, words):
    with pytest.raises(check.Wrong, match=words):
        check.check_dynamic_section("_core.so", line, {"libgomp-1234.so.1.0.0"})


def test_bundled_libraries_are_allowed():
    text = (
        " 0x1 (NEEDED)  Shared library: [libgomp-1234.so.1.0.0]\n"
        " 0x1 (NEEDED)  Shared library: [libc.so.6]\n"
        " 0x1d (RPATH)  Library rpath: [$ORIGIN/../pcnet.libs]\n"
    )
    check.check_dynamic_section("_core.so", text, {"libgomp-1234.so.1.0.0"})


@pytest.mark.parametrize(
    ("here", "lacks"),
    [
        (("linux", "x86_64", (3, 14), True), False),
        (("win32", "AMD64", (3, 14), True), True),
        (("darwin", "arm64", (3, 14), True), True),
        (("darwin", "arm64", (3, 14), False), False),
        (("darwin", "x86_64", (3, 14), False), True),
        (("darwin", "x86_64", (3, 13), False), False),
    ],
)
def test_where_a_wheel_is_tested_without_onnxruntime(here, lacks):
    assert check.lacks_onnxruntime(*here) == lacks


def test_only_the_tests_of_onnx_are_skipped():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert extras["all"] == ["pcnet[plot,onnx,skops]"]
    assert set(extras["test"]) - set(check.WITHOUT_ONNX) == {"pcnet[all]"}
    assert set(check.WITHOUT_ONNX) - set(extras["test"]) == {"pcnet[plot,skops]"}

"""What a site gets when it installs the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(target.glob("*.whl"))) as archive:
        yield archive


def source_files(folder, pattern="*"):
    """Name the files of a package folder as they must appear in the wheel."""
    found = (ROOT / "django_wanvideo" / folder).rglob(pattern)
    return {str(path.relative_to(ROOT)) for path in found if path.is_file() and "__pycache__" not in path.parts}


@pytest.mark.parametrize("folder", ["templates", "static", "migrations", "management", "simulator", "catalog"])
def test_the_wheel_holds_every_file_of(wheel, folder):
    expected = source_files(folder)
    assert expected
    assert expected - set(wheel.namelist()) == set()


def test_the_wheel_tells_that_it_is_typed_and_carries_the_licence(wheel):
    names = wheel.namelist()
    assert "django_wanvideo/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_but_the_package(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"django_wanvideo"}
    assert not [name for name in wheel.namelist() if "__pycache__" in name or "/tests/" in name]


def test_every_catalogue_of_translations_is_compiled(wheel):
    names = set(wheel.namelist())
    sources = {name for name in names if name.endswith(".po")}
    assert {name for name in sources if name[:-3] + ".mo" not in names} == set()


def test_the_wheel_names_what_it_needs(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    needs = {need.split(";")[0].strip() for need in metadata.get_all("Requires-Dist") if "extra ==" not in need}
    assert {"django-rq<5,>=4.1", "rq<4,>=2.10", "djangorestframework>=3.17.2"} <= needs
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_pytest_finds_the_helpers_for_host_projects(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "wanvideo = django_wanvideo.pytest_plugin" in wheel.read(name).decode()
    assert {"django_wanvideo/testing.py", "django_wanvideo/pytest_plugin.py"} <= set(wheel.namelist())

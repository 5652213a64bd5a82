from __future__ import annotations

import hashlib
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from infinitedance_cli import plugins
from infinitedance_cli.stages.doctor import stage
from infinitedance_cli.stages.doctor.report import Finding, Report, Status
from infinitedance_cli.stages.doctor.stage import OptionalBackend, examine
from tests.conftest import RunIdance


def found(report: Report, name: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.name == name]
    return finding


def test_libraries_are_those_that_the_package_declares() -> None:
    report = examine()
    assert found(report, "h5py") == Finding("libraries", "h5py", Status.OK, metadata.version("h5py"))
    assert "mypy" not in {finding.name for finding in report.findings}


def test_a_declared_library_that_is_absent_comes_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = ["h5py>=3", "no-such-library>=2,<3", "pytest; extra == 'dev'"]
    monkeypatch.setattr(stage.metadata, "requires", lambda name: declared)
    libraries = [finding for finding in examine().findings if finding.section == "libraries"]
    assert [finding.name for finding in libraries] == ["h5py", "no-such-library"]
    assert libraries[1].status is Status.MISSING
    assert libraries[1].remedy == "pip install 'no-such-library>=2,<3'"


def test_an_absent_optional_backend_does_not_make_the_installation_incomplete() -> None:
    absent = OptionalBackend("no_such_module", "no-such-module", "nothing", "pip install no-such-module")
    present = OptionalBackend("yaml", "PyYAML", "settings", "")
    report = examine(optional_backends=[absent, present])
    assert found(report, "no_such_module").status is Status.OPTIONAL
    assert found(report, "yaml").detail == f"{metadata.version('PyYAML')}, for settings"
    assert "no_such_module" not in {finding.name for finding in report.missing}


def test_the_starter_model_is_known_by_all_its_bytes(tmp_path: Path) -> None:
    assert found(examine(starter=tmp_path), "starter model").status is Status.MISSING

    (tmp_path / "model.safetensors").write_bytes(b"weights")
    inner = hashlib.sha256(b"weights").digest()
    expected = hashlib.sha256(b"model.safetensors\0" + inner).hexdigest()[:16]
    assert found(examine(starter=tmp_path), "starter model").detail == f"0.0 MB, sha256 {expected}"

    (tmp_path / "index.json").write_text("{}")
    assert expected not in found(examine(starter=tmp_path), "starter model").detail


def test_a_broken_plugin_is_shown_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "idance_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: idance-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[idance.renderer]\nbroken = a_module_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = found(examine(), "broken")
    assert finding.section == "plug-ins: renderer"
    assert finding.status is Status.BROKEN
    assert "No module named 'a_module_that_nobody_has'" in finding.detail


def test_every_plugin_of_this_package_can_be_loaded() -> None:
    findings = {(finding.section, finding.name): finding for finding in examine().findings}
    for kind in plugins.KINDS:
        for name in plugins.names(kind):
            finding = findings[f"plug-ins: {kind}", name]
            assert finding.status is Status.OK, finding.detail


def test_the_table_has_a_heading_per_section_and_remedies_below() -> None:
    report = Report(
        (
            Finding("system", "python", Status.OK, "3.11"),
            Finding("libraries", "h5py", Status.MISSING, "not installed", "pip install h5py"),
        )
    )
    assert report.to_text() == (
        "system\n"
        "  ok      python  3.11\n"
        "\n"
        "libraries\n"
        "  MISSING h5py    not installed\n"
        "                  -> pip install h5py\n"
    )


def test_json_and_the_exit_code_tell_the_same(run_idance: RunIdance) -> None:
    result = run_idance("doctor", "--json")
    report = json.loads(result.stdout)
    assert report["schema"] == 1
    assert result.returncode == (0 if report["complete"] else 4)
    missing = [finding["name"] for finding in report["findings"] if finding["status"] == "missing"]
    assert report["complete"] is (not missing)
    assert all(name in result.stderr.decode() for name in missing)


def test_workers_of_the_user_are_shown_with_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert not [finding for finding in examine().findings if finding.section == "workers"]
    file = tmp_path / "idance" / "workers.yaml"
    file.parent.mkdir()
    file.write_text(
        f"good: {{python: {sys.executable}}}\nmoved: {{python: {sys.executable}, repository: /gone}}\n"
        "empty: {}\nwrong: {pythn: 1}\n"
    )
    report = examine()
    assert found(report, "good") == Finding("workers", "good", Status.OK, sys.executable)
    assert found(report, "moved").detail == "/gone does not exist"
    assert found(report, "empty").detail == "no python is named"
    assert "did you mean 'python'" in found(report, "wrong").detail
    file.write_text("[good]")
    assert found(examine(), "workers.yaml").status is Status.BROKEN

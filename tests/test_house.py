"""Laws of the house: what no file may hold, and what the documents promise."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from graph_service import texts

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
#: Words that judge. An output tells of indications, leads and deviations.
GUILT = re.compile(
    r"\b(fraud\w*|guilt\w*|criminal\w*|crime\w*|culprit\w*|bedräg\w*|brottslig\w*|skyldig\w*"
    r"|förövare|gärningsm\w*|fusk\w*)\b",
    re.IGNORECASE,
)


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def test_personal_numbers_are_of_the_ranges_kept_for_tests() -> None:
    number = re.compile(
        r"(?<!\d)((?:18|19|20)\d{2})(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?(\d{3})\d(?!\d)"
    )
    wrong = {
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path.name not in ("LICENSE", "requirements.lock", "requirements-dev.lock")
        for year, birth_number in number.findall(_text(path))
        if birth_number not in ("238", "239")
        and not (birth_number in ("980", "981") and int(year) < 1970)
    }
    assert not wrong


def test_no_file_names_a_package_registry_or_this_machine() -> None:
    registry = re.compile(r"https?://[\w.-]*(pypi|pythonhosted|maven|npmjs|crates)[\w.-]*")
    here = str(ROOT.parent) + "/"
    for path in _tracked():
        text = _text(path)
        assert not registry.search(text), path
        assert here == "/" or here not in text, path


def test_the_lock_pins_every_package_by_hash_and_names_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = _text(ROOT / name)
        assert "index-url" not in text and "find-links" not in text and "://" not in text
        pinned = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.MULTILINE)
        assert pinned and len(pinned) == len(re.findall(r"^[\w.-]+.*\\\n\s+--hash", text, re.M))


def test_every_direct_dependency_is_pinned_and_says_why() -> None:
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))["project"]
    lines = _text(ROOT / "pyproject.toml").splitlines()
    for dependency in project["dependencies"]:
        assert "==" in dependency
        line = next(line for line in lines if f'"{dependency}"' in line)
        assert "#" in line, f"{dependency} has no reason beside it"


def test_texts_exist_in_both_languages_without_words_of_guilt() -> None:
    for section in ("reason", "cure"):
        for key in texts.keys(section):
            for language in ("sv", "en"):
                words = texts.text(language, section, key, column="c", detail="d")
                assert words and not GUILT.search(words), (section, key, language)


def test_no_output_of_the_terminal_holds_words_of_guilt() -> None:
    for path in (ROOT / "api").glob("*.py"):
        for quoted in re.findall(r'"[^"\n]{3,}"', _text(path)):
            assert not GUILT.search(quoted) or "welfare crime" in quoted, (path, quoted)


def test_the_environment_is_read_in_one_place() -> None:
    for folder in ("api", "graph_service", "loaders", "queries", "synth"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != ROOT / "graph_service" / "settings.py":
                assert "os.environ" not in _text(path) and "getenv" not in _text(path), path


def test_clock_and_chance_come_from_outside() -> None:
    asked = re.compile(r"datetime\.now\(|date\.today\(|time\.time\(|random\.random\(")
    for folder in ("graph_service", "loaders", "queries", "synth"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not asked.search(_text(path)), path


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_names_a_test_that_enforces_it(page: Path) -> None:
    text = _text(page)
    assert "**Decision.**" in text and "**Why.**" in text
    named = re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`|`(make check)`", text)
    assert named, "name the test that enforces it"
    for file, function, _ in named:
        if file:
            assert (ROOT / file).exists(), file
            assert f"def {function}(" in _text(ROOT / file), f"{file}::{function}"


def test_every_local_link_of_a_document_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        prose = re.sub(r"`[^`\n]*`", "", _text(page))
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
            assert (page.parent / target).exists(), (page.name, target)


def test_targets_that_the_documents_name_are_in_the_makefile() -> None:
    makefile = _text(ROOT / "Makefile")
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"`make ([a-z]+)`", _text(page)):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)

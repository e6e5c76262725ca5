"""A peer that has to be compiled: when it is built, and what is said where it cannot be."""

from dataclasses import replace
from pathlib import Path

from benchmarks.builds import Build, BuildError
from benchmarks.contenders import ALL, GATEWAY, ready


def test_a_peer_without_its_tool_is_left_out_with_one_line(tmp_path: Path) -> None:
    said: list[str] = []
    peer = replace(ALL[2], build=Build(tmp_path, "no-such-compiler", Path.touch))
    assert [each.name for each in ready([ALL[0], peer], said.append)] == [GATEWAY]
    assert said == ["Mercurius is left out: no-such-compiler is not installed"]


def test_a_peer_that_does_not_compile_is_left_out_with_one_line(tmp_path: Path) -> None:
    def fail(_folder: Path) -> None:
        raise BuildError("cc: no input files")

    said: list[str] = []
    assert ready([replace(ALL[2], build=Build(tmp_path, "sh", fail))], said.append) == []
    assert said == ["Mercurius is left out: cc: no input files"]


def test_a_peer_is_built_again_when_its_sources_change(tmp_path: Path) -> None:
    builds: list[Path] = []
    build = Build(tmp_path, "sh", builds.append)
    source = tmp_path / "main.go"
    for text in ("first", "first", "second"):
        source.write_text(text)
        build.done()
    (tmp_path / "build" / "server").write_text("what a build writes is no source")
    build.done()
    assert builds == [tmp_path, tmp_path]

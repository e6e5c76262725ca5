"""The console script as an operator uses it: a process, its output and its exit code."""

import base64
import json
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tiss import examples

from tests.commands import billing, inherited
from tests.example_lotes import zipped
from tests.seeded import copy_seeded


def _billing(var_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return billing(*arguments, BILLING_VAR_DIR=str(var_dir), **environment)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var directory with migrations, TUSS and demo parties."""
    directory = tmp_path_factory.mktemp("cli")
    copy_seeded(directory)
    return directory


def test_loading_tuss_again_adds_nothing(loaded: Path) -> None:
    done = _billing(loaded, "load-tuss")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "0 terms added, 0 changed, 0 ended")


def test_loading_payers_again_changes_nothing_and_says_so(loaded: Path) -> None:
    first, second = (_billing(loaded, "load-payers") for _ in range(2))
    own = "2 payers are not in the register and did not come from it: left as they are"
    loaded_now = "1106 payers registered, 0 renamed, 0 reactivated, 0 deactivated, 0 unchanged"
    assert (first.returncode, first.stdout.splitlines()) == (0, [loaded_now, own])
    again = "nothing to change: 1106 payers are as in the register"
    assert (second.returncode, second.stdout.splitlines()) == (0, [again, own])


def test_the_file_of_the_page_about_parties_is_imported_once(loaded: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "parties.md").read_text()
    (rows,) = re.findall(r"^```\n(kind;.*?)```", page, re.DOTALL | re.MULTILINE)
    file = tmp_path / "world.csv"
    file.write_text(rows)
    first, second = (_billing(loaded, "import-parties", str(file)) for _ in range(2))
    assert first.returncode == 0, first.stdout
    lines = [re.sub(r" [a-z]{3}_[0-9a-z]{26}$", "", line) for line in first.stdout.splitlines()]
    kinds = ["line 2: patient taken", "line 3: coverage taken", "line 4: practitioner taken"]
    assert lines == [*kinds, "3 taken, 0 unchanged, 0 refused"]
    assert (second.returncode, second.stdout.splitlines()[-1]) == (0, "0 taken, 3 unchanged, 0 refused")


def test_a_refused_row_is_reported_with_its_line_and_exit_code_one(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("cnes,nome,cpf\n1234567,Joana,52998224724\n")
    done = _billing(loaded, "import-parties", str(file), "--only-refused")
    message = "  INVALID_IDENTIFIER at cpf: a CPF has eleven digits, of which the last two check the others"
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        ["line 2: patient refused", message, "0 taken, 0 unchanged, 1 refused"],
    )


def test_seeding_once_does_nothing_the_second_time(loaded: Path) -> None:
    done = _billing(loaded, "seed-demo", "--claims", "20", "--once")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "the demo data is there already")


def test_importing_the_example_document_again_reports_it_unchanged(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "lote.xml"
    file.write_bytes(examples.load("lote-valido"))
    done = _billing(loaded, "import-tiss", str(file))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 imported, 2 unchanged, 0 refused")


def test_importing_a_broken_document_says_why_and_exits_with_one(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.xml"
    file.write_bytes(b"<broken")
    done = _billing(loaded, "import-tiss", str(file))
    assert done.returncode == 1
    said = "document refused: the XML is not well-formed at line 1: send it as your system wrote it [TISS 5002]"
    assert done.stdout.splitlines() == [said, "0 imported, 0 unchanged, 0 refused"]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_zip_is_imported_in_the_name_that_is_given(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "lotes.zip"
    file.write_bytes(zipped({"1.xml": examples.load("lote-valido"), "2.xml": b"<lote/>"}))
    done = _billing(loaded, "import-tiss", str(file), "--as", "maria")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 imported, 2 unchanged, 1 refused")
    assert done.stdout.splitlines()[2] == "file 2.xml: refused"
    with closing(sqlite3.connect(loaded / "billing.db")) as database:
        (rows,) = database.execute("SELECT created_by FROM import_jobs ORDER BY id DESC LIMIT 1").fetchall()
    assert rows == ("maria",)


def test_a_missing_file_is_one_line(loaded: Path, tmp_path: Path) -> None:
    done = _billing(loaded, "import-tiss", str(tmp_path / "nothing.xml"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "No such file" in done.stderr


def test_only_the_owner_can_read_what_is_stored(loaded: Path) -> None:
    _billing(loaded, "token", "--role", "admin")
    modes = {path.name: path.stat().st_mode & 0o777 for path in loaded.iterdir()}
    assert modes == {"billing.db": 0o600, "audit-secret": 0o600, "development-key.json": 0o600}


def test_a_new_directory_is_closed_to_others(tmp_path: Path) -> None:
    assert _billing(tmp_path / "new", "migrate").returncode == 0
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_token_is_one_line_and_a_role_without_its_scope_is_refused(tmp_path: Path) -> None:
    good = _billing(tmp_path, "token", "--role", "biller", "--provider", "1234567")
    bad = _billing(tmp_path, "token", "--role", "payer_agent")
    unknown = _billing(tmp_path, "token", "--role", "superadmin")
    lives = [_billing(tmp_path, "token", "--role", "biller", "--seconds", each) for each in ("0", "86401", "20")]
    assert (good.returncode, good.stdout.count("\n"), good.stdout.count(".")) == (0, 1, 2)
    refused = (1, "billing: --seconds must be from 1 to 86400\n")
    assert [(each.returncode, each.stderr) for each in lives] == [refused, refused, (0, "")]
    payload = lives[2].stdout.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] == 20
    # Who calls it in another folder than the gateway's is told why the gateway refuses the token.
    assert good.stderr.startswith("made a new key in ")
    assert _billing(tmp_path, "token", "--role", "biller", "--provider", "1234567").stderr == ""
    assert (bad.returncode, bad.stderr) == (1, "billing: the role payer_agent needs --payer\n")
    assert (unknown.returncode, unknown.stderr.startswith("billing: there is no role superadmin")) == (1, True)


def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(tmp_path: Path) -> None:
    done = _billing(tmp_path, "serve", BILLING_PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "billing: wrong settings"
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == ["BILLING_PORT"]
    assert "eighty" not in done.stderr


def test_a_database_without_tables_stops_the_start_with_one_line(tmp_path: Path) -> None:
    done = _billing(tmp_path, "serve")
    expected = "billing: the tables of the database are missing or old: run billing migrate\n"
    assert (done.returncode, done.stderr) == (1, expected)


@pytest.mark.parametrize("command", ["parked", "purge", "load-tuss", "seed-demo"])
def test_a_command_without_tables_says_so_in_one_line(command: str, tmp_path: Path) -> None:
    done = _billing(tmp_path, command)
    expected = "billing: the tables of the database are missing or old: run billing migrate"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, expected)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_an_archive_directory_that_is_missing_is_refused_before_anything_is_deleted(
    extra: list[str], loaded: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    done = _billing(loaded, "purge", "--archive", str(missing), *extra)
    line = f"billing: --archive needs an existing directory, {missing} is none: nothing was deleted\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


@pytest.mark.parametrize("is_demo", [False, True])
def test_a_port_in_use_is_a_wrong_setting(is_demo: bool, loaded: Path, tmp_path: Path) -> None:
    """With demo data too, and before these are made: there is no database yet."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command, directory = (["--demo"], tmp_path) if is_demo else ([], loaded)
        done = _billing(directory, "serve", *command, BILLING_PORT=address.partition(":")[2])
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (
        2,
        ["billing: wrong settings", f"BILLING_HOST or BILLING_PORT: cannot listen on {address}"],
    )
    assert not is_demo or list(tmp_path.glob("*.db")) == []


def test_a_var_dir_that_cannot_be_created_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _billing(tmp_path / "file" / "var", "migrate")
    line = f"BILLING_VAR_DIR: cannot create {tmp_path / 'file' / 'var'}: Not a directory"
    assert (done.returncode, done.stderr) == (2, f"billing: wrong settings\n{line}\n")


def test_event_contracts_go_into_a_new_directory(tmp_path: Path) -> None:
    target = tmp_path / "new" / "events"
    assert _billing(tmp_path, "event-contracts", str(target)).returncode == 0
    released = Path(__file__).parents[2] / "events"
    assert {each.name: each.read_bytes() for each in target.iterdir()} == {
        each.name: each.read_bytes() for each in released.iterdir() if each.is_file()
    }


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _billing(tmp_path, "event-contracts", str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (1, f"billing: cannot use {tmp_path / 'file'}: File exists\n")


@pytest.mark.parametrize("command", ["migrate", "serve"])
@pytest.mark.parametrize("revision", ["0001", "0006"])
def test_a_database_of_version_0_1_stops_with_one_line_that_says_what_to_do(
    command: str, revision: str, tmp_path: Path
) -> None:
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    done = _billing(tmp_path, command, BILLING_DATABASE_URL=f"sqlite+aiosqlite:///{file}")
    what, remedy = (
        "this database is from version 0.1 and cannot be upgraded",
        "run billing migrate on a new, empty database",
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"billing: {what}: {remedy}\n")


def test_there_is_no_start_without_authentication(tmp_path: Path) -> None:
    done = _billing(tmp_path, "serve", BILLING_ENV="production", BILLING_DATABASE_URL="mysql+aiomysql://h/d")
    assert done.returncode == 2
    assert "BILLING_OIDC_ISSUER" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_down_is_one_line(tmp_path: Path) -> None:
    done = _billing(tmp_path, "migrate", BILLING_DATABASE_URL="mysql+aiomysql://root@127.0.0.1:1/billing")
    assert done.returncode == 3
    assert done.stderr.startswith("billing: the database is not available")
    assert len(done.stderr.splitlines()) == 1


def test_the_schema_command_prints_the_schema_file() -> None:
    # The one command in an interpreter of its own, which has imported nothing before.
    command = [sys.executable, "-m", "app.cli", "schema"]
    printed = subprocess.run(command, env=inherited(), capture_output=True, text=True, timeout=90, check=False).stdout
    assert printed == (Path(__file__).parents[2] / "schema.graphql").read_text()

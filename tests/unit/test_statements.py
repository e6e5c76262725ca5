"""A compiled statement asks for the same as the statement that was built with its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.dialects.mysql.aiomysql import dialect

from app.db.arguments import Places, flatten, with_places
from app.db.claims import CLAIM, ClaimFilter, ClaimRecord
from app.db.compiled import Compiled
from app.db.event_tables import dead_statements
from app.db.paging import Keyset
from app.db.record_texts import insert_text, update_text
from app.db.reference_tables import payers
from app.db.scoping import claims_in
from app.db.tables import claims
from app.db.types import NEVER_STORED
from app.db.words import has_words
from app.domain.claims import ClaimStatus
from app.domain.data_scope import DataScope

MYSQL = dialect()
TWO = DataScope(providers=frozenset({"7654321", "1234567"}))
NOW = datetime(2026, 11, 2, 12, 30, 15, 250, UTC)


class Pair(NamedTuple):
    table: str
    code: str


@dataclass(frozen=True)
class Row:
    id: str
    status: ClaimStatus
    created_at: datetime
    diagnosis_codes: tuple[str, ...]
    payer_ans: str | None


def _filled(build: Any, *arguments: Any, record: Any = tuple) -> tuple[str, list[Any]]:
    values: list[Any] = []
    for each in arguments:
        flatten(each, values)
    places = Places()
    compiled = Compiled(build(*[with_places(each, places) for each in arguments]), MYSQL, places, record)
    return compiled.text.partition("WHERE ")[2], compiled.parameters(values)


def _by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    return select(claims.c.id).where(claims.c.id.in_(ids), claims_in(scope))


def test_lists_are_filled_up_with_their_last_value() -> None:
    text, parameters = _filled(_by_ids, TWO, ["clm_2", "clm_1"])
    assert text == ("claims.id IN (%s, %s, %s, %s) AND claims.provider_cnes IN (%s, %s, %s, %s)")
    assert parameters == ["clm_2", "clm_1", "clm_1", "clm_1", "1234567", "7654321", "7654321", "7654321"]


@pytest.mark.parametrize(
    ("length", "size"), [(0, 0), (1, 1), (2, 4), (5, 8), (9, 16), (17, 64), (65, 200), (201, 500), (501, 1_000)]
)
def test_lists_have_few_sizes(length: int, size: int) -> None:
    values: list[Any] = []
    assert flatten([f"clm_{number}" for number in range(length)], values) == size
    assert len(values) == size


@pytest.mark.parametrize(
    ("scope", "condition", "parameters"),
    [
        (DataScope(), "false = 1", []),
        (DataScope(any_provider=True), "true = 1", []),
        (DataScope(any_provider=True, providers=frozenset({"1234567"})), "true = 1", []),
        (DataScope(providers=frozenset({"1234567"})), "claims.provider_cnes IN (%s)", ["1234567"]),
        (DataScope(payer="123456"), "claims.payer_ans = %s", ["123456"]),
        (
            DataScope(frozenset({"1234567"}), payer="123456", patient="pat_1"),
            (
                "claims.provider_cnes IN (%s) AND claims.payer_ans = %s AND claims.patient_id IN "
                "(SELECT coalesce(asked_patient.merged_into_id, asked_patient.id) AS coalesce_1 \n"
                "FROM patients AS asked_patient \nWHERE asked_patient.id = %s)"
            ),
            ["1234567", "123456", "pat_1"],
        ),
    ],
)
def test_each_kind_of_scope_has_a_statement_of_its_own(scope: DataScope, condition: str, parameters: list[str]) -> None:
    assert _filled(lambda given: select(claims.c.id).where(claims_in(given)), scope) == (condition, parameters)


def test_scopes_of_different_kinds_never_share_a_statement() -> None:
    kinds = [
        DataScope(),
        DataScope(any_provider=True),
        DataScope(providers=frozenset({"1234567"})),
        DataScope(providers=frozenset({"1234567", "7654321"})),
        DataScope(payer="123456"),
        DataScope(payer=""),
        DataScope(patient="pat_1"),
        DataScope(frozenset({"1234567"}), payer="123456"),
        DataScope(frozenset({"1234567"}), patient="pat_1"),
        DataScope(any_provider=True, payer="123456"),
    ]
    assert len({flatten(each, []) for each in kinds}) == len(kinds)


def test_a_page_has_its_filter_order_and_start_filled_in() -> None:
    def page(where: ClaimFilter, keyset: Keyset) -> Select[Any]:
        query = select(claims.c.id).where(claims.c.status.in_(where.status or ()), claims.c.patient_id == where.patient)
        return keyset.apply(query)

    where = ClaimFilter(status=(ClaimStatus.APPROVED, ClaimStatus.DRAFT), patient="pat_1")
    keyset = Keyset(claims.c.created_at, claims.c.id, descending=False, limit=51, after=(NOW, "clm_7"))
    text, parameters = _filled(page, where, keyset)
    assert text == (
        "claims.status IN (%s, %s) AND claims.patient_id = %s AND claims.created_at >= %s AND "
        "(claims.created_at > %s OR claims.id > %s) ORDER BY claims.created_at ASC, claims.id ASC \n LIMIT %s"
    )
    moment = NOW.replace(tzinfo=None)
    assert parameters == ["APPROVED", "DRAFT", "pat_1", moment, moment, "clm_7", 51]


def test_pairs_in_a_list_are_filled_in_one_by_one() -> None:
    def by_keys(keys: Sequence[Pair]) -> Select[Any]:
        return select(claims.c.id).where(tuple_(claims.c.payer_ans, claims.c.id).in_(keys))

    text, parameters = _filled(by_keys, [Pair("22", "1"), Pair("20", "2")])
    assert text == "(claims.payer_ans, claims.id) IN ((%s, %s), (%s, %s), (%s, %s), (%s, %s))"
    assert parameters == ["22", "1", "20", "2", "20", "2", "20", "2"]


def test_words_of_any_kind_share_a_statement() -> None:
    def having(words: tuple[str, ...]) -> Select[Any]:
        return select(payers.c.name).where(*has_words(words, payers.c.name, payers.c.ans_code))

    text, parameters = _filled(having, ("100%_/", "326305"))
    condition = "((payers.name COLLATE utf8mb4_unicode_ci) LIKE %s ESCAPE '/' OR payers.ans_code LIKE %s)"
    assert text == f"{condition} AND {condition}"
    assert parameters == ["%100/%/_//%", NEVER_STORED, "%326305%", "326305%"]


def test_what_no_column_can_contain_looks_for_what_no_row_has() -> None:
    _, parameters = _filled(_by_ids, DataScope(any_provider=True), ["clm_é"])
    assert parameters == [NEVER_STORED]


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda name: select(claims.c.id).where(claims.c.id.like(f"%{name}%")), "abc"),
        (lambda limit: select(claims.c.id).limit(limit + 1), 5),
        (lambda day: select(claims.c.id).where(claims.c.service_date == day.replace(day=1)), date(2026, 11, 2)),
    ],
)
def test_a_statement_that_changes_its_argument_cannot_be_compiled(build: Any, argument: Any) -> None:
    with pytest.raises(AssertionError, match="a statement changes its argument"):
        _filled(build, argument)


def test_what_no_statement_can_contain_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be a dict_keys"):
        flatten({"a": 1}.keys(), [])


def test_rows_become_records_as_sqlalchemy_makes_them() -> None:
    columns = [claims.c[name] for name in ("id", "status", "created_at", "diagnosis_codes", "payer_ans")]
    compiled = Compiled(select(*columns), MYSQL, Places(), Row)
    naive = NOW.replace(tzinfo=None)
    rows = [("clm_1", "DRAFT", naive, "A00,B01", None), ("clm_2", "APPROVED", naive, "", "123456")]
    assert compiled.records(rows) == [
        Row("clm_1", ClaimStatus.DRAFT, NOW, ("A00", "B01"), None),
        Row("clm_2", ClaimStatus.APPROVED, NOW, (), "123456"),
    ]
    with pytest.raises(KeyError):
        compiled.records([("clm_1", "UNKNOWN", naive, "", None)])


def test_only_columns_of_json_are_slow() -> None:
    assert Compiled(select(*CLAIM), MYSQL, Places(), ClaimRecord).has_slow_columns is True
    assert Compiled(select(claims.c.id), MYSQL, Places(), tuple).has_slow_columns is False


def test_a_prepared_statement_has_question_marks_for_parameters() -> None:
    places = Places()
    number = with_places("A-1", places)
    compiled = Compiled(
        select(claims.c.id).where(claims.c.provider_claim_number == number, func.mod(claims.c.version, 2) % 2 == 1),
        MYSQL,
        places,
        tuple,
    )
    assert "%%" in compiled.text
    assert compiled.native == compiled.text.replace("%s", "?").replace("%%", "%")


def test_values_of_a_new_row_are_in_the_order_of_its_columns() -> None:
    text = insert_text(dead_statements, ("reason", "dead_at", "topic"), MYSQL)
    assert text.of(1).text == "INSERT INTO dead_statements (topic, reason, dead_at) VALUES (%s, %s, %s)"
    assert text.of(2).text == f"{text.of(1).text}, (%s, %s, %s)"
    assert text.names == ("topic", "reason", "dead_at")


def test_the_id_of_a_changed_row_is_in_its_place_among_the_parameters() -> None:
    text, order = update_text(claims, ("version", "status"), MYSQL)
    assert text.text == "UPDATE claims SET status=%s, version=%s WHERE claims.id = %s"
    assert order == ("status", "version", "id")

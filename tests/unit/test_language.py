"""The language of a request, and messages in it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from app.domain import (
    adjustments,
    appeal_batches,
    bank,
    batches,
    claims,
    denials,
    imports,
    invoices,
    remittances,
    settlements,
)
from app.domain.errors import BillingError
from app.domain.money import Cents
from app.language.choice import Language, Reader, language, preferred, reader
from app.language.messages import AREAS, catalogue, in_language, in_portuguese, names_of


@pytest.mark.parametrize(
    "header",
    [
        "pt",
        "pt-BR",
        "PT-br",
        "pt-PT",
        "pt-BR,pt;q=0.9,en;q=0.8",
        "en;q=0.5, pt;q=0.7",
        "fr, pt;q=0.1",
        "pt, en",
        "fr, en;q=0, *;q=0.5, pt;q=0.2",
        "en;q=x, pt;q=0.001",
        " pt ; Q=0.4 ",
    ],
)
def test_portuguese_is_for_those_who_prefer_it(header: str) -> None:
    assert preferred(header) is Language.PORTUGUESE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "*",
        "en",
        "en-US,en;q=0.9,pt;q=0.8",
        "en, pt",
        "fr-FR",
        "pt;q=0",
        "pt;q=2",
        "pt;q=nan",
        "pt;level=1",
        "ptx",
        "pt;q=0.1, *;q=0.5",
        "," * 50 + "pt",
    ],
)
def test_english_is_for_all_others(header: str) -> None:
    assert preferred(header) is Language.ENGLISH


def test_a_text_is_in_the_language_of_its_reader() -> None:
    assert (language(), in_language("add at least one item")) == (Language.ENGLISH, "add at least one item")
    for header, text in (("pt", "inclua pelo menos um item"), ("en", "add at least one item")):
        found = Reader(header)
        token = reader.set(found)
        try:
            assert (found.has_read, in_language("add at least one item"), found.has_read) == (False, text, True)
        finally:
            reader.reset(token)


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        (
            "the contract ended on 2026-10-01, before the service date",
            "o contrato terminou em 01/10/2026: confira a data do atendimento",
        ),
        ("only 1234.50 of the credit is left", "restam apenas 1234,50 do crédito"),
        (
            "the claim has more than 2,000 items: split it into several",
            "a guia tem mais de 2.000 itens: divida-a em várias",
        ),
        ("the claim was not found", "não há guia com esta identificação ao seu alcance"),
        (
            "unknown council: use a code of table 26",
            "código desconhecido de conselho profissional: use um código da tabela 26",
        ),
        (
            "no appeal A1 in batches of appeals 3, 4: record the answer by denial",
            "não há o recurso A1 em lotes de recursos 3, 4: registre a resposta por glosa",
        ),
        (
            "unknown field {cpf}: use {code}, {amount}",
            "campo desconhecido {cpf}: use {code}, {amount}",
        ),
        ("add at least one item; a CNES has seven digits", "inclua pelo menos um item; um CNES tem sete dígitos"),
        ("what a library says", "what a library says"),
        ("a" * 2_000, "a" * 2_000),
    ],
)
def test_values_are_written_as_portuguese_writes_them(english: str, portuguese: str) -> None:
    assert in_portuguese(english) == portuguese


def _of_invoices(status: Any, action: Any) -> Any:
    return invoices.next_status(status, action, total=Cents(1), settled=Cents(0))


@pytest.mark.parametrize(
    ("step", "statuses", "actions"),
    [
        (claims.next_status, claims.ClaimStatus, claims.ClaimAction),
        (denials.next_status, denials.DenialStatus, denials.DenialAction),
        (batches.next_status, batches.BatchStatus, batches.BatchAction),
        (appeal_batches.next_status, appeal_batches.AppealBatchStatus, appeal_batches.AppealBatchAction),
        (_of_invoices, invoices.InvoiceStatus, invoices.InvoiceAction),
        (remittances.next_line_status, remittances.RemittanceLineStatus, remittances.RemittanceLineAction),
        (settlements.next_status, settlements.SettlementStatus, settlements.SettlementAction),
        (imports.next_status, imports.ImportJobStatus, imports.ImportJobAction),
        (bank.next_status, bank.BankEntryStatus, bank.BankAction),
        (adjustments.next_status, adjustments.AdjustmentStatus, adjustments.AdjustmentStep),
    ],
)
def test_no_word_of_a_refused_step_stays_english(step: Callable[[Any, Any], Any], statuses: Any, actions: Any) -> None:
    found = [text for text in (_refusal(step, *pair) for pair in product(statuses, actions)) if text]
    same = [each for each in found if not set(each.split()) & set(in_portuguese(each).split()) <= {"a"}]
    assert (bool(found), same) == (True, [])


def _refusal(step: Callable[[Any, Any], Any], status: Any, action: Any) -> str | None:
    try:
        step(status, action)
    except BillingError as error:
        return error.message
    return None


def test_every_text_is_recognized_as_itself() -> None:
    for area in AREAS:
        for english, portuguese in catalogue(area).items():
            values = {name: f"<{name}>" for name in names_of(english)}
            assert in_portuguese(english.format(**values)) == portuguese.format(**values)

"""The earlier service's endpoints: what each takes, gives and refuses, and that its faults are gone here too."""

import json
from typing import Any

import pytest

from tests.factories import World, key, new_world, today
from tests.gateway import Gateway
from tests.rest.calls import call, claim_body, refused


async def _created(world: World, **changes: Any) -> Any:
    answer = await call(world, "biller", "POST", "/claims/", claim_body(world, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_claim_is_created_read_listed_and_decided(world: World) -> None:
    answer = await call(world, "biller", "POST", "/claims/", claim_body(world))
    claim = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/claims/{claim['id']}")
    shown = ("status", "type", "amount", "provider_id", "payer_id", "service_date", "approved_amount")
    assert [claim[name] for name in shown] == [
        *("SUBMITTED", "SP_SADT", "150.50", world.provider, world.payer),
        *(today().isoformat(), None),
    ]
    path = f"/claims/{claim['id']}"
    read = (await call(world, "reviewer", "GET", path)).json()
    assert (read["patient_id"], read["patient"]["id"]) == (world.card, world.patient)
    assert [(one["procedure_code"], one["quantity"], one["unit_price"]) for one in read["items"]] == [
        ("10101012", "1", "150.50")
    ]
    assert (await call(world, "reviewer", "PATCH", path, {"status": "UNDER_REVIEW"})).json()["status"] == "UNDER_REVIEW"
    decision = {"items": [{"sequence": 1, "approved_amount": 100, "denials": [{"code": "1705", "amount": "50.50"}]}]}
    decided = (await call(world, "reviewer", "PATCH", path, decision)).json()
    assert [decided[name] for name in ("status", "approved_amount", "denied_amount")] == [
        *("PARTIALLY_APPROVED", "100.00", "50.50")
    ]
    listed = await call(world, "biller", "GET", f"/claims/?patient={world.patient}&status=PARTIALLY_APPROVED")
    assert listed.json() == {"items": [decided], "next": None}
    assert (await call(world, "biller", "GET", "/claims/?status=DENIED")).json() == {"items": [], "next": None}


async def test_lists_have_pages_that_do_not_shift(world: World) -> None:
    made = [(await _created(world, submit=False))["id"] for _ in range(3)]
    first = (await call(world, "biller", "GET", "/claims/?limit=2")).json()
    second = (await call(world, "biller", "GET", f"/claims/?limit=2&after={first['next']}")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    for query in ("skip=2", "limit=0", "limit=101", "limit=1&limit=2", "status=paid"):
        assert refused(await call(world, "biller", "GET", f"/claims/?{query}"))[:2] == (422, "INVALID_INPUT")
    assert refused(await call(world, "biller", "GET", "/claims/?after=x"))[:2] == (422, "INVALID_INPUT")


async def test_an_invoice_is_created_settled_and_read(world: World) -> None:
    claim = await world.approved_claim("0.30")
    body = {"provider_id": world.provider, "payer_id": world.payer, "billing_month": today().strftime("%Y-%m")}
    answer = await call(world, "biller", "POST", "/invoices/", {**body, "claim_ids": [claim["id"]]})
    invoice = answer.json()
    assert (answer.status_code, invoice["status"], invoice["amount"]) == (201, "DRAFT", "0.30")
    path = f"/invoices/{invoice['id']}"
    payment = {"amount": 0.1, "paid_on": today().isoformat()}
    assert refused(await call(world, "finance", "POST", f"{path}/settle", payment)) == (409, "CONFLICT", "id")
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    for due in ("0.20", "0.10", "0.00"):
        paid = await call(world, "finance", "POST", f"{path}/settle", payment)
        assert (paid.status_code, paid.json()["amount"]) == (201, "0.10")
        assert paid.json()["invoice"]["due_amount"] == due
    read = (await call(world, "finance", "GET", path)).json()
    assert [one["amount"] for one in read["settlements"]] == ["0.10"] * 3
    assert (read["status"], read["settled_amount"], read["due_amount"]) == ("SETTLED", "0.30", "0.00")
    listed = (await call(world, "finance", "GET", "/invoices/?status=SETTLED")).json()
    assert [one["id"] for one in listed["items"]] == [invoice["id"]]


async def test_eligibility_is_asked_and_its_history_read(world: World) -> None:
    await world.hold_membership()
    body = {"patient_id": world.card, "provider_id": world.provider, "payer_id": world.payer}
    asked = await call(world, "front_desk", "POST", "/eligibility/check", body)
    again = await call(world, "front_desk", "POST", "/eligibility/check", {**body, "procedure_code": None})
    nobody = await call(world, "front_desk", "POST", "/eligibility/check", {**body, "patient_id": "NOBODY"})
    found = [(one.status_code, one.json()["outcome"], one.json()["source"]) for one in (asked, again, nobody)]
    assert found == [(200, "ELIGIBLE", "PAYER"), (200, "ELIGIBLE", "CACHE"), (200, "NOT_ELIGIBLE", "PAYER")]
    assert again.json()["asked_payer_at"] == asked.json()["asked_payer_at"]
    history = (await call(world, "front_desk", "GET", f"/eligibility/history?patient={world.patient}")).json()
    assert [(one["id"], one["patient_id"]) for one in history["items"]] == [
        (one.json()["id"], world.card) for one in (again, asked)
    ]


async def test_amounts_are_taken_by_their_decimal_text(world: World) -> None:
    items = [{"procedure_code": "10101012", "unit_price": price} for price in (0.1, 0.2, 1234567.89)]
    changes = {"items": items, "procedure_codes": None, "amount": None}
    assert (await _created(world, **changes))["amount"] == "1234568.19"
    text = json.dumps(claim_body(world)).replace("150.5", "%s")
    for sent in ("0.30000000000000004", "1e2", "-1", "100000000", '"NaN"', "1.005", "9" * 50):
        answer = await call(world, "biller", "POST", "/claims/", text % sent)
        assert refused(answer)[:2] == (422, "INVALID_AMOUNT"), sent
        assert "amount" in [error["field"] for error in answer.json()["errors"]]
    assert refused(await call(world, "biller", "POST", "/claims/", text % "NaN"))[:2] == (400, "BAD_REQUEST")
    assert refused(await call(world, "biller", "POST", "/claims/", text % "true")) == (422, "INVALID_INPUT", "amount")


async def test_no_status_can_be_written(world: World) -> None:
    claim = await _created(world)
    path = f"/claims/{claim['id']}"
    for status in ("APPROVED", "PARTIALLY_APPROVED", "DENIED", "PAID", 1):
        answer = await call(world, "reviewer", "PATCH", path, {"status": status})
        assert refused(answer) == (422, "INVALID_INPUT", "status")
    assert "items" in (await call(world, "reviewer", "PATCH", path, {"status": "APPROVED"})).json()["detail"]
    assert refused(await call(world, "reviewer", "PATCH", path, {"amount": 1}))[:2] == (422, "INVALID_INPUT")
    assert refused(await call(world, "biller", "PATCH", path, {"status": "SUBMITTED"})) == (409, "CONFLICT", "id")
    asked = {"status": "PENDING_INFORMATION", "reason": "laudo"}
    assert refused(await call(world, "reviewer", "PATCH", path, asked)) == (409, "CONFLICT", "id")
    await world.mutate("reviewer", "startReview", "claim { id }", id=claim["id"])
    for body, status in ((asked, "PENDING_INFORMATION"), ({"status": "UNDER_REVIEW", "note": "veio"}, "UNDER_REVIEW")):
        assert (await call(world, "reviewer", "PATCH", path, body)).json()["status"] == status
    stale = {"status": "CANCELLED", "version": 1}
    assert refused(await call(world, "biller", "PATCH", path, stale)) == (409, "STALE_VERSION", "version")
    cancelled = await call(world, "biller", "PATCH", path, {"status": "CANCELLED", "reason": "engano"})
    assert cancelled.json()["status"] == "CANCELLED"
    draft = await _created(world, submit=False)
    steps: list[dict[str, Any]] = [{"status": "SUBMITTED"}, {"status": "DRAFT", "reason": "engano"}]
    sent = [await call(world, "biller", "PATCH", f"/claims/{draft['id']}", step) for step in steps]
    assert [one.json()["status"] for one in sent] == ["SUBMITTED", "DRAFT"]
    history = await world.call(
        "reviewer", "query($id: ID!) { claim(id: $id) { history { totalCount } } }", id=claim["id"]
    )
    assert history["claim"]["history"]["totalCount"] == 6


async def test_settling_twice_counts_once(world: World) -> None:
    invoice, used = await world.issued_invoice("100.00"), key()
    path, body = f"/invoices/{invoice['id']}/settle", {"amount": 100, "paid_on": today().isoformat()}
    answers = [await call(world, "finance", "POST", path, body, **{"idempotency-key": used}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [one.headers.get("idempotency-replayed") for one in answers] == [None, "true"]
    other = await call(world, "finance", "POST", path, {**body, "amount": 99}, **{"idempotency-key": used})
    assert refused(other) == (422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key")
    assert refused(await call(world, "finance", "POST", path, body)) == (409, "CONFLICT", "id")
    kept = await world.invoice(invoice["id"])
    assert (kept["settledAmount"], len(kept["settlements"])) == ("100.00", 1)
    assert (await world.events(invoice["id"])).count("InvoiceSettled") == 1
    cancelled = await world.issued_invoice()
    await world.mutate("biller", "cancelInvoice", "invoice { id }", id=cancelled["id"])
    refusal = await call(world, "finance", "POST", f"/invoices/{cancelled['id']}/settle", {**body, "amount": 1})
    assert refused(refusal) == (409, "CONFLICT", "id")
    part = await world.issued_invoice("1.00")
    above = await call(world, "finance", "POST", f"/invoices/{part['id']}/settle", {**body, "amount": 1.01})
    assert refused(above) == (409, "OVER_SETTLEMENT", "amount")


async def test_the_same_claim_again_is_the_same_claim(world: World) -> None:
    used = {"idempotency-key": key()}
    made = [await call(world, "biller", "POST", "/claims/", claim_body(world), **used) for _ in range(2)]
    assert made[0].json() == made[1].json()
    named = claim_body(world, claim_number=made[0].json()["claim_number"])
    assert refused(await call(world, "biller", "POST", "/claims/", named)) == (409, "DUPLICATE_CLAIM", "claim_number")
    late = await call(world, "biller", "POST", "/claims/", claim_body(world), **{"idempotency-key": "x" * 300})
    assert refused(late) == (422, "INVALID_INPUT", "Idempotency-Key")


async def test_what_is_wrong_is_named_as_it_was_sent(world: World) -> None:
    cases: list[tuple[Any, int, str, str | None]] = [
        (claim_body(world, patient_id=None), 422, "INVALID_INPUT", "patient_id"),
        (claim_body(world, patient_id=12345), 422, "INVALID_INPUT", "patient_id"),
        (claim_body(world, provider_id="9999999"), 422, "NOT_FOUND", "provider_id"),
        (claim_body(world, provider_id="1"), 422, "INVALID_IDENTIFIER", "provider_id"),
        (claim_body(world, payer_id="1"), 422, "INVALID_IDENTIFIER", "payer_id"),
        (claim_body(world, service_date="2999-01-01"), 422, "INVALID_DATE", "service_date"),
        (claim_body(world, procedure_codes=["10101012", "40304361"]), 422, "INVALID_INPUT", "procedure_codes"),
        (claim_body(world, procedure_codes=["00000000"]), 422, "UNKNOWN_CODE", "items.0.procedure_code"),
        (claim_body(world, items=[{"procedure_code": "10101012"}]), 422, "INVALID_INPUT", "items.0.unit_price"),
        (claim_body(world, status="APPROVED"), 422, "INVALID_INPUT", None),
        (claim_body(world, encounter=None), 422, "INVALID_INPUT", "encounter.priority"),
        ([], 422, "INVALID_INPUT", None),
        ("{", 400, "BAD_REQUEST", None),
        ('{"patient_id": "\\ud800"}', 400, "BAD_REQUEST", None),
        ("[" * 5_000, 400, "BAD_REQUEST", None),
    ]
    for body, *expected in cases:
        answer = await call(world, "biller", "POST", "/claims/", body)
        assert refused(answer) == tuple(expected), answer.text
    form = await call(world, "biller", "POST", "/claims/", "{}", **{"content-encoding": "br"})
    assert refused(form)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")
    gone = await call(world, "biller", "DELETE", "/claims/")
    assert (refused(gone)[0], gone.headers["allow"]) == (405, "POST, GET")


async def test_a_refusal_is_in_the_language_of_the_caller(world: World) -> None:
    texts = {}
    body = claim_body(world, patient_id="", procedure_codes=["99999999"])
    for language in ("pt-BR,pt;q=0.9,en;q=0.8", "en"):
        answer = await call(world, "biller", "POST", "/claims/", body, **{"accept-language": language})
        assert refused(answer) == (422, "INVALID_CARD", "patient_id")
        assert answer.headers["vary"] == "Origin, Accept-Language"
        texts[answer.headers["content-language"]] = [
            (each["code"], each["detail"], each["tiss_code"], each["tiss_description"])
            for each in answer.json()["errors"]
        ]
    card, term = ("1001", "NÚMERO DA CARTEIRA INVÁLIDO"), ("1801", "PROCEDIMENTO INVÁLIDO")
    assert texts == {
        "en": [
            ("INVALID_CARD", "a card number has 1 to 20 characters, none with an accent", *card),
            ("UNKNOWN_CODE", "the TUSS table has no such code: look it up with tussTerms", *term),
        ],
        "pt-BR": [
            ("INVALID_CARD", "um número de carteirinha tem de 1 a 20 caracteres, sem acentos", *card),
            ("UNKNOWN_CODE", "a tabela TUSS não tem este código: consulte tussTerms", *term),
        ],
    }


async def test_no_endpoint_answers_without_a_token_a_role_or_a_scope(gateway: Gateway, world: World) -> None:
    claim, invoice = await world.submitted_claim(), await world.issued_invoice()
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/claims/", claim_body(world)),
        ("GET", f"/claims/{claim['id']}", None),
        ("GET", "/claims/", None),
        ("PATCH", f"/claims/{claim['id']}", {"status": "CANCELLED"}),
        (
            "POST",
            "/invoices/",
            {"provider_id": world.provider, "payer_id": world.payer, "billing_month": "2026-11", "claim_ids": []},
        ),
        ("GET", f"/invoices/{invoice['id']}", None),
        ("GET", "/invoices/", None),
        ("POST", f"/invoices/{invoice['id']}/settle", {"paid_on": today().isoformat()}),
        (
            "POST",
            "/eligibility/check",
            {"patient_id": world.card, "provider_id": world.provider, "payer_id": world.payer},
        ),
        ("GET", "/eligibility/history", None),
    ]
    for method, path, body in calls:
        anonymous = await gateway.client.request(method, path, json=body)
        assert refused(anonymous)[:2] == (401, "UNAUTHENTICATED")
        assert anonymous.headers["www-authenticate"].startswith("Bearer")
        for role in ("superadmin", "admin "):
            assert refused(await call(world, role, method, path, body))[:2] == (403, "FORBIDDEN"), path
    other = await new_world(gateway)
    for role, path in (("biller", f"/claims/{claim['id']}"), ("finance", f"/invoices/{invoice['id']}")):
        assert refused(await call(other, role, "GET", path))[:2] == (404, "NOT_FOUND")
    settle = f"/invoices/{invoice['id']}/settle"
    hidden = await call(other, "finance", "POST", settle, {"paid_on": today().isoformat()})
    assert refused(hidden) == (404, "NOT_FOUND", "id")
    assert (await call(other, "biller", "GET", "/claims/")).json()["items"] == []
    assert [one["status"] for one in (await call(world, "biller", "GET", "/claims/")).json()["items"]].count(
        "CANCELLED"
    ) == 0


async def test_what_a_role_may_not_see_is_null_and_named(world: World) -> None:
    claim = await world.submitted_claim(clinicalIndication="Segredo")
    read = (await call(world, "billing_reader", "GET", f"/claims/{claim['id']}")).json()
    assert [read[name] for name in ("patient_id", "patient", "items", "clinical_indication")] == [None] * 4
    assert read["redacted"] == ["clinical_indication", "diagnosis_codes", "items", "patient", "patient_id"]
    assert read["amount"] == "100.00"


async def test_the_log_the_metrics_and_the_history_show_the_doorway_and_no_person(
    gateway: Gateway, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = await _created(world)
    await call(world, "reviewer", "GET", f"/claims/{claim['id']}")
    await call(world, "reviewer", "GET", f"/claims/{world.card}")
    metrics = (await gateway.client.get("/metrics")).text
    assert 'route="/claims/{id}"' in metrics
    assert 'operation="CreateClaim"' in metrics
    assert world.card not in metrics
    assert claim["id"] not in metrics
    assert world.card not in capsys.readouterr().err

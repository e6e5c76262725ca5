"""The scan of the whole run for values of patients, at a gateway where some were put where they must not be."""

import logging

import pytest
from sqlalchemy import select, update

from app.db.reference_tables import patients
from app.db.tables import outbox
from tests.factories import new_world
from tests.gateway import embedded_settings, running_gateway
from tests.leaks import Log, Messages, leaks


async def test_a_value_of_a_patient_is_found_in_each_place(tmp_path_factory: pytest.TempPathFactory, log: Log) -> None:
    lines = Log()
    lines.setFormatter(log.formatter)
    async with running_gateway(embedded_settings(tmp_path_factory.mktemp("leaks"))) as gateway:
        messages = Messages(gateway)
        world = await new_world(gateway)
        await world.create_claim(clinicalIndication="dor no peito", claimedAmount="1.00")
        await world.submitted_claim(clinicalIndication="dor no peito", diagnosisCodes=["K35.8"])
        assert await leaks(gateway, lines, messages) == []
        assert "the items do not add up to the claimed total" in messages.found

        async with gateway.database.reading() as connection:
            query = select(patients.c.name, patients.c.cpf).where(patients.c.id == world.patient)
            name, cpf = (await connection.execute(query)).one()
        told = f"{name} has the CPF {cpf}"
        lines.handle(logging.LogRecord("billing", logging.INFO, "here", 1, told, None, None))
        gateway.parts.metrics.http_requests.labels(route=world.card, method="GET", status="200").inc()
        await gateway.parts.cache.put(f"patient:{cpf}", b"", lifetime_seconds=60)
        await gateway.database.transact(
            lambda connection: connection.execute(update(outbox).values(data="dor no peito"))
        )
        messages.found.add("K35.8 is a diagnosis")
        found = await leaks(gateway, lines, messages)
        assert f"log: {name}, in " in found[2]
        assert [each.partition(", in ")[0] for each in found] == [
            f"cache keys: {cpf}",
            "events: dor no peito",
            f"log: {name}",
            "messages: K35.8",
            f"metrics: {world.card}",
        ]

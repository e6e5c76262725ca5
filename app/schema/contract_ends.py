"""Mutations that end a price or close a contract."""

from datetime import date
from typing import Any

import strawberry

from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.contracts import Contract
from app.services import contract_ends
from app.services.contract_ends import PriceEnd


@input_type(description="The price to end, by its code and a day on which it is valid.")
class EndContractPriceInput:
    id: strawberry.ID = strawberry.field(name="contractId", description="Id of the contract.")
    code_system: str = strawberry.field(description="TUSS table (codigoTabela).")
    code: str = strawberry.field(description="Code within the table (codigoProcedimento).")
    valid_to: date = strawberry.field(description="New last day of the price that is valid on that day.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        end = PriceEnd(self.code_system, self.code, self.valid_to)
        return {"id": self.id, "end": end, "version": self.version}


@input_type(description="The contract to close.")
class CloseContractInput:
    id: strawberry.ID = strawberry.field(name="contractId", description="Id of the contract.")
    ends_on: date = strawberry.field(description="Last day of service that new claims may have.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of ending a price.")
class EndContractPricePayload(MutationPayload):
    contract: Contract | None = strawberry.field(
        default=None, description="The contract after the mutation; null if refused."
    )


@object_type(description="Result of closing a contract.")
class CloseContractPayload(MutationPayload):
    contract: Contract | None = strawberry.field(
        default=None, description="The contract after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        contract_ends.END_PRICE,
        EndContractPriceInput,
        EndContractPricePayload,
        "Ends an agreed price on a day; other periods of its code stay as they are.",
    ),
    mutation(
        contract_ends.CLOSE,
        CloseContractInput,
        CloseContractPayload,
        "Closes a contract: claims for services after the day are refused, what exists goes on under its terms. "
        "Call it again to change the day.",
    ),
)

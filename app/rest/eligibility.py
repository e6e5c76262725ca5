"""The endpoints of eligibility."""

from typing import Final

from app.rest.claims import PAYER, PROVIDER
from app.rest.endpoint import Endpoint, Form, Operation, Values
from app.rest.kinds import DATE, TEXT, Flag, Invalid, Member
from app.rest.pages import PAGE

CHECK: Final = (
    "id outcome source service_date: serviceDate asked_payer_at: askedPayerAt answered_at: answeredAt "
    "expires_at: expiresAt provider_id: provider { value: cnes } payer_id: payer { value: ansCode } "
    "reasons { code description }"
)


def _with_table(values: Values, _key: str) -> Values:
    """A code without its table is one of table 22."""
    if "code_system" in values and "procedure_code" not in values:
        raise Invalid("procedure_code", "send the code with its table")
    return {"code_system": "22", **values} if "procedure_code" in values else values


ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/eligibility/check",
        "Whether the patient is covered, as the payer says",
        (
            Form(
                Operation(
                    "mutation CheckEligibility($input: CheckEligibilityInput!) { checkEligibility(input: $input) { "
                    f"eligibility {{ {CHECK} }} errors {{ code message field tissCode tissDescription }} }} }}",
                    result="eligibility",
                    is_mutation=True,
                ),
                (
                    Member("patient_id", "cardNumber", TEXT, "Card number of the patient (carteira)", is_required=True),
                    Member("provider_id", "providerCnes", PROVIDER, "Provider, by CNES", is_required=True),
                    Member("payer_id", "payerAnsCode", PAYER, "Payer, by registro ANS", is_required=True),
                    Member("service_date", "serviceDate", DATE, "Service date; by default today in Brasília"),
                    Member("procedure_code", "procedure.code", TEXT, "Procedure to check; without it the card alone"),
                    Member("code_system", "procedure.codeSystem", TEXT, "TUSS table of the procedure; by default 22"),
                    Member("force_refresh", "forceRefresh", Flag(), "Ask the payer even if an answer is stored"),
                ),
                complete=_with_table,
            ),
        ),
        "Eligibility",
    ),
    Endpoint(
        "GET",
        "/eligibility/history",
        "Checks, newest first",
        (
            Form(
                Operation(
                    "query EligibilityHistory($filter: EligibilityFilterInput, $first: Int!, $after: String) { "
                    "eligibilityHistory(filter: $filter, first: $first, after: $after) { "
                    f"nodes {{ {CHECK} patient_id: cardNumber }} pageInfo {{ hasNextPage endCursor }} }} }}"
                ),
                (Member("patient", "filter.patientId", TEXT, "Id of the patient (`patient.id` of a claim)"), *PAGE),
            ),
        ),
        "Eligibilities",
        is_list=True,
    ),
)

"""Which pages of other sites may use the gateway, without a browser."""

import pytest
import structlog

from app.web.origins import Origins

LISTED = "https://billing.example,https://desk.example:8443"


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:5173", "http://localhost", "https://127.0.0.1:3000", "http://[::1]:8080"],
)
def test_pages_of_this_machine_are_allowed_in_development_only(origin: str) -> None:
    assert Origins(LISTED, has_loopback=True).allow(origin)
    assert not Origins(LISTED, has_loopback=False).allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "http://localhost.evil.example",
            "http://localhost@evil.example",
            "file://localhost",
            "null",
            "",
            "localhost",
        ),
        *(
            "http://billing.example",
            "https://billing.example:444",
            "https://desk.example",
            "http://[::1",
            "http://127.0.0.2",
        ),
        None,
    ],
)
def test_pages_of_others_are_not_allowed(origin: str | None) -> None:
    assert not Origins(LISTED, has_loopback=True).allow(origin)


def test_listed_pages_are_allowed_and_answers_vary_only_if_some_are() -> None:
    origins = Origins(LISTED, has_loopback=False)
    assert origins.allow("https://billing.example")
    assert origins.allow("https://desk.example:8443")
    assert [bool(each) for each in (origins, Origins("", has_loopback=False), Origins("", has_loopback=True))] == [
        True,
        False,
        True,
    ]


def test_only_a_page_of_another_site_is_refused() -> None:
    origins = Origins(LISTED, has_loopback=False)
    assert origins.is_refused("https://evil.example", "gateway.example")
    assert not origins.is_refused("https://gateway.example", "gateway.example")
    assert not origins.is_refused(None, "gateway.example")


def test_a_refused_page_is_logged_with_what_to_do() -> None:
    with structlog.testing.capture_logs() as log:
        assert Origins(LISTED, has_loopback=False).is_refused("https://other.example", "gateway.example")
    assert [(each["event"], each["origin"]) for each in log] == [("origin_refused", "https://other.example")]
    assert "BILLING_ALLOWED_ORIGINS" in log[0]["remedy"]

"""Commands about callers: development tokens, and a check of the identity provider."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.auth.keys import KEY_FILE
from app.auth.roles import NARROWED_TO, ROLES, missing_part
from app.auth.tokens import LIFETIME_MAX_SECONDS
from app.commands import console
from app.runtime.build import development_keys
from app.runtime.settings import Settings

TOKEN_SECONDS: Final = 12 * 3_600


def token(
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    provider: Annotated[list[str] | None, typer.Option(help="CNES of a provider; may be repeated.")] = None,
    payer: Annotated[str | None, typer.Option(help="Registro ANS of the only payer.")] = None,
    patient: Annotated[str | None, typer.Option(help="Id of the only patient.")] = None,
    seconds: Annotated[int, typer.Option(help="How long the token is valid.")] = TOKEN_SECONDS,
) -> None:
    """Print one bearer token, signed with the development key (development only)."""
    settings = console.settings()
    if not settings.is_development:
        console.fail("in production the identity provider issues the tokens")
    if role not in ROLES:
        console.fail(f"there is no role {role}; the roles are {', '.join(ROLES)}")
    if missing := missing_part([role], payer=payer or None, patient=patient or None):
        console.fail(f"the role {role} needs --{missing}")
    if not 1 <= seconds <= LIFETIME_MAX_SECONDS:
        console.fail(f"--seconds must be from 1 to {LIFETIME_MAX_SECONDS}")
    narrowing = {"providers": provider or _all_providers(role), "payer": payer, "patient": patient}
    if not (settings.var_dir / KEY_FILE).exists():
        place = settings.var_dir.resolve()
        print(f"made a new key in {place}: a gateway of another folder refuses this token", file=sys.stderr)
    scope = {name: part for name, part in narrowing.items() if part}
    print(development_token(settings, role, scope, lifetime=timedelta(seconds=seconds)))


def _all_providers(role: str) -> list[str]:
    return [] if NARROWED_TO.get(role) == "patient" else ["*"]


def development_token(
    settings: Settings, role: str, scope: dict[str, Any], *, lifetime: timedelta = timedelta(seconds=TOKEN_SECONDS)
) -> str:
    """A bearer token with the claims of `scope`, signed with the development key."""
    keys = development_keys(settings)
    return keys.sign(audience=settings.oidc_audience, role=role, lifetime=lifetime, **scope)


def whoami(
    token_file: Annotated[Path | None, typer.Option(help="A file with a token; `-` is standard input.")] = None,
    scope: Annotated[str | None, typer.Option(help="Scopes to request with a token for the client itself.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="A client certificate (PEM), instead of a token.")] = None,
) -> None:
    """Check the identity provider, its keys and a token, or a client certificate, and show whom the gateway sees."""
    from app.runtime import whoami as identity
    from app.runtime import whoami_certificate

    settings, given = console.settings(), _token_in(token_file)

    try:
        if certificate is not None:
            whoami_certificate.report(settings, certificate, say=console.say)
        else:
            asyncio.run(identity.report(settings, token=given, scope=scope, say=console.say))
    except identity.Failed as error:
        console.note(f"billing: {error}")
        codes = {identity.Misconfigured: console.EXIT_BAD_SETTINGS, identity.Unreachable: console.EXIT_UNAVAILABLE}
        raise typer.Exit(codes.get(type(error), console.EXIT_BAD_INPUT)) from None


def _token_in(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, ValueError) as error:
        console.fail(f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is not text'}")
    return text.strip().removeprefix("Bearer ")

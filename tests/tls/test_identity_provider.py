"""An identity provider whose certificate is from a private authority."""

import ssl
from pathlib import Path

import pytest

from app.auth.principal import InvalidToken
from app.runtime.build import verifier_of
from app.runtime.settings import Settings, SettingsError
from tests.commands import billing
from tests.identity.stand_in import new_key, stand_in
from tests.tls.certificates import Authority


async def test_the_authority_of_the_identity_provider_is_a_setting(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    with stand_in(context) as provider:
        key = new_key("a")
        provider.keys = [key]
        token = f"Bearer {provider.token(key)}"
        without = Settings(var_dir=tmp_path, oidc_issuer=provider.issuer)
        with pytest.raises(InvalidToken, match="key"):
            await verifier_of(without).principal(token)
        trusting = without.model_copy(update={"oidc_ca_file": authority.file})
        assert (await verifier_of(trusting).principal(token)).subject == "u1"
        variables = {"BILLING_VAR_DIR": str(tmp_path), "BILLING_OIDC_ISSUER": provider.issuer}
        refused = billing("whoami", **variables)
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
            3, "billing: the identity provider gave no usable answer: ConnectError",
        )  # fmt: skip
        asked = billing("whoami", **variables, BILLING_OIDC_CA_FILE=str(authority.file))
        assert (asked.returncode, "key: a, ES256" in asked.stdout) == (0, True), asked.stderr


def test_an_authority_that_cannot_be_used_stops_the_start_with_one_line(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, oidc_issuer="https://id.example", oidc_ca_file=tmp_path / "missing.pem")
    with pytest.raises(SettingsError) as refused:
        verifier_of(settings)
    assert str(refused.value) == (
        f"BILLING_OIDC_CA_FILE: cannot use {tmp_path / 'missing.pem'}: No such file or directory"
    )

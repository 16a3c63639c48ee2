"""What `keyring:SERVICE/NAME` leads to: an entry of the system's keyring, by the `keyring` package."""

from __future__ import annotations

from switchgear.errors import ConfigError


def look_up(service_and_name: str) -> str:
    """The secret of an entry. The name is what follows the last slash: services are often called by a URL.

    Raises:
        ConfigError: without the package, without a keyring on this machine, and for an entry that is not there.
    """
    service, slash, name = service_and_name.rpartition("/")
    if not slash or not service or not name:
        raise ConfigError("it names no entry", code="config.secret", hint="write keyring:SERVICE/NAME")
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        raise ConfigError(
            "the package 'keyring' is not installed",
            code="config.secret",
            hint="pip install 'switchgear[keyring]', or use env: or file:",
        ) from None
    try:
        secret = keyring.get_password(service, name)
    except NoKeyringError:
        raise ConfigError(
            "this machine has no keyring", code="config.secret", hint="use env: or file: here, as servers do"
        ) from None
    except KeyringError as error:
        raise ConfigError(
            f"the keyring could not be read ({type(error).__name__})", code="config.secret", hint="unlock it"
        ) from None
    if secret is None:
        raise ConfigError(
            f"the keyring has no '{name}' for the service '{service}'",
            code="config.secret",
            hint=f"keyring set {service} {name}",
        )
    return secret

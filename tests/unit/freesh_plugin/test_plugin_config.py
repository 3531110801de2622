"""PluginConfig: every setting parsed at the border, unknown ones refused, tokens never shown."""

from pathlib import Path

import pytest

from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError


def test_defaults_are_loopback_and_private() -> None:
    config = PluginConfig.from_env({"HOME": "/home/ada"})
    assert (config.admin_host, config.admin_port, config.allow_remote) == ("127.0.0.1", 9480, False)
    assert config.state_dir == Path("/home/ada/.local/state/freesh")
    assert (config.plan_token, config.plan_token_file) == (None, None)


def test_the_state_folder_follows_the_desktop_standard() -> None:
    assert PluginConfig.from_env({"XDG_STATE_HOME": "/var/state"}).state_dir == Path("/var/state/freesh")


def test_every_setting_is_read() -> None:
    config = PluginConfig.from_env(
        {
            "FREESH_NAME": "node 1",
            "FREESH_ADMIN_HOST": "::1",
            "FREESH_ADMIN_PORT": "0",
            "FREESH_STATE_DIR": "/s",
            "FREESH_PLAN_TOKEN": "t" * 16,
            "FREESH_ALLOW_REMOTE": "1",
            "FREESH_MAX_PLAN_LEAD_S": "1800",
            "FREESH_LOG_LEVEL": "debug",
            "PATH": "/bin",
        }
    )
    assert config == PluginConfig(
        Path("/s"), "node 1", "::1", 0, True, "t" * 16, None, max_plan_lead_s=1_800, log_level="DEBUG"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("FREESH_ADMIN_PORT", "65536", "FREESH_ADMIN_PORT: 65536 is out of range, limits 0 and 65535 (port)"),
        ("FREESH_ADMIN_PORT", "-1", "FREESH_ADMIN_PORT: '-1' is not a whole number (port)"),
        ("FREESH_ADMIN_PORT", "", "FREESH_ADMIN_PORT: '' is not a whole number (port)"),
        ("FREESH_ADMIN_PORT", "٣", "FREESH_ADMIN_PORT: '٣' is not a whole number (port)"),
        (
            "FREESH_MAX_PLAN_LEAD_S",
            "172801",
            "FREESH_MAX_PLAN_LEAD_S: 172801 is out of range, limits 1800 and 172800 (seconds)",
        ),
        ("FREESH_ALLOW_REMOTE", "yes", "FREESH_ALLOW_REMOTE: 'yes' is neither 0 nor 1"),
        ("FREESH_NAME", "", "FREESH_NAME: has 0 characters, expected 1 to 200 printable ones"),
        ("FREESH_NAME", "a\nb", "FREESH_NAME: has 3 characters, expected 1 to 200 printable ones"),
        ("FREESH_STATE_DIR", " ", "FREESH_STATE_DIR: ' ' is not a path"),
        ("FREESH_LOG_LEVEL", "loud", "FREESH_LOG_LEVEL: 'loud' is none of DEBUG, INFO, WARNING, ERROR"),
        ("FREESH_PLAN_TOKEN", "", "FREESH_PLAN_TOKEN: the token has 0 characters, limits 16 and 512 characters"),
        (
            "FREESH_PLAN_TOKEN",
            "pass word pass word",
            "FREESH_PLAN_TOKEN: the token has characters other than visible ASCII",
        ),
        ("FREESH_ADMIN_PROT", "1", "FREESH_ADMIN_PROT: unknown setting, the nearest known one is FREESH_ADMIN_PORT"),
    ],
)
def test_bad_settings_are_named_with_their_limit(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PluginConfig.from_env({key: value})
    assert str(caught.value) == message


def test_a_token_and_a_token_file_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="are both set, expected one of them"):
        PluginConfig.from_env({"FREESH_PLAN_TOKEN": "t" * 16, "FREESH_PLAN_TOKEN_FILE": "/t"})


def test_the_token_is_never_shown() -> None:
    assert "s3cret" not in repr(PluginConfig.from_env({"FREESH_PLAN_TOKEN": "s3cret" * 4}))
    with pytest.raises(ConfigError) as caught:
        PluginConfig.from_env({"FREESH_PLAN_TOKEN": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_what_kubernetes_sets_for_a_service_named_freesh_is_no_setting() -> None:
    # As a pod sees Services `freesh`, `freesh-admin` and `freesh-gateway` of its namespace.
    config = PluginConfig.from_env(
        {
            "FREESH_SERVICE_HOST": "10.0.0.1",
            "FREESH_SERVICE_PORT": "80",
            "FREESH_SERVICE_PORT_HTTP": "80",
            "FREESH_PORT": "tcp://10.0.0.1:80",
            "FREESH_PORT_80_TCP": "tcp://10.0.0.1:80",
            "FREESH_PORT_80_TCP_PROTO": "tcp",
            "FREESH_PORT_80_TCP_ADDR": "10.0.0.1",
            "FREESH_ADMIN_PORT": "tcp://10.0.0.2:9480",
            "FREESH_ADMIN_PORT_9480_TCP_PORT": "9480",
            "FREESH_GATEWAY_SERVICE_HOST": "10.0.0.3",
        }
    )
    assert config.admin_port == 9480


def test_the_tests_own_variable_is_no_setting() -> None:
    PluginConfig.from_env({"FREESH_DATA": "/data"})

"""Chapter 04's four protections: every right value is taken, every wider one is shown as found."""

from collections.abc import Callable
from types import ModuleType

import pytest

GOOD = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}


@pytest.fixture
def probes(load_probes: Callable[[str], ModuleType]) -> ModuleType:
    return load_probes("header_probes")


def lacks(probes: ModuleType, **changed: str) -> list[str]:
    """What is found wrong with good headers, some of them changed (``_`` for ``-``)."""
    headers = GOOD | {name.replace("_", "-"): value for name, value in changed.items()}
    answer = probes.Answer(200, {name: (value,) for name, value in headers.items() if value})
    return [lack.found for lack in probes.find_lacks(answer)]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("default-src 'self'; frame-ancestors 'none'", id="as-asked"),
        pytest.param("frame-ancestors 'none';default-src 'none';script-src 'self';", id="stricter"),
        pytest.param("Default-Src 'Self'; Frame-Ancestors 'NONE'", id="capitals"),
        pytest.param(
            "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
            "script-src 'nonce-abc'; upgrade-insecure-requests; frame-ancestors 'none'",
            id="inline-styles-and-drawings",
        ),
        pytest.param(
            "default-src *, default-src 'self'; frame-ancestors 'none'", id="two-policies"
        ),
    ],
)
def test_strict_policy_lacks_nothing(probes: ModuleType, policy: str) -> None:
    assert lacks(probes, content_security_policy=policy) == []


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("default-src *", "default-src *"),
        ("default-src 'self' https://cdn.example", "default-src 'self' https://cdn.example"),
        ("default-src 'self' 'unsafe-inline'", "default-src 'self' 'unsafe-inline'"),
        ("default-src 'self'; script-src https:", "script-src https:"),
        ("default-src 'self'; font-src cdn.example", "font-src cdn.example"),
    ],
)
def test_wide_policy_is_shown_by_its_wide_part(probes: ModuleType, policy: str, found: str) -> None:
    policy = f"{policy}; frame-ancestors 'none'"

    assert lacks(probes, content_security_policy=policy) == [f"Content-Security-Policy: {found}"]


@pytest.mark.parametrize(
    ("policy", "old", "found"),
    [
        ("default-src 'self'", "DENY", []),
        ("default-src 'self'", "SAMEORIGIN", ["X-Frame-Options: SAMEORIGIN"]),
        ("default-src 'self'", "", [""]),
        ("default-src 'self'; frame-ancestors *", "DENY", ["frame-ancestors *"]),
        ("default-src 'self'; frame-ancestors 'self'", "", ["frame-ancestors 'self'"]),
    ],
)
def test_frames_are_for_nobody(probes: ModuleType, policy: str, old: str, found: list[str]) -> None:
    assert lacks(probes, content_security_policy=policy, x_frame_options=old) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("no-referrer", []),
        ("unsafe-url, same-origin, not-yet-invented", []),
        ("unsafe-url", ["Referrer-Policy: unsafe-url"]),
        ("banana", ["Referrer-Policy: banana"]),
        ("", [""]),
    ],
)
def test_referrer_policy_counts_by_its_last_known_word(
    probes: ModuleType, value: str, found: list[str]
) -> None:
    assert lacks(probes, referrer_policy=value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("nosniff, nosniff", []), ("none", ["X-Content-Type-Options: none"]), ("", [""])],
)
def test_types_are_believed(probes: ModuleType, value: str, found: list[str]) -> None:
    assert lacks(probes, x_content_type_options=value) == found

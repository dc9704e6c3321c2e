"""Names and addresses: nothing becomes something else by being cleaned."""

import pytest

from domain.attributes import email_of, name_of


@pytest.mark.parametrize(
    "name",
    [
        "Mary\u00a0Ann",
        "Mary\u202fAnn",
        "\u5c71\u7530\u3000\u592a\u90ce",
        # Zero-width joiners: Malayalam, also at the end of a name, and Persian.
        "\u0d30\u0d2e\u0d47\u0d36\u0d28\u0d4d\u200d",
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
        "word\u2060joiner",
        # A compatibility ideograph, which normalization would replace.
        "\ufa19\u4fdd",
        # Not normalized either way.
        "Jos\u00e9",
        "Jose\u0301",
        "O\u2019Brien-Smith, Jr.",
        "\u202f".join("abc"),
        "\U0001f468\u200d\U0001f469",
        # Private use: characters of names that no standard has.
        "\ue000\u8fba",
        "x" * 255,
        "\u00e9" * 255,
    ],
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert name_of(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ann \u00a0", "Ann"),
        ("Mary\nAnn", "Mary Ann"),
        ("Mary\r\n\tAnn", "Mary Ann"),
        ("Mary\u2028Ann", "Mary Ann"),
        ("Tam\u0000ara", "Tamara"),
        ("Tam\u001b[31mara", "Tam[31mara"),
        ("\u202eTamara\u202c", "Tamara"),
        ("\u2066Tamara\u2069", "Tamara"),
        ("\ufeffTamara", "Tamara"),
    ],
)
def test_only_what_nobody_sees_is_taken_away(text: str, name: str) -> None:
    assert name_of(text) == name


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "\u3000",
        "\u200d",
        "\u200b\u00a0",
        "\u200b\u00a0\u200b",
        "\u202e",
        "\n",
        "x" * 256,
        "\u00e9" * 5_000,
    ],
)
def test_what_is_no_name_or_too_long_to_keep_is_left_out_and_never_cut(text: str | None) -> None:
    assert name_of(text) is None


@pytest.mark.parametrize(
    "email",
    [
        "ann@veterans.example",
        "Ann+va@Veterans.Example",
        '"ann smith"@veterans.example',
        "jos\u00e9@veterans.example",
        "a" * 238 + "@veterans.exampl",
    ],
)
def test_an_address_stays_as_it_is(email: str) -> None:
    assert len(email) <= 254
    assert email_of(f" {email}\n") == email


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "a" * 245 + "@x.example",
        "\u00e9" * 122 + "@x.example.",
        "ann@\u0000veterans.example",
        "ann@veterans.example\u202e",
        "ann\u200b@veterans.example",
        "ann@veterans.example\r\nBcc: b@x.example",
        "ann\u00a0@veterans.example",
    ],
)
def test_an_address_that_would_become_another_is_left_out(text: str | None) -> None:
    assert email_of(text) is None

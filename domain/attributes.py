"""Names and e-mail addresses of a person, as a provider tells them.

Text is never changed into something else: what can't be kept as it is, is left out.
"""

import re
import unicodedata
from typing import Final

_MAX_NAME_CHARACTERS: Final = 255
# Source: RFC 5321, section 4.5.3.1.3: a path has 256 octets with its angle brackets.
_MAX_EMAIL_OCTETS: Final = 254
#: Line ends and other white space that isn't a space.
_BREAKS: Final = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
#: Control characters, and what changes the direction of the text around the name. Joiners aren't
#: among them: they belong to names in several scripts.
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def name_of(text: str | None) -> str | None:
    """Returns a name that is fit to be stored and shown, or None.

    A name that is too long is left out, because half of a name is another name. Every kind of
    space stays. A name isn't normalized: that would replace characters of Japanese names.
    """
    name = _INVISIBLE.sub("", _BREAKS.sub(" ", text or "")).strip()
    is_visible = any(unicodedata.category(each) not in {"Cf", "Zs"} for each in name)
    return name if is_visible and len(name) <= _MAX_NAME_CHARACTERS else None


def email_of(text: str | None) -> str | None:
    """Returns an e-mail address that is fit to be stored and shown, or None.

    Only white space around it is removed. Anything else would make it another address.
    """
    email = (text or "").strip()
    is_clean = email.isprintable() and len(email.encode()) <= _MAX_EMAIL_OCTETS
    return email if email and is_clean else None

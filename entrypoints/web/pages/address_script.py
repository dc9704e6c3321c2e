"""The one script that is in a page: it takes a token out of the address.

It works even if the scripts that use the token never arrive, and before they do. The policy of the
page names it by its hash, so it allows no other (CSP 3, section 2.3.1).
"""

from base64 import b64encode
from hashlib import sha256
from typing import Final

from markupsafe import Markup

#: Keeps the query and the fragment for `handover.js`. They may hold a token or a code.
ADDRESS_SCRIPT: Final = Markup(
    "window.vetassistHandover = { query: location.search, fragment: location.hash }; "
    'history.replaceState(null, "", location.pathname);'
)
#: The source expression that allows it.
ADDRESS_SCRIPT_SOURCE: Final = (
    f"'sha256-{b64encode(sha256(ADDRESS_SCRIPT.encode()).digest()).decode()}'"
)

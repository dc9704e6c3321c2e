"""Reads the forms of the console."""

import hmac
from typing import Final, final

from starlette.requests import Request

from application.errors import ForbiddenError
from application.query_parameters import single_texts, single_values
from domain.operator import parse_reason
from domain.secret import Secret
from entrypoints.web.bounded_body import bounded_body

_MAX_BYTES: Final = 32 * 1024
#: The field that only our own pages know.
FORM_SECRET: Final = "form_secret"  # noqa: S105 - the name of a field


@final
class Form:
    """The fields of a form. A missing one is empty, and white space around one doesn't count."""

    def __init__(self, encoded: str = "") -> None:
        self._encoded = encoded

    @classmethod
    async def of(cls, request: Request) -> "Form":
        """The form that a request sends.

        Raises:
            HTTPException: The body is too large or too slow.
        """
        return cls((await bounded_body(request, max_bytes=_MAX_BYTES)).decode("latin-1"))

    def check(self, expected: Secret) -> None:
        """Allow only a form of a page that this session was shown.

        Raises:
            ForbiddenError: It is another's.
            MalformedParametersError: The field can't be read.
        """
        if not hmac.compare_digest(self.line(FORM_SECRET).encode(), expected.reveal().encode()):
            raise ForbiddenError

    def line(self, name: str) -> str:
        """A field of one line.

        Raises:
            MalformedParametersError: It appears twice, or isn't one line of text.
        """
        return single_values(self._encoded, [name]).get(name, "").strip()

    def text(self, name: str) -> str:
        """A field of any text.

        Raises:
            MalformedParametersError: It appears twice, or isn't UTF-8.
        """
        return single_texts(self._encoded, [name]).get(name, "").strip()

    @property
    def reason(self) -> str:
        """Why the operator does it.

        Raises:
            InvalidReasonError: It isn't a short code.
        """
        return parse_reason(self.line("reason"))

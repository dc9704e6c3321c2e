"""What the server tells the routes about a request of a crowd."""

from typing import Final

#: In the state of a request that waited too long, or found too many waiting. Nothing was done.
TURNED_AWAY: Final = "is_turned_away"

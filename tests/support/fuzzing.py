"""How hard the property tests try: FUZZ_EXAMPLES says how many examples each one takes.

`make test-long` takes more, and `make fuzz` a million inputs.
"""

import os
from typing import Final

from hypothesis import settings

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "300"))

#: Decorates a property; a slow machine is no failure.
fuzzed: Final = settings(max_examples=EXAMPLES, deadline=None)
#: Decorates one whose examples take long to make.
fuzzed_less: Final = settings(max_examples=max(1, EXAMPLES // 5), deadline=None)

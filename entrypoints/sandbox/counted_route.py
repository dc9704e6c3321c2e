"""Routes of the simulated VA that count requests and apply faults."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrypoints.sandbox.fault_answers import dressed, faulty_answer
from entrypoints.sandbox.faults import Endpoint, EndpointFault
from entrypoints.sandbox.world import World

Handler = Callable[[Request], Awaitable[Response]]

REDIRECT_TARGET_PATH = "/sandbox/redirect-target"


def counted_route(
    world: World, endpoint: Endpoint, path: str, handler: Handler, method: str
) -> Route:
    """Returns a route that counts its requests and lets a fault replace the answer."""
    redirect_target = f"{world.settings.public_url}{REDIRECT_TARGET_PATH}"

    async def respond(request: Request) -> Response:
        world.counters.requests[endpoint] += 1
        fault = world.faults.take(endpoint)
        if not isinstance(fault, EndpointFault):
            return await handler(request)
        if fault.delay_seconds:
            await world.sleep(fault.delay_seconds)
        answer = faulty_answer(endpoint, fault, redirect_target=redirect_target, sleep=world.sleep)
        return dressed(await handler(request), fault) if answer is None else answer

    return Route(path, respond, methods=[method])

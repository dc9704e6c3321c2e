"""Serves the reference applications in the same way as `vetassist serve` serves ours."""

import argparse

import uvicorn


def serve(application: str) -> None:
    """Serves an application where the command line says.

    Args:
        application: The module and the name of its factory, such as `benchmarks.reference_app:app`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    options = parser.parse_args()
    uvicorn.run(
        application,
        factory=True,
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws="none",
    )

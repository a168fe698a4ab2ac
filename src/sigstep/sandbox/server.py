"""The sandbox's one server on loopback: routes requests to services, and lets them fail as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from sigstep.sandbox.exchange import Refused, Reply, Request, json_reply
from sigstep.sandbox.faults import Fault, Faults

BODY_BYTES: Final = 32 * 1024 * 1024
Handler = Callable[[Request], Reply]
Route = tuple[str, str, Handler]  # path prefix, service, handler
_GARBAGE: Final = b"\x00<html>{]"


class Server:
    """Threads of werkzeug's server on 127.0.0.1; ``url`` names the host ``localhost``."""

    def __init__(self, routes: Iterable[Route], faults: Faults) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, *_: Any) -> None:
                """Say nothing."""

        self._routes = tuple(routes)
        self._faults = faults
        self._stopping = threading.Event()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._server.block_on_close = False  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True
        )
        self.port = self._server.server_port
        self.url = f"http://localhost:{self.port}"

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the socket."""
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        from werkzeug.exceptions import HTTPException
        from werkzeug.wrappers import Request as WireRequest
        from werkzeug.wrappers import Response

        wire = WireRequest(environ)
        wire.max_content_length = BODY_BYTES
        route = next((one for one in self._routes if wire.path.startswith(one[0])), None)
        fault = self._faults.take(route[1]) if route else None
        if fault is not None and fault.kind == "drop":
            return _drop(environ, start_response)
        try:
            reply = self._reply(wire, route, fault)
            if fault is not None and fault.kind == "lost":
                return _drop(environ, start_response)
        except HTTPException as error:
            reply = Reply(status=error.code or 400)
        response = Response(reply.body, reply.status, dict(reply.headers))
        if fault is not None and fault.kind == "drip":
            response.headers["Content-Length"] = str(len(reply.body))
            response.response = self._drip(reply.body, fault.seconds)
        return response(environ, start_response)

    def _reply(self, wire: Any, route: Route | None, fault: Fault | None) -> Reply:
        if route is None:
            return json_reply({"code": 404, "message": "no such address"}, status=404)
        if fault is not None and fault.kind == "status":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return json_reply({"code": fault.status, "message": "as told"}, status=fault.status, headers=headers)
        if fault is not None and fault.kind == "garbage":
            return Reply(body=_GARBAGE, headers={"Content-Type": "application/json"})
        if fault is not None and fault.kind == "delay":
            self._stopping.wait(fault.seconds)
        request = Request(
            method=wire.method,
            path=wire.path,
            query=wire.args.to_dict(),
            headers={name.title(): value for name, value in wire.headers.items()},
            body=wire.get_data(),
            spoiled=fault is not None and fault.kind == "wrong-signature",
        )
        try:
            return route[2](request)
        except Refused as refused:
            body = {"code": refused.status, "message": refused.message}
            return json_reply(body, status=refused.status, headers=refused.headers)

    def _drip(self, body: bytes, seconds: float) -> Iterator[bytes]:
        for at in range(len(body)):
            if self._stopping.wait(seconds):
                return
            yield body[at : at + 1]


def _drop(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response("200 OK", [("Content-Length", "1")])
    return [b"x"]

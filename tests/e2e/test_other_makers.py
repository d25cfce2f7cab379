"""A relay between programs of other makers: nginx in front of the server, and Java's own client."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from core.capture.records import ConnectionState, Direction
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import EngineSettings
from core.net.tls.authority import AuthorityStore
from core.net.tls.settings import ServerTls, TlsSettings
from tests.tools.program import Program
from tests.tools.proxied import ANYWHERE, closed_port, echoing
from tests.tools.raw_end import answers
from tests.tools.served import Served, messages_of
from tests.tools.waiting import PATIENCE_SECONDS, until

HERE = Path(__file__).parent
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
JAVA = shutil.which("java")
CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    location /app/ {{ proxy_pass {app}/; }}
    location /gone/ {{ proxy_pass http://127.0.0.1:{closed}/; }}
  }}
}}
"""


@contextmanager
def nginx_before(app: str, folder: Path) -> Iterator[str]:
    """The place of an nginx that passes what begins with /app/ on to `app`, and has a location that is down."""
    assert NGINX is not None
    port, configuration = closed_port(), folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, app=app, closed=closed_port()))
    with Program([NGINX, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]) as program:
        until(lambda: answers(port) or program.process.poll() is not None, "nginx listens")
        assert program.process.poll() is None, program.errors
        yield f"127.0.0.1:{port}"


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
def test_nginx_in_front_of_the_server(served: Served, tmp_path: Path) -> None:
    with (
        Program(["node", str(HERE / "node" / "app.mjs")]) as app,
        nginx_before(f"http://127.0.0.1:{app.line()}", tmp_path) as place,
    ):
        port = served.relay(f"ws://{place}")
        with connect(f"ws://127.0.0.1:{port}/app/ws") as client:
            for text in ("hello", "x" * 200_000):
                client.send(text)
                assert client.recv() == text
        pages = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        # Both on one connection, so that what nginx keeps alive is kept alive.
        for path, status, words in (("/app/app.js", 200, b"WebSocket"), ("/gone/", 502, b"nginx")):
            pages.request("GET", path)
            answer = pages.getresponse()
            assert answer.status == status
            assert words in answer.read()
        pages.close()
    until(lambda: served.host.open_connections == 0, "all is over")
    served.host.recorder.flush()
    socket_record, script, gone = served.reader.connections()
    assert b"Server: nginx/" in socket_record.response
    assert (socket_record.path, socket_record.close_code, socket_record.violation_count) == (
        "/app/ws",
        1000,
        0,
    )
    assert [(each.path, each.status) for each in (script, gone)] == [("/app/app.js", 200), ("/gone/", 502)]
    assert {each.state for each in (script, gone)} == {ConnectionState.EXCHANGED}


@pytest.mark.skipif(JAVA is None, reason="there is no Java")
def test_java_as_a_client(tmp_path: Path) -> None:
    settings = EngineSettings(tls=TlsSettings(authority_folder=tmp_path / "data"))
    authority = tmp_path / "authority.pem"
    with Served(tmp_path / "a.unmask", settings) as served, echoing() as server:
        target = parse_url(f"ws://127.0.0.1:{server}")
        secured = served.relay_with(Relay(ANYWHERE, target, tls=ServerTls()))
        plain = served.relay(target.text)
        authority.write_bytes(AuthorityStore(tmp_path / "data").authority().pem)
        urls = [f"wss://localhost:{secured}/secured", f"ws://127.0.0.1:{plain}/plain"]
        assert JAVA is not None
        # Started once only, and without time for what pays in long runs.
        quick = ("-XX:TieredStopAtLevel=1", "-Xshare:auto")
        with Program([JAVA, *quick, str(HERE / "java" / "Client.java"), str(authority), *urls]) as java:
            once = ["text hello from Java", "binary 70000", "pong 6", "close 4000 done"]
            assert java.rest() == [*once, *once], java.errors
            assert java.wait() == 0
        served.captured(
            lambda reader: [each.close_code for each in reader.connections()] == [4000, 4000],
            "both are closed",
        )
        for record in served.reader.connections():
            assert b"X-From: Java\r\n" in record.request
            assert record.violation_count == 0
            said = messages_of(served.reader, record.id)
            assert next(each.frames for each in said if each.direction is Direction.CLIENT_TO_SERVER) == 2
        assert [leg.tls is not None for leg in served.reader.legs(1)] == [True, False]

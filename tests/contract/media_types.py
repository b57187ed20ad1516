"""The media type of pieces of an upload (tus 1.0) for Schemathesis, which knows none for raw bytes by that name."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def raw_bytes(context, value):
    return value if isinstance(value, bytes) else str(value).encode()

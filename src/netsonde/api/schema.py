# SPDX-License-Identifier: Apache-2.0
"""What can be asked for: /api/schema."""

import hashlib
from functools import cache

from litestar import Response, Router, get

from netsonde.access.rights import PUBLIC
from netsonde.api.requests import JSON_UTF8, AnyRequest, encode
from netsonde.schema import VERSION, schema


@get("/schema", right=PUBLIC, operation_id="getSchema", summary="Steps, metadata keys, fields of flows and metrics")
async def get_schema(request: AnyRequest) -> Response[bytes]:
    content, tag = _document()
    if request.headers.get("if-none-match") == tag:
        return Response(content=b"", status_code=304, media_type=JSON_UTF8, headers={"ETag": tag})
    return Response(content=content, media_type=JSON_UTF8, headers={"ETag": tag})


@cache
def _document() -> tuple[bytes, str]:
    content = encode(schema())
    return content, f'"{VERSION}-{hashlib.sha256(content).hexdigest()[:12]}"'


router = Router("/api", route_handlers=[get_schema], tags=["query"])

"""boto3's client for an address."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import get_session

from cellcommons.s3.address import S3Address
from cellcommons.s3.faults import explained

# Holds the parsed description of S3's requests, which takes longer to read than all else here.
_LOADER = create_loader()


def make_client(address: S3Address, *, endpoint: str | None, attempts: int, timeout: float) -> Any:
    """A client with connections of its own and the credentials that the environment holds now. Raises StoreUnusable."""
    plain = get_session()
    plain.register_component("data_loader", _LOADER)
    session = boto3.session.Session(botocore_session=plain)
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if address.path_style else "auto"},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=min(10.0, timeout),
        read_timeout=timeout,
        max_pool_connections=32,
        # We send the sha256, which is the name; a crc32 of boto's own beside it would be one more reading.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    region = address.region or os.environ.get("AWS_REGION") or session.region_name or "us-east-1"
    with explained(address.url):
        return session.client("s3", endpoint_url=endpoint, region_name=region, config=config)

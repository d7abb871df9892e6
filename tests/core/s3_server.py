"""An S3 of this machine for tests: moto's server, one for all of a process's tests."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
BUCKET = "mltrack-tests"


@lru_cache(maxsize=1)
def endpoint() -> str:
    """Start the server at the first call and give its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def environment(url: str | None = None) -> dict[str, str]:
    """What a process needs to find the server, and nothing of the machine's own."""
    return {
        "AWS_ENDPOINT_URL": url or endpoint(),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }


@lru_cache(maxsize=1)
def client() -> Any:
    """A client of the server that is not ours, to look at what is there."""
    made = boto3.client(
        "s3",
        endpoint_url=endpoint(),
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    made.create_bucket(Bucket=BUCKET)
    return made


def objects(prefix: str) -> dict[str, bytes]:
    """All objects below a prefix."""
    found = client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {
        each["Key"].removeprefix(prefix): client().get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
        for each in found
    }


def uploads() -> list[str]:
    """The keys of the multipart uploads that were begun and neither completed nor aborted."""
    return [each["Key"] for each in client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

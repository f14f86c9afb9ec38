"""Writes the manifest with aioinflux and its defaults."""

import asyncio
import sys
from urllib.parse import urlsplit

import driving
from aioinflux import InfluxDBClient
from driving import BUCKET, TOKEN, URL


async def main() -> None:
    """One request a tick, awaited."""
    where = urlsplit(URL)
    async with InfluxDBClient(
        host=where.hostname,
        port=where.port,
        ssl=where.scheme == "https",
        db=BUCKET,
        username="faultlab",
        password=TOKEN,
    ) as client:
        for lines in driving.ticks():
            try:
                await client.write("\n".join(lines))
            except Exception as problem:  # noqa: BLE001 - whatever it is, the application has heard of it
                driving.tell("failed", lines, f"{type(problem).__name__}: {problem}")
            else:
                driving.tell("ok", lines)


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(driving.failed)

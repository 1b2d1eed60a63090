"""A TCP proxy before a broker that cuts, delays and swallows, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading

END_TXN = 26
WRITE_TXN_MARKERS = 27
TXN_OFFSET_COMMIT = 28
LET_GO_S = 0.5
"""How long a request waits after a late one was released into its middle, so that the broker has handled the late one."""


class Proxy:
    """Listens on `port` and forwards to `target` (set later); its attributes say what it does to the traffic."""

    def __init__(self) -> None:
        self.target = 0
        self.delay_s = 0.0
        self.delay_markers_s = 0.0
        """How long the markers of an ended transaction take; for a proxy between the broker and itself."""
        self.silent = False
        """Half-open: nothing is forwarded, connections stay."""
        self.drop_replies_to: int | None = None
        """Swallow the next reply to a request of this API key."""
        self.late_end: tuple[str, threading.Event] | None = None
        """The transactional id whose EndTxn is held back, until its next transaction commits offsets, and whether that has come."""
        self.hold_an_end = False
        """Hold the next EndTxn back."""
        self.late = 0
        """Ends that were released in the middle of a later transaction."""
        self.late_markers = 0
        """Requests for markers that were delayed."""
        self.dropped = self.cuts = self.held = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self.loop = asyncio.new_event_loop()
        self.port = self.loop.run_until_complete(self._listen())
        threading.Thread(target=self.loop.run_forever, daemon=True, name="proxy").start()

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        asked: dict[int, int] = {}
        self.writers |= {writer, up_writer}
        await asyncio.gather(self._pump(reader, up_writer, asked, replies=False), self._pump(up_reader, writer, asked, replies=True))
        self.writers -= {writer, up_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int], *, replies: bool) -> None:
        """Frames of the Kafka protocol: four bytes of length, then API key, version and correlation id, or the correlation id of a reply."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(4)
                body = await reader.readexactly(struct.unpack(">i", head)[0])
                if replies:
                    if asked.pop(struct.unpack(">i", body[:4])[0], None) == self.drop_replies_to is not None:
                        self.drop_replies_to = None
                        self.dropped += 1
                        continue
                else:
                    key, _, correlation = struct.unpack(">hhi", body[:8])
                    asked[correlation] = key
                    await self._late_end(key, body)
                    if key == WRITE_TXN_MARKERS and self.delay_markers_s:
                        self.late_markers += 1
                        await asyncio.sleep(self.delay_markers_s)
                if self.delay_s:
                    self.held += 1
                    await asyncio.sleep(self.delay_s)
                while self.silent:
                    self.held += 1
                    await asyncio.sleep(0.05)
                writer.write(head + body)
                await writer.drain()
        writer.close()

    async def _late_end(self, key: int, body: bytes) -> None:
        """Hold an EndTxn back until the same shard is in the middle of a later transaction; that one's next request waits for it."""
        if key == END_TXN and self.hold_an_end:
            self.hold_an_end = False
            released = threading.Event()
            self.late_end = transactional_id(body), released
            while not released.is_set():
                await asyncio.sleep(0.02)
            self.late += 1
        elif key == TXN_OFFSET_COMMIT and self.late_end is not None and self.late_end[0] == transactional_id(body):
            self.late_end[1].set()
            self.late_end = None
            await asyncio.sleep(LET_GO_S)

    def cut(self) -> None:
        """Reset every connection."""

        def now() -> None:
            for writer in self.writers:
                self.cuts += 1
                writer.transport.abort()

        self.loop.call_soon_threadsafe(now)

    def close(self) -> None:
        """Stop forwarding."""
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)


def transactional_id(body: bytes) -> str:
    """Of a request that begins with it, behind the client's name."""
    (client,) = struct.unpack(">h", body[8:10])
    at = 10 + max(0, client)
    (size,) = struct.unpack(">h", body[at : at + 2])
    return body[at + 2 : at + 2 + size].decode()

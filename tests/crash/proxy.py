"""A TCP proxy between a program and the broker, to lose what travels: it can be cut (connections
are closed, new ones work) or frozen (bytes are taken and vanish, as on a dead link).
"""

import selectors
import socket
import threading

CHUNK = 65536


class Proxy:
    """Forwards its own `endpoint` to `target` (tcp://HOST:PORT) in a thread."""

    def __init__(self, target):
        host, _, port = target.rpartition("//")[2].rpartition(":")
        self.target = host, int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.frozen = False
        self.swallowed = 0
        self.pairs = {}
        self.lock = threading.Lock()
        self.closing = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.closing:
            for key, _ in self.selector.select(0.05):
                with self.lock:
                    self.serve(key.fileobj)

    def serve(self, source):
        if source is self.listener:
            self.accept()
        elif source in self.pairs:
            self.forward(source)

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(self.target, 5)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def forward(self, source):
        try:
            data = source.recv(CHUNK)
            if data and self.frozen:
                self.swallowed += len(data)
            elif data:
                self.pairs[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            self.drop(source)

    def drop(self, source):
        other = self.pairs.pop(source, None)
        self.pairs.pop(other, None)
        for end in (source, other):
            if end:
                self.selector.unregister(end)
                end.close()

    def cut(self):
        """Closes all connections; whoever connects again is served."""
        with self.lock:
            while self.pairs:
                self.drop(next(iter(self.pairs)))

    def freeze(self):
        with self.lock:
            self.frozen = True

    def thaw(self):
        """What was swallowed is lost, so what is connected is of no use any more."""
        self.cut()
        with self.lock:
            self.frozen = False

    def close(self):
        self.closing = True
        self.thread.join(5)
        self.cut()
        self.selector.close()
        self.listener.close()

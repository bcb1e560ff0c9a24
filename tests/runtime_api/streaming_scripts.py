"""What runtimes that stream their answers are made of."""

from __future__ import annotations

# A runtime that asks for events as often as it is told to, and begins an answer to each; `wait_for` waits for a file.
STREAMER = """
    import time

    def wait_for(name):
        while not os.path.exists(name):
            time.sleep(0.001)

    class Streamer(Api):
        def begin(self):
            self.request_id, self.event = self.next()
            self.send((f"POST /2018-06-01/runtime/invocation/{self.request_id}/response HTTP/1.1\\r\\n"
                "Transfer-Encoding: chunked\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n\\r\\n").encode())

        def chunk(self, piece):
            self.send(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))

        def end(self, trailers=""):
            self.send(f"0\\r\\n{trailers}\\r\\n".encode())
            return self.answer()[0]

    api = Streamer()
    """

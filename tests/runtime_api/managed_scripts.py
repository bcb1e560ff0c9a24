"""A runtime with several workers, each a thread with a connection of its own."""

from __future__ import annotations

# Each worker answers with its event; an event that names a file waits until that is there, others fail or end the process.
WORKERS = """
    import threading, time

    def work():
        api = Api()
        while True:
            request_id, body = api.next()
            order = body.decode().strip('"')
            say("got", order)
            if order == "exit":
                os._exit(3)
            if order == "fail":
                api.fail(request_id, b'{"errorType":"Oops"}')
                continue
            while order and not os.path.exists(order):
                time.sleep(0.001)
            for _ in range(2 if order.startswith("late") else 1):
                status, _, answer = api.respond(request_id, f"[{os.getpid()}]".encode())
                if status != 202:
                    say("refused", status, answer.decode().strip())

    workers = [threading.Thread(target=work) for _ in range(int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    """

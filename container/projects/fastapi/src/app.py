"""The function: a web application, behind its function URL."""

import bootstrap
from fastapi import FastAPI

app = FastAPI()


@app.get("/hello/{who}")
async def hello(who: str) -> dict[str, str]:
    """Greet somebody."""
    return {"message": f"Hello, {who}!"}


handler = bootstrap.asgi(app)

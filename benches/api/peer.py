"""What the API is measured beside: FastAPI on uvicorn's fastest loop and parser, asyncpg to the same database, and nothing it does not need."""

import os
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI

COSTS = """
    SELECT service_name, billing_currency, sum(billed_cost)::text AS amount, sum(charges) AS charges
    FROM costs_by_service GROUP BY service_name, billing_currency ORDER BY sum(billed_cost) DESC
"""


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/api/instance")
async def instance() -> dict:
    return {"arm": "even", "plan": "app-service/S1", "version": "0.1.0", "worker": "00000000-0000-7000-8000-000000000001"}


@app.get("/api/costs")
async def costs(group_by: str) -> dict:
    rows = await app.state.pool.fetch(COSTS)
    return {
        "groups": [
            {"group": {group_by: row["service_name"]}, "currency": row["billing_currency"], "amount": row["amount"], "charges": int(row["charges"])}
            for row in rows
        ]
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), loop="uvloop", http="httptools", access_log=False, log_level="error")

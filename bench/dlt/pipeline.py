"""The same source as an expert would write it with dlt, into DuckDB.

One argument, JSON: {"origin", "client_id", "client_secret", "resource": "logs" | "users", "nested": bool, "folder"}.
Prints one line of JSON with what was measured. Imports are not timed; the token, the extraction, the
normalisation and the load are.
"""

import json
import resource
import sys
import time

import dlt
import duckdb
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import BasePaginator, PageNumberPaginator

PAGE_SIZE = 100


class LogIdPaginator(BasePaginator):
    """Asks behind the last `log_id` until a page is empty: the Link header never ends."""

    def __init__(self, start):
        super().__init__()
        self.position = start

    def init_request(self, request):
        self._ask(request)

    def update_state(self, response, data=None):
        if data:
            self.position = data[-1]["log_id"]
        else:
            self._has_next_page = False

    def update_request(self, request):
        self._ask(request)

    def _ask(self, request):
        request.params = {**(request.params or {}), "from": self.position, "take": PAGE_SIZE}


def client_of(spec):
    return RESTClient(
        base_url=spec["origin"] + "/api/v2/",
        auth=OAuth2ClientCredentials(
            access_token_url=spec["origin"] + "/oauth/token",
            client_id=spec["client_id"],
            client_secret=spec["client_secret"],
            access_token_request_data={"audience": spec["origin"] + "/api/v2/"},
        ),
    )


@dlt.resource(name="logs", primary_key="log_id", write_disposition="append")
def logs(spec, position=dlt.sources.incremental("log_id")):
    client = client_of(spec)
    start = position.last_value
    if start is None:
        oldest = client.get("logs", params={"sort": "date:1", "per_page": PAGE_SIZE, "page": 0}).json()
        first = min(oldest, key=lambda log: log["log_id"])
        yield [first]
        start = first["log_id"]
    yield from client.paginate("logs", paginator=LogIdPaginator(start), data_selector="$")


@dlt.resource(name="users", primary_key="user_id", write_disposition="append")
def users(spec):
    paginator = PageNumberPaginator(base_page=0, page_param="page", total_path=None)
    params = {"per_page": PAGE_SIZE}
    yield from client_of(spec).paginate("users", paginator=paginator, params=params, data_selector="$")


def as_text(row):
    """Nested members as JSON text: no child tables, and integers beyond 64 bits keep their digits."""
    return {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in row.items()}


def fitting(value):
    """The same value with integers beyond 64 bits as text: dlt's JSON writer and its columns refuse them."""
    if isinstance(value, dict):
        return {name: fitting(member) for name, member in value.items()}
    if isinstance(value, list):
        return [fitting(member) for member in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def peak_mb():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        return None


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    spec = json.loads(sys.argv[1])
    source = {"logs": logs, "users": users}[spec["resource"]](spec)
    source.add_map(fitting if spec["nested"] else as_text)
    database = spec["folder"] + "/dlt.duckdb"
    before = cpu_seconds()
    start = time.perf_counter()
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=spec["folder"],
        destination=dlt.destinations.duckdb(database),
        dataset_name="auth0",
    )
    pipeline.run(source, loader_file_format="parquet")
    seconds = time.perf_counter() - start
    used = cpu_seconds() - before
    with duckdb.connect(database, read_only=True) as connection:
        rows = connection.execute("SELECT count(*) FROM auth0." + spec["resource"]).fetchone()[0]
    metrics = {"rows": rows, "seconds": seconds, "rowsPerSecond": rows / seconds}
    print(json.dumps({"event": "result", "metrics": metrics, "use": {"peakMb": peak_mb(), "cpuSeconds": used}}), flush=True)


if __name__ == "__main__":
    main()
